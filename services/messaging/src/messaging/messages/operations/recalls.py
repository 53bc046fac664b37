"""Emptying the facts of recalled messages, in bounded batches outside of the recall (MSG-12)."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from plexuskit.errors import DependencyDown

from messaging.log.events.recalls import emptied_event
from messaging.messages.store.stores import Store

log = structlog.get_logger()

_BATCH: Final = 50
_AT_ONCE: Final = 100
EVERY: Final = timedelta(seconds=10)


async def empty_events(store: Store, conversation_id: str, seq: int) -> None:
    """Remove the content from every fact of a recalled message's reactions, pins and labels.

    Raises:
        DependencyDown: the database is unavailable; the mark stays, so a later run completes it.
    """
    after = ""
    while entries := await store.emptying.find_full(
        conversation_id, seq, after=after, limit=_BATCH
    ):
        emptied = {entry["_id"]: emptied_event(bytes(entry["event"])) for entry in entries}
        await store.emptying.empty(emptied)
        after = entries[-1]["_id"]
    await store.emptying.end(conversation_id, seq)


async def finish_emptying(store: Store, conversation_id: str, seq: int) -> None:
    """Empty the facts of a message that was just recalled, or leave that to `keep_emptying`."""
    try:
        await empty_events(store, conversation_id, seq)
    except DependencyDown as down:
        log.warning("recall.emptied_later", conversation_id=conversation_id, reason=str(down))


async def keep_emptying(store: Store) -> None:
    """Complete the work that ended processes left, until cancelled."""
    while True:
        try:
            for conversation_id, seq in await store.emptying.left_behind(limit=_AT_ONCE):
                await empty_events(store, conversation_id, seq)
        except DependencyDown as down:
            log.warning("recall.emptying_postponed", reason=str(down))
        await asyncio.sleep(EVERY.total_seconds())
