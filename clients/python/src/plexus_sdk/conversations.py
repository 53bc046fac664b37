"""Conversations: lookup by name, creation, members."""

import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from plexus.directory.v1.people_pb2 import Person
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
from plexus_sdk.errors import NameNotFound
from plexus_sdk.names import Named, closest, fold, the_one
from plexus_sdk.people import ID_PREFIX as PERSON_PREFIX
from plexus_sdk.people import People

ID_PREFIX: Final = "cnv_"
# Lifetime of a cached name: a renamed group is still found by its previous name.
REMEMBER_SECONDS: Final = 60.0
_MAX_REMEMBERED: Final = 10_000
_MIN_SUFFIX: Final = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation that a name means.

    Attributes:
        person: the other one of a direct conversation that was given as a person.
        alike: further groups of the same name, in the order in which the caller joined them.
    """

    id: str
    person: Person | None = None
    alike: tuple[ConversationView, ...] = ()


class Conversations:
    """The caller's conversations."""

    def __init__(self, plexus: Plexus, *, people: People) -> None:
        self._plexus = plexus
        self._people = people
        self._remembered: dict[str, tuple[str, float]] = {}

    async def resolve(self, name: str) -> str:
        """Return the id of a conversation; see `find` for names, which are kept for a minute.

        Raises:
            NameNotFound: neither a group of the caller nor a person has this name.
            NameAmbiguous: it fits several.
        """
        if name.startswith(ID_PREFIX):
            return name
        remembered = self._remembered.get(name)
        if remembered is not None and remembered[1] > time.monotonic():
            return remembered[0]
        conversation_id = (await self.find(name)).id
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[name] = (conversation_id, time.monotonic() + REMEMBER_SECONDS)
        return conversation_id

    async def find(self, name: str, *, archived: bool = False) -> Place:
        """Return the conversation that a name means.

        A group comes before a person of the same name. Of several groups of the same name it is
        the one that the caller has been in longest, so that a new group never takes the place of
        another; `NAME#ABCD`, with the end of its id, means one of the others.

        Args:
            name: an id (`cnv_…`); the name of a group of the caller; `@person`, whose direct
                conversation is created if there is none; a person without `@`; or a beginning of
                a group's name. A person is a handle, id, display name, pinyin or a beginning.
            archived: whether archived groups are among them.

        Raises:
            NameNotFound: neither a group of the caller nor a person has this name.
            NameAmbiguous: it fits several.
        """
        if name.startswith(ID_PREFIX):
            return Place(name)
        if name.startswith(("@", PERSON_PREFIX)):
            return await self._with(await self._people.resolve(name))
        groups = [
            view
            async for view in self.all(archived=archived)
            if view.conversation.kind == Conversation.KIND_GROUP
        ]
        if found := _of_name(name, groups):
            return Place(found[0].conversation.id, alike=tuple(found[1:]))
        with contextlib.suppress(NameNotFound):
            return await self._with(await self._people.get(name))
        near = closest(
            name, (Named(each.conversation.id, each.conversation.name) for each in groups)
        )
        if (group := the_one(name, near)) is not None:
            return Place(group.id)
        with contextlib.suppress(NameNotFound):
            return await self._with(await self._people.resolve(name))
        raise NameNotFound(
            f"You are in no group called {name}, and nobody has this name: give an id of "
            "`client.conversations.all()`.",
            reason="CONVERSATION_NOT_FOUND",
            metadata={"name": name},
        )

    async def _with(self, person: Person) -> Place:
        return Place((await self._direct(person.id)).id, person=person)

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
        """Return the direct conversation with a person, see `find`; create it if needed.

        Raises:
            NameNotFound: no person has this name.
            NameAmbiguous: it fits several.
        """
        return await self._direct((await self._people.resolve(person)).id)

    async def _direct(self, person_id: str) -> Conversation:
        request = CreateConversationRequest(
            request_id=new_request_id(),
            kind=Conversation.KIND_DIRECT,
            member_ids=[person_id],
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
            members: handles, ids or display names of others, at most 5,000.
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


def _of_name(name: str, groups: Sequence[ConversationView]) -> list[ConversationView]:
    """Return the groups of a name, the one that the caller joined first at the beginning.

    Archived ones are at the end. Without any of exactly this name: those whose name differs in
    case or width, else the one that `NAME#ABCD` means.
    """
    head, mark, suffix = name.rpartition("#")
    found = (
        [each for each in groups if each.conversation.name == name]
        or [each for each in groups if fold(each.conversation.name) == fold(name)]
        or [
            each
            for each in groups
            if mark
            and len(suffix) >= _MIN_SUFFIX
            and each.conversation.id.endswith(suffix.upper())
            and fold(each.conversation.name) == fold(head)
        ]
    )
    return sorted(found, key=_joined)


def _joined(view: ConversationView) -> tuple[bool, int, str]:
    joined_at = view.member.joined_at.ToNanoseconds()
    return view.conversation.archived, joined_at, view.conversation.id
