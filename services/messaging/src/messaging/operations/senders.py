"""Senders of imported messages: people of the tenant and of the same import (MSG-19, GW-11)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from plexuskit.grpc import Actor

from messaging.domain.imports import Following
from messaging.operations.people import People
from messaging.store import Store

# People whose conversations are read together; each may be in thousands.
TOGETHER: Final = 50

Sent = tuple[str, str]
"""A conversation and the person who sent something in it."""


async def strangers(
    store: Store,
    people: People,
    sent: Collection[Sent],
    *,
    actor: Actor,
    following: Mapping[str, Following],
) -> set[Sent]:
    """Return those pairs whose person is no sender of the import that created the conversation.

    Members of the conversation are, and those who were. Somebody else must be known in the tenant,
    and be deactivated (accounts of people who are long gone stand for them) or be a member of
    another conversation of the same source: exports name only present members of a channel.
    Directory is asked about people of whom messaging has not heard yet: the import made them.

    Args:
        store: members, people and imports.
        people: directory's word.
        sent: conversations that follow an import, with their senders.
        actor: who imports.
        following: how each conversation stands to its import.
    """
    if not sent:
        return set()
    others = set(sent) - await store.conversations.seen_in(sent)
    if not others:
        return others
    heard_of = await store.people.find({person_id for _, person_id in others})
    known = {each.id: each for each in heard_of.values() if each.tenant_id == actor.tenant_id}
    new = {person_id for _, person_id in others} - heard_of.keys()
    if new:
        unknown = await people.unknown(
            tenant_id=actor.tenant_id, asker_id=actor.person_id, person_ids=sorted(new)
        )
        others -= {pair for pair in others if pair[1] in new - set(unknown)}
    active = [person_id for person_id, each in known.items() if each.active]
    elsewhere = await _sources(store, active)
    return {
        (conversation_id, person_id)
        for conversation_id, person_id in others
        if person_id not in known
        or (
            known[person_id].active
            and following[conversation_id].source not in elsewhere[person_id]
        )
    }


async def _sources(store: Store, person_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return the sources of the imported conversations that each person is in."""
    sources: dict[str, set[str]] = {person_id: set() for person_id in person_ids}
    for first in range(0, len(person_ids), TOGETHER):
        part = person_ids[first : first + TOGETHER]
        places = await store.conversations.conversation_ids_of(part)
        imports = await store.imports.find_many({each for ids in places.values() for each in ids})
        for person_id, ids in places.items():
            sources[person_id] = {imports[id_].source for id_ in ids if id_ in imports}
    return sources
