"""Conversations: lookup by name, creation, members."""

import time
from collections.abc import AsyncIterator, Iterable
from typing import Final

from plexus.messaging.v1.conversations_pb2 import Conversation, ConversationView, Member
from plexus.messaging.v1.messaging_service_pb2 import (
    AddMembersRequest,
    CreateConversationRequest,
    GetConversationRequest,
    ListConversationsRequest,
    ListMembersRequest,
    RemoveMembersRequest,
)

from plexus_sdk.connection import Plexus, new_request_id
from plexus_sdk.errors import NameAmbiguous, NameNotFound
from plexus_sdk.people import ID_PREFIX as PERSON_PREFIX
from plexus_sdk.people import People

ID_PREFIX: Final = "cnv_"
# Lifetime of a cached name: a renamed group is still found by its previous name.
REMEMBER_SECONDS: Final = 60.0
_MAX_REMEMBERED: Final = 10_000


class Conversations:
    """The caller's conversations."""

    def __init__(self, plexus: Plexus, *, people: People) -> None:
        self._plexus = plexus
        self._people = people
        self._remembered: dict[str, tuple[str, float]] = {}

    async def resolve(self, name: str) -> str:
        """Return the id of a conversation.

        Args:
            name: an id (`cnv_…`); a person (`@handle`, or an id `per_…`), whose direct
                conversation is created if there is none; the name of a group of the caller; or a
                handle, if no group has this name.

        Raises:
            NameNotFound: neither a group of the caller nor a person has this name.
            NameAmbiguous: several groups have this name, or a group and a person have it.
        """
        if name.startswith(ID_PREFIX):
            return name
        remembered = self._remembered.get(name)
        if remembered is not None and remembered[1] > time.monotonic():
            return remembered[0]
        conversation_id = await self._resolved(name)
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[name] = (conversation_id, time.monotonic() + REMEMBER_SECONDS)
        return conversation_id

    async def _resolved(self, name: str) -> str:
        if name.startswith(("@", PERSON_PREFIX)):
            return (await self.direct(name)).id
        groups = [
            view.conversation.id
            async for view in self.all()
            if view.conversation.kind == Conversation.KIND_GROUP and view.conversation.name == name
        ]
        try:
            person = (await self._people.get(name)).id
        except NameNotFound:
            person = ""
        candidates = [*groups, *([person] if person else [])]
        if len(candidates) > 1:
            raise NameAmbiguous(
                f"{name} is the name of {', '.join(candidates)}: give an id, or @{name} for the "
                "person.",
                candidates=candidates,
            )
        if groups:
            return groups[0]
        if person:
            return (await self.direct(person)).id
        raise NameNotFound(
            f"You are in no group called {name}, and nobody has this handle: give an id of "
            "`client.conversations.all()`.",
            reason="CONVERSATION_NOT_FOUND",
        )

    async def all(self, *, archived: bool = False) -> AsyncIterator[ConversationView]:
        """Yield the caller's conversations with unread counts, most recently active first.

        A conversation that moves while pages are read is yielded once, in its first state.
        """
        token, yielded = "", set()
        while True:
            request = ListConversationsRequest(
                page_size=500, page_token=token, include_archived=archived
            )
            response = await self._plexus.call(self._plexus.messaging.ListConversations, request)
            for view in response.views:
                if view.conversation.id not in yielded:
                    yielded.add(view.conversation.id)
                    yield view
            token = response.next_page_token
            if not token:
                return

    async def get(self, name: str) -> ConversationView:
        """Return a conversation with the caller's unread counts; see `resolve` for names."""
        request = GetConversationRequest(conversation_id=await self.resolve(name))
        return (await self._plexus.call(self._plexus.messaging.GetConversation, request)).view

    async def direct(self, person: str) -> Conversation:
        """Return the direct conversation with a person, given by handle or id; create it if needed.

        Raises:
            NameNotFound: no person has this name.
        """
        found = await self._people.get(person)
        request = CreateConversationRequest(
            request_id=new_request_id(),
            kind=Conversation.KIND_DIRECT,
            member_ids=[found.id],
        )
        response = await self._plexus.call(self._plexus.messaging.CreateConversation, request)
        return response.conversation

    async def create_group(
        self,
        name: str,
        members: Iterable[str] = (),
        *,
        topic: str = "",
        open_history: bool = False,
        request_id: str = "",
    ) -> Conversation:
        """Create a group, of which the caller becomes owner.

        Args:
            name: 1 to 200 characters.
            members: handles or ids of others, at most 5,000.
            topic: subject, at most 4,000 characters.
            open_history: whether members can read messages posted before they joined.
            request_id: idempotency key for repeats; generated if empty.

        Raises:
            NameNotFound: no person has one of these names.
            Refused: the refusal of messaging.
        """
        people = await self._people.find(members)
        request = CreateConversationRequest(
            request_id=request_id or new_request_id(),
            kind=Conversation.KIND_GROUP,
            name=name,
            topic=topic,
            history=Conversation.HISTORY_ALL if open_history else Conversation.HISTORY_SINCE_JOIN,
            member_ids=[person.id for person in people.values()],
        )
        response = await self._plexus.call(self._plexus.messaging.CreateConversation, request)
        return response.conversation

    async def add_members(self, conversation: str, people: Iterable[str]) -> list[str]:
        """Add people to a group; return the ids of the new members.

        Raises:
            Refused: `DIRECT_CONVERSATION_FIXED` and others of messaging.
        """
        found = await self._people.find(people)
        request = AddMembersRequest(
            request_id=new_request_id(),
            conversation_id=await self.resolve(conversation),
            person_ids=[person.id for person in found.values()],
        )
        response = await self._plexus.call(self._plexus.messaging.AddMembers, request)
        return list(response.added_person_ids)

    async def remove_members(self, conversation: str, people: Iterable[str]) -> list[str]:
        """Remove people from a group; return the ids of the removed members.

        Raises:
            Refused: `LAST_OWNER` and others of messaging.
        """
        found = await self._people.find(people)
        request = RemoveMembersRequest(
            request_id=new_request_id(),
            conversation_id=await self.resolve(conversation),
            person_ids=[person.id for person in found.values()],
        )
        response = await self._plexus.call(self._plexus.messaging.RemoveMembers, request)
        return list(response.removed_person_ids)

    async def members(self, conversation: str) -> AsyncIterator[Member]:
        """Yield the members of a conversation in order of person id."""
        conversation_id, token = await self.resolve(conversation), ""
        while True:
            request = ListMembersRequest(
                conversation_id=conversation_id, page_size=1000, page_token=token
            )
            response = await self._plexus.call(self._plexus.messaging.ListMembers, request)
            for member in response.members:
                yield member
            token = response.next_page_token
            if not token:
                return
