"""Projections of people, conversations and mutes; older states are ignored (MSG-4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from notify.domain.conversations import Conversation, Member
from notify.domain.mutes import Mute
from notify.domain.people import Person, succeeding
from notify.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFact:
    """A state of a person, the person who caused it, and when it occurred."""

    person: Person
    actor_id: str
    at: datetime


async def note_people(store: Store, *, people: Sequence[PersonFact]) -> None:
    """Store the current state of people: address, zone, name, and whether active."""
    states = await store.people.find(each.person.id for each in people)
    changed: list[Person] = []
    for each in people:
        previous = states.get(each.person.id)
        if previous is not None and previous.version > each.person.version:
            continue
        after = succeeding(previous, each.person, actor_id=each.actor_id, at=each.at)
        states[after.id] = after
        changed.append(after)
    await store.people.put(changed)


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
