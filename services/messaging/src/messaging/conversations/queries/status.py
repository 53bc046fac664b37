"""Figures of a tenant."""

from dataclasses import dataclass

from messaging.conversations.store.stores import Store
from messaging.log.operations.logs import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts of a tenant's conversations and messages."""

    conversations: int
    messages: int


async def get_messaging_status(log: Log[Store], *, tenant_id: str) -> Figures:
    """Count conversations and messages, with those of this process not saved yet."""
    await log.flush_heads()
    return Figures(
        conversations=await log.store.conversations.count(tenant_id),
        messages=await log.store.conversations.message_count(tenant_id),
    )
