"""Reading of logs older than version 2 of the chain before their first write (MSG-20).

The first link of version 2 binds a digest of every older entry. The write that begins version 2
reads a short log itself; a long log is read here in parts, and its writers are asked to retry.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from plexuskit.errors import DependencyDown, Kind, Refusal

from messaging.log.domain import chain
from messaging.log.domain.chain import OlderEntries
from messaging.log.store.older_entries import advance_older
from messaging.log.store.stores import Store

# Entries that a write reads: less than half a second.
MAX_AT_WRITE: Final = 2_000
PIECE: Final = 2_000
CONVERSATIONS_AT_ONCE: Final = 500
_RETRY: Final = timedelta(seconds=1)
_AGAIN: Final = timedelta(seconds=10)

log = structlog.get_logger()


class ConversationUpgrading(Refusal):
    """A long conversation from an earlier release is read once before the first write to it."""

    kind = Kind.UNAVAILABLE
    text = "This conversation is being upgraded; try again in a moment."


class OlderLogs:
    """Digests of logs that writers wait for, computed one after the other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wanted: dict[str, None] = {}
        self._awake = asyncio.Event()

    async def digest(self, conversation_id: str, *, through: int) -> OlderEntries:
        """Return the digest of a log up to a number, if few entries are left to read.

        Raises:
            ConversationUpgrading: more are left; they are being read from now on.
            DependencyDown: the store failed.
        """
        older = None
        if conversation_id not in self._wanted:
            older = await advance_older(
                self._store.proofs,
                self._store.checkpoints,
                conversation_id,
                through=through,
                limit=MAX_AT_WRITE,
            )
        if older is None:
            self._wanted[conversation_id] = None
            self._awake.set()
            raise ConversationUpgrading(conversation_id=conversation_id, retry_after=_RETRY)
        return older

    async def run(self) -> None:
        """Read the logs that writers wait for, until cancelled."""
        while True:
            await self._awake.wait()
            while self._wanted:
                conversation_id = next(iter(self._wanted))
                try:
                    await read_older(self._store, conversation_id)
                except DependencyDown as down:
                    log.warning("chain.reading_older_postponed", reason=str(down))
                # Writers ask again: remaining entries are then read, or requested once more.
                del self._wanted[conversation_id]
            self._awake.clear()


async def read_older(store: Store, conversation_id: str) -> None:
    """Read a log of version 1 up to its end; nothing for one that version 2 has begun in.

    Raises:
        DependencyDown: the store failed; the progress is kept.
    """
    head = await store.entries.head(conversation_id)
    if head.chain_version == chain.VERSION:
        return
    older = None
    while older is None:
        older = await advance_older(
            store.proofs, store.checkpoints, conversation_id, through=head.change_no, limit=PIECE
        )
    log.info("chain.older_read", conversation_id=conversation_id, through=head.change_no)


async def keep_reading_older(store: Store) -> None:
    """Read every long log of version 1, then wait until cancelled: nothing new comes."""
    while True:
        try:
            await read_all_older(store)
        except DependencyDown as down:
            log.warning("chain.reading_older_postponed", reason=str(down))
            await asyncio.sleep(_AGAIN.total_seconds())
        else:
            await asyncio.Event().wait()


async def read_all_older(store: Store) -> None:
    """Read every long log of version 1 ahead of its first write; ends when all are read.

    Raises:
        DependencyDown: the store failed; the progress is kept.
    """
    after = ""
    while page := await store.heads.lengths(after=after, limit=CONVERSATIONS_AT_ONCE):
        for conversation_id, change_no in page.items():
            if change_no > MAX_AT_WRITE:
                await read_older(store, conversation_id)
        after = max(page)
