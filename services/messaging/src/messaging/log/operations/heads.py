"""Cache of heads: writes acknowledged by this process reach the cache of last numbers.

Heads that changed are written in bulk once a second. For doubtful ones (a tail that was loaded, a
retry, a write of unknown result) the log itself is read, in bulk too. Heads not written by a
process that ended are found through the mark that it left.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from plexuskit import fault
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown
from plexuskit.ids import new_id

from messaging.log.domain.entries import Head
from messaging.log.store.heads import MAX_TOGETHER
from messaging.log.store.stores import Store

log = structlog.get_logger()

SAVE_INTERVAL: Final = 1.0
MARK_INTERVAL: Final = 10.0
# Without a mark of any process (data of an earlier release) this much is examined.
REPAIR_BACK: Final = timedelta(minutes=10)
# A process without a mark for this long has ended, or marks again when it resumes.
ENDED_AFTER: Final = timedelta(minutes=1)
# Around a mark: writes under way at the mark, and those until the next mark that never came.
REPAIR_BEFORE: Final = timedelta(seconds=90)
REPAIR_AFTER: Final = timedelta(minutes=2)
REPAIR_STEP: Final = timedelta(seconds=5)
# A write of unknown result may be applied this much later; MongoDB's own limits are shorter.
UNKNOWN_FOR: Final = 60.0


@dataclass(slots=True)
class StaleHead:
    """Next comparison of a conversation's head with its log, and the end of repetitions."""

    due: float
    interval: float
    until: float


