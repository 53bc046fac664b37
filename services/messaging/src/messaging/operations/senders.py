"""Senders of imported messages: people of the tenant and of the same import (MSG-19, GW-11)."""

from collections.abc import Collection, Iterable, Mapping

from messaging.domain.imports import Following
from messaging.store import Store

Sent = tuple[str, str]
"""A conversation and the person who sent something in it."""


async def strangers(
    store: Store,
    sent: Collection[Sent],
    *,
    tenant_id: str,
    following: Mapping[str, Following],
) -> set[Sent]:
    """Return those pairs whose person is no sender of the import that created the conversation.

    Members of the conversation are, and those who were. Somebody else must be known in the tenant,
    and be deactivated (accounts of people who are long gone stand for them) or be a member of
    another conversation of the same source: exports name only present members of a channel.

    Args:
        store: members, people and imports.
        sent: conversations that follow an import, with their senders.
        tenant_id: of the import.
        following: how each conversation stands to its import.
    """
    others = set(sent)
    for conversation_id, person_ids in _by_conversation(sent).items():
        members = await store.conversations.members(conversation_id, person_ids=person_ids)
        others -= {(conversation_id, member.person_id) for member in members}
    if not others:
        return others
    people = await store.people.find({person_id for _, person_id in others})
    known = {each.id: each for each in people.values() if each.tenant_id == tenant_id}
    elsewhere = {
        person_id: await _sources(store, person_id)
        for person_id in known
        if known[person_id].active
    }
    return {
        (conversation_id, person_id)
        for conversation_id, person_id in others
        if person_id not in known
        or (
            known[person_id].active
            and following[conversation_id].source not in elsewhere[person_id]
        )
    }


def _by_conversation(sent: Iterable[Sent]) -> dict[str, list[str]]:
    people: dict[str, list[str]] = {}
    for conversation_id, person_id in sent:
        people.setdefault(conversation_id, []).append(person_id)
    return people


async def _sources(store: Store, person_id: str) -> set[str]:
    """Return the sources of the imported conversations that a person is in."""
    ids = await store.conversations.conversation_ids(person_id)
    return {each.source for each in (await store.imports.find_many(ids)).values()}
