"""The group commit: what arrives during a write forms the next one.

Several lanes, each with one batch in flight, so that a conversation, bound to one lane, has one
writer in the process. Between processes the unique number of the entry decides: who finds it taken
reads the tail again and decides again.
"""

import asyncio
import contextlib
import zlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog
from plexuskit import telemetry
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown, Kind, Refusal
from plexuskit.items import item_failed
from plexuskit.service import Runtime

from messaging.config import LimitsSection, LogSection
from messaging.log.domain.entries import LogState
from messaging.log.domain.submissions import Submission
from messaging.log.operations.batches import Batch
from messaging.log.operations.items import Item
from messaging.log.operations.limits import Limits
from messaging.log.operations.writers import Rules, StoreT_co, Writer
from messaging.log.store.stores import Store

log = structlog.get_logger()

T = TypeVar("T")


class LogOverloaded(Refusal):
    """More messages wait than this process takes in."""

    kind = Kind.EXHAUSTED
    text = "Too many messages are waiting; try again in a moment."


@dataclass(slots=True)
class Exclusive:
    """A rare change that has its lane for itself while it runs."""

    work: Callable[[], Awaitable[None]]
    done: asyncio.Future[None]


class Partition:
    """One queue, one batch in flight."""

    def __init__(self, log_: "Log[Store]") -> None:
        self._log = log_
        self._queue: deque[Item[Submission] | Exclusive] = deque()
        self._awake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, work: Item[Submission] | Exclusive) -> None:
        """Queue an item behind what waits already."""
        if len(self._queue) >= self._log.section.queue_items:
            raise LogOverloaded(retry_after=timedelta(seconds=1))
        self._queue.append(work)
        self._idle.clear()
        self._awake.set()

    async def wait_idle(self) -> None:
        """Wait until nothing waits and nothing is being written."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write batches until cancelled."""
        while True:
            await self._awake.wait()
            if not self._queue:
                self._awake.clear()
                self._idle.set()
                continue
            await self._run_next()

    async def _run_next(self) -> None:
        first = self._queue[0]
        if isinstance(first, Exclusive):
            self._queue.popleft()
            await self._run_exclusive(first)
        else:
            await self._log.commit(self._take())

    def _take(self) -> list[Item[Submission]]:
        """Take waiting items in order, up to the limits, and not beyond an exclusive change."""
        taken: list[Item[Submission]] = []
        section, size = self._log.section, 0
        while self._queue and len(taken) < section.batch_items and size < section.batch_bytes:
            work = self._queue[0]
            if isinstance(work, Exclusive):
                break
            self._queue.popleft()
            size += work.new_message.size_bytes
            taken.append(work)
        return taken

    async def _run_exclusive(self, change: Exclusive) -> None:
        if change.done.cancelled():
            return
        try:
            await change.work()
        except asyncio.CancelledError:
            change.done.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller who waits
            if not change.done.done():
                change.done.set_exception(error)
        else:
            if not change.done.done():
                change.done.set_result(None)


class Log(Writer[StoreT_co]):
    """The one way into the conversations' logs."""

    def __init__(
        self,
        store: StoreT_co,
        *,
        rules: Rules,
        section: LogSection,
        clock: Clock,
        limits: LimitsSection | None = None,
    ) -> None:
        super().__init__(store, rules=rules, clock=clock, states=section.tails)
        self._limits = Limits(limits or LimitsSection(), clock=clock)
        self.section = section
        self.partitions = [Partition(self) for _ in range(section.lanes)]

    def submit(self, item: Item[Submission]) -> None:
        """Queue a message; its verdict comes by `item.on_verdict`, exactly once.

        Raises:
            LogOverloaded: too much waits.
            SenderTooFast, ConversationTooBusy: more than the limits (MSG-18).
        """
        self._limits.admit(item.new_message)
        self._partition(item.new_message.conversation_id).put(item)

    async def exclusive(self, conversation_id: str, work: Callable[[], Awaitable[T]]) -> T:
        """Run a change of a conversation between two batches: a process does not race itself.

        Raises:
            LogOverloaded: too much waits.
        """
        outcome: list[T] = []

        async def run() -> None:
            outcome.append(await work())

        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._partition(conversation_id).put(Exclusive(work=run, done=done))
        await done
        return outcome[0]

    async def commit(self, items: list[Item[Submission]]) -> None:
        """Write one batch; every item gets its verdict, whatever happens.

        A batch that fails unexpectedly is written again in halves, so that the item at fault fails
        alone (GW-8). What of it was stored already is found by its request id (MSG-3).
        """
        with telemetry.batch(
            "messaging.log.commit",
            traceparents=[item.traceparent for item in items],
            attributes={"plexus.items": len(items)},
        ):
            await self._commit(items)

    async def _commit(self, items: list[Item[Submission]]) -> None:
        parts = [items]
        while parts:
            batch = Batch(parts.pop(), log=self)
            try:
                await batch.write()
            except asyncio.CancelledError:
                batch.refuse_rest(DependencyDown())
                for part in parts:
                    Batch(part, log=self).refuse_rest(DependencyDown())
                raise
            except DependencyDown as down:
                batch.refuse_rest(down)
            except Exception as error:  # noqa: BLE001 - logged once, for the item that fails alone
                parts += _halves(batch.take_rest(), error)

    async def state(self, conversation_id: str) -> LogState:
        """Give a conversation's tail (see LogStates.get)."""
        return await self.log_states.get(conversation_id)

    async def drain(self) -> None:
        """Wait until every queued item has its verdict."""
        await asyncio.gather(*(partition.wait_idle() for partition in self.partitions))

    async def flush_heads(self) -> None:
        """Write the heads that changed; see Heads.save.

        Raises:
            DependencyDown: the store failed; they stay for the next time.
        """
        await self.heads.save()

    def _partition(self, conversation_id: str) -> Partition:
        return self.partitions[zlib.crc32(conversation_id.encode()) % len(self.partitions)]

    @contextlib.asynccontextmanager
    async def running(self, runtime: Runtime) -> AsyncIterator["Log[StoreT_co]"]:
        """Run the lanes; at the end what waits is written and the heads are saved."""
        runtime.on_drain(self.drain)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.heads.close)
            for number, partition in enumerate(self.partitions):
                await stack.enter_async_context(runtime.kept(f"log.lane.{number}", partition.run))
            await stack.enter_async_context(runtime.kept("log.heads", self.heads.keep))
            await stack.enter_async_context(runtime.kept("log.older", self.older.run))
            yield self


def _halves(items: list[Item[Submission]], error: Exception) -> list[list[Item[Submission]]]:
    """Return the two halves of a failed batch, the first one last; fail the last item left."""
    if len(items) == 1:
        items[0].on_verdict(item_failed(error, of="messaging.batch"))
    if len(items) <= 1:
        return []
    log.warning("log.batch_split", items=len(items), error=type(error).__name__)
    middle = len(items) // 2
    return [items[middle:], items[:middle]]
