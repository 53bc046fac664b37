"""Arranging conversations for oneself: folder, mute, mark and star."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from plexuskit.grpc import Actor
from plexuskit.mongo import Transaction

from messaging.conversations.domain.settings import (
    ConversationSettings,
    SettingsChange,
    arranged,
    mentioned,
    read_on,
    unmentioned,
)
from messaging.conversations.events.settings import settings_changed
from messaging.conversations.operations.members import require_membership
from messaging.conversations.store.stores import Store


async def update_conversation_settings(
    store: Store, *, actor: Actor, conversation_id: str, change: SettingsChange, now: datetime
) -> ConversationSettings:
    """Change the caller's settings of a conversation and return them.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        InvalidArgument: see domain.
    """
    await require_membership(store, actor=actor, conversation_id=conversation_id)
    return await _arrange(
        store,
        tenant_id=actor.tenant_id,
        conversation_id=conversation_id,
        person_id=actor.person_id,
        change=change,
        now=now,
    )


@dataclass(frozen=True, slots=True)
class ReadOn:
    """That a person has read a conversation, and how far."""

    tenant_id: str
    conversation_id: str
    person_id: str
    through_seq: int


async def clear_marks(store: Store, *, read: Iterable[ReadOn], now: datetime) -> None:
    """Clear the mark "unread" and mentions by edits where people have read further (MSG-7)."""
    places = {(each.conversation_id, each.person_id): each for each in read}
    marked = await store.settings.marked(places)
    if not marked:
        return

    async def work(tx: Transaction) -> None:
        changed = []
        for current in await store.settings.find_places(marked, tx=tx):
            reader = places[current.conversation_id, current.person_id]
            change = read_on(current, through_seq=reader.through_seq)
            changed.append((current, arranged(current, change, now=now), reader.tenant_id))
        await _save(store, changed, now=now, tx=tx)

    await store.transact(work)


async def note_mentions(
    store: Store,
    *,
    tenant_id: str,
    conversation_id: str,
    seq: int,
    added: Iterable[str],
    gone: Iterable[str],
    now: datetime,
    tx: Transaction,
) -> None:
    """Note whom an edit mentions in a message, and whom it or a recall mentions no more (MSG-11).

    Args:
        store: the service's database.
        tenant_id: of the conversation.
        conversation_id: where the message is.
        seq: the message's.
        added: people who are mentioned anew.
        gone: people who were mentioned before.
        now: when.
        tx: the transaction of the edit or recall.
    """
    wanted = dict.fromkeys(added, mentioned) | dict.fromkeys(gone, unmentioned)
    known = await store.settings.find_places(
        [(conversation_id, person) for person in wanted], tx=tx
    )
    settings = {each.person_id: each for each in known}
    changed = []
    for person, change in sorted(wanted.items(), key=itemgetter(0)):
        current = settings.get(person) or ConversationSettings(
            conversation_id=conversation_id, person_id=person
        )
        changed.append((current, arranged(current, change(current, seq), now=now), tenant_id))
    await _save(store, changed, now=now, tx=tx)


async def _save(
    store: Store,
    changed: Iterable[tuple[ConversationSettings, ConversationSettings, str]],
    *,
    now: datetime,
    tx: Transaction,
) -> None:
    """Store settings, each as (before, after, tenant), with their facts."""
    written = [
        (after, tenant) for before, after, tenant in changed if after.version != before.version
    ]
    if not written:
        return
    await store.settings.save_many(written, tx=tx)
    facts = [settings_changed(after, tenant_id=tenant, now=now) for after, tenant in written]
    await store.outbox.add(*facts, tx=tx)


async def _arrange(
    store: Store,
    *,
    tenant_id: str,
    conversation_id: str,
    person_id: str,
    change: SettingsChange,
    now: datetime,
) -> ConversationSettings:
    async def work(tx: Transaction) -> ConversationSettings:
        current = await store.settings.get(conversation_id, person_id, tx=tx)
        after = arranged(current, change, now=now)
        if after.version != current.version:
            await store.settings.save(after, tenant_id=tenant_id, tx=tx)
            await store.outbox.add(settings_changed(after, tenant_id=tenant_id, now=now), tx=tx)
        return after

    return await store.transact(work)
