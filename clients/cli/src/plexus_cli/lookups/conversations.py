"""Conversations of the caller, by id, name or person."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from plexus.messaging.v1.conversations_pb2 import ConversationEvent, ConversationView
from plexus.messaging.v1.messages_pb2 import Message
from plexus.messaging.v1.messaging_service_pb2 import ListConversationEventsRequest
from plexus_sdk import Conversations, NameNotFound, People, Place, Plexus, Refused

from plexus_cli.context import name_people, unknown_people
from plexus_cli.language import counted, tr
from plexus_cli.lines import people_in
from plexus_cli.output import mention_aside

_SUFFIX: Final = 4


def title_of(view: ConversationView, names: dict[str, str]) -> str:
    """Return the title of a conversation: its name, or the other member's handle."""
    return view.conversation.name or f"@{names.get(view.peer_id, view.peer_id)}"


def titles_of(views: Iterable[ConversationView], names: dict[str, str]) -> dict[str, str]:
    """Return titles by id; equal ones get the end of the id, which commands accept."""
    titles = {view.conversation.id: title_of(view, names) for view in views}
    alike = Counter(titles.values())
    return {
        id_: f"{title}#{id_[-_SUFFIX:]}" if alike[title] > 1 else title
        for id_, title in titles.items()
    }


async def all_views(plexus: Plexus, *, archived: bool = False) -> list[ConversationView]:
    """Return every conversation of the caller, most recently active first."""
    conversations = Conversations(plexus, people=People(plexus))
    return [view async for view in conversations.all(archived=archived)]


async def resolve(plexus: Plexus, conversation: str, *, archived: bool = False) -> str:
    """Return the id of a conversation given by id, by its group name, or by `@person`.

    Says on standard error which one was taken where the name leaves a doubt.

    Raises:
        Refused: no conversation of the caller has this name, or it fits several.
    """
    conversations = Conversations(plexus, people=People(plexus))
    try:
        place = await conversations.find(conversation, archived=archived)
    except NameNotFound as refused:
        if refused.reason == "PERSON_NOT_FOUND":
            raise unknown_people(refused) from refused
        raise Refused(
            tr(
                "You are in no conversation called {name}, and nobody has this name: "
                "see `plexus conversations list`.",
                name=conversation,
            ),
            reason=refused.reason,
        ) from refused
    _explain(conversation, place)
    return place.id


def _explain(name: str, place: Place) -> None:
    person = place.person
    if person is not None and name.removeprefix("@").lower() not in {person.handle, person.id}:
        mention_aside(tr("{name} is @{handle}.", name=name, handle=person.handle))
    if place.alike:
        others = ", ".join(f"{name}#{each.conversation.id[-_SUFFIX:]}" for each in place.alike)
        mention_aside(
            counted(
                len(place.alike),
                "Another group has this name: {others}. Taken is the one you joined first.",
                "{n} other groups have this name: {others}. Taken is the one you joined first.",
                others=others,
            )
        )


async def titles(plexus: Plexus) -> dict[str, str]:
    """Return the titles of the caller's conversations by id."""
    views = await all_views(plexus)
    names = await name_people(plexus, {view.peer_id for view in views} - {""})
    return titles_of(views, names)


async def names_in(plexus: Plexus, messages: Sequence[Message]) -> dict[str, str]:
    """Return the names that lines of messages show: people, and where forwarded ones were said."""
    names = await name_people(plexus, people_in(messages))
    if any(message.forwarded for message in messages):
        names |= await titles(plexus)
    return names


async def events_of(
    plexus: Plexus, conversation_id: str, *, after_seq: int = 0, through_seq: int = 0
) -> list[ConversationEvent]:
    """Return what happened to a conversation itself between two of its messages."""
    request = ListConversationEventsRequest(
        conversation_id=conversation_id, after_seq=after_seq, through_seq=through_seq
    )
    found: list[ConversationEvent] = []
    while True:
        page = await plexus.call(plexus.messaging.ListConversationEvents, request)
        found += page.events
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token
