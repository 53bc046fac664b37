"""Projections of people, conversations and mutes; older states are ignored (MSG-4)."""

from collections.abc import Sequence

from notify.domain.conversations import Conversation, Member
from notify.domain.mutes import Mute
from notify.domain.people import Person
from notify.store import Store


async def note_people(store: Store, *, people: Sequence[Person]) -> None:
    """Store the current state of people: address, zone, name, and whether active."""
    await store.people.put(people)


async def note_conversation(
    store: Store, *, conversation: Conversation | None, members: Sequence[Member]
) -> None:
    """Store the current state of a conversation, of some of its members, or of both."""
    if conversation is not None:
        await store.conversations.put([conversation])
    await store.conversations.put_members(members)


async def note_mutes(store: Store, *, mutes: Sequence[Mute]) -> None:
    """Store muted conversations of people, and until when."""
    await store.mutes.put(mutes)
