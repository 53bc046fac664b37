"""Arranging conversations for oneself: folder, mute, mark and star."""

from collections.abc import Iterable
from datetime import datetime

from plexuskit.grpc import Actor
from plexuskit.mongo import Transaction

from messaging.conversations.domain.settings import ConversationSettings, SettingsChange, arranged
from messaging.conversations.events.settings import settings_changed
from messaging.conversations.operations.members import require_membership
from messaging.conversations.store.stores import Store

UNMARK = SettingsChange(marked_unread=False)


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


async def clear_marks(store: Store, *, read: Iterable[tuple[str, str, str]], now: datetime) -> None:
    """Clear the mark "unread" of conversations that people have read further (MSG-7).

    Args:
        store: the service's database.
        read: (tenant, conversation, person) of each.
        now: current time.
    """
    tenants = {(conversation, person): tenant for tenant, conversation, person in read}
    marked = await store.settings.marked(tenants)
    if not marked:
        return

    async def work(tx: Transaction) -> None:
        changed = []
        for current in await store.settings.find_places(marked, tx=tx):
            after = arranged(current, UNMARK, now=now)
            if after.version != current.version:
                changed.append((after, tenants[after.conversation_id, after.person_id]))
        await store.settings.save_many(changed, tx=tx)
        facts = [settings_changed(after, tenant_id=tenant, now=now) for after, tenant in changed]
        await store.outbox.add(*facts, tx=tx)

    await store.transact(work)


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