class Heads:
    """The heads of one process that are not saved yet, and those that must be compared."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._process_id = new_id("prc", now=clock.now())
        self._dirty: dict[str, tuple[Head, datetime]] = {}
        self._stale: dict[str, StaleHead] = {}
        self._saving = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._marked_at = -math.inf

    def note(self, conversation_id: str, head: Head, *, at: datetime) -> None:
        """Record that this process wrote the log on to `head` and had it acknowledged.

        The number is a fence, so that whatever was in doubt before is below it.
        """
        self._stale.pop(conversation_id, None)
        self._raise(conversation_id, head, at)

    def _raise(self, conversation_id: str, head: Head, at: datetime) -> None:
        noted = self._dirty.get(conversation_id)
        if noted is None or noted[0].change_no < head.change_no:
            self._dirty[conversation_id] = (head, at)

    def mark_stale(self, conversation_ids: Iterable[str], *, unknown: bool = False) -> None:
        """Mark heads to be compared with their logs at the next save.

        Args:
            conversation_ids: the conversations.
            unknown: a write's result is unknown: it may take effect within a minute, so the head is
                compared again until then.
        """
        now = self._clock.monotonic()
        until = now + UNKNOWN_FOR if unknown else now
        for conversation_id in conversation_ids:
            known = self._stale.get(conversation_id)
            self._stale[conversation_id] = StaleHead(
                now, SAVE_INTERVAL, until if known is None else max(until, known.until)
            )

    async def save(self) -> None:
        """Save every head that was noted or doubted before the call.

        Waits for a save that is under way, so that a list read afterwards includes everything this
        process has acknowledged. Cancelling a waiter does not stop the save.

        Raises:
            DependencyDown: the store failed; unsaved heads remain for the next save.
        """
        task = asyncio.create_task(self._save())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # Also runs without a waiter; the failure is logged already.
        if not task.cancelled():
            task.exception()

    async def _save(self) -> None:
        async with self._saving:
            await self._compare_doubtful()
            # Not until nothing is left: under load there is always more.
            waiting = list(self._dirty)
            for first in range(0, len(waiting), MAX_TOGETHER):
                await self._save_part(waiting[first : first + MAX_TOGETHER])

    async def _save_part(self, conversation_ids: Sequence[str]) -> None:
        part = {id_: self._dirty.pop(id_) for id_ in conversation_ids}
        fault.point("heads.before_save")
        try:
            await self._store.heads.save(part)
        except BaseException as error:
            for conversation_id, (head, at) in part.items():
                self._raise(conversation_id, head, at)
            log.warning("log.heads_waiting", conversations=len(part), error=type(error).__name__)
            raise
        fault.point("heads.after_save")

    async def _compare_doubtful(self) -> None:
        """Ask the logs for the heads that are due to be compared, and note those that moved."""
        now = self._clock.monotonic()
        due = [id_ for id_, stale in self._stale.items() if stale.due <= now]
        for first in range(0, len(due), MAX_TOGETHER):
            part = {id_: self._stale[id_] for id_ in due[first : first + MAX_TOGETHER]}
            found = await self._store.heads.compare(part)
            for conversation_id, row in found.items():
                if row.change_no < row.actual.change_no:
                    self._raise(conversation_id, row.actual, row.last_at)
            for conversation_id, stale in part.items():
                self._settle(conversation_id, stale)

    def _settle(self, conversation_id: str, stale: StaleHead) -> None:
        """Drop a doubt that was examined, or examine it later while it may still come true."""
        if self._stale.get(conversation_id) is not stale:
            return  # doubted again meanwhile
        if stale.due >= stale.until:
            del self._stale[conversation_id]
            return
        stale.due = min(stale.due + stale.interval, stale.until)
        stale.interval *= 2

    async def keep(self) -> None:
        """Save heads once a second and repair those of ended processes, until cancelled."""
        repaired_at = -math.inf
        while True:
            now = self._clock.monotonic()
            await self._attempt(self.save)
            if now - self._marked_at >= MARK_INTERVAL and await self._attempt(self.mark):
                self._marked_at = now
            if now - repaired_at >= MARK_INTERVAL:
                repair = partial(self.repair, every=repaired_at == -math.inf)
                repaired_at = now if await self._attempt(repair) else repaired_at
            await asyncio.sleep(SAVE_INTERVAL)

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do one of the tasks; return False where it failed and has to be done again."""
        try:
            await work()
        except DependencyDown as down:
            log.warning("log.heads_not_kept", error=str(down))
            return False
        except Exception:
            log.exception("log.heads_not_kept")
            return False
        return True

    async def mark(self) -> None:
        """Store the time until which all heads of this process are saved.

        Raises:
            DependencyDown: the store failed.
        """
        through = self._clock.now()
        await self.save()
        await self._store.heads.mark_kept(self._process_id, through=through)

    async def repair(self, *, every: bool) -> None:
        """Compare the heads of all that processes wrote around their last mark.

        Args:
            every: at a start: look at the marks of all processes, not only of those that ended
                a minute ago, and at the last ten minutes where there is no mark.

        Raises:
            DependencyDown: the store failed; the marks stay, so that it is done again.
        """
        now = self._clock.now()
        marks = await self._store.heads.marks()
        marks.pop(self._process_id, None)
        if every and not marks:
            await self._compare_written(now - REPAIR_BACK, now)
        for process_id, through in marks.items():
            ended = through < now - ENDED_AFTER
            if not ended and not every:
                continue
            await self._compare_written(
                through - REPAIR_BEFORE, min(now, through + REPAIR_AFTER) + REPAIR_STEP
            )
            if ended:
                await self._store.heads.remove_mark(process_id, through=through)
                log.info("log.heads_repaired", process=process_id, through=through.isoformat())

    async def _compare_written(self, since: datetime, until: datetime) -> None:
        """Compare the heads of conversations written in a stretch of time, in bounded queries."""
        begin = await self._store.heads.first_written(since, until)
        while begin is not None:
            end = min(begin + REPAIR_STEP, until)
            self.mark_stale(await self._store.heads.written_between(begin, end))
            await self.save()
            begin = await self._store.heads.first_written(end, until)

    async def close(self) -> None:
        """Save the remaining heads and remove the mark; on failure the mark stays for others."""
        if await self._attempt(self.save):
            await self._attempt(
                partial(self._store.heads.remove_mark, self._process_id, through=self._clock.now())
            )
