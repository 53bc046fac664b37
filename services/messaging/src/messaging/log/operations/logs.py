"""The group commit: items that arrive during a write form the next one.

Several lanes, each with one batch in flight, so that a conversation, bound to one lane, has one
writer in the process. A rare change runs beside its lane, which holds back only items for the same
conversation. Between processes the unique number of the entry decides: a writer that finds it taken
reads the tail again and decides again.
"""

import asyncio
import contextlib
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Generic, TypeVar

import structlog
from plexuskit import telemetry
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown
from plexuskit.items import item_failed
from plexuskit.service import Runtime

from messaging.config import LimitsSection, LogSection
from messaging.log.domain.entries import LogState
from messaging.log.domain.submissions import Submission
from messaging.log.operations.batches import Batch
from messaging.log.operations.items import Item
from messaging.log.operations.limits import Limits
from messaging.log.operations.turns import LogOverloaded, Turns
from messaging.log.operations.writers import Rules, StoreT_co, Writer
from messaging.log.store.stores import Store

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(slots=True)
class Exclusive(Generic[T]):
    """A rare change that has its conversation for itself while it runs.

    Attributes:
        conversation_id: its conversation; nothing else is written there meanwhile.
        work: makes the change.
        end_turn: called once it has ended.
        done: gets its result.
    """

    conversation_id: str
    work: Callable[[], Coroutine[Any, Any, T]]
    end_turn: Callable[[], None]
    done: asyncio.Future[T]


class Partition:
    """One queue, one batch in flight, and beside it changes of other conversations.

    While a change of a conversation runs, items for that conversation wait behind it, and batches
    of all others are written.
    """

    def __init__(self, log_: "Log[Store]") -> None:
        self._log = log_
        self._queue: deque[Item[Submission] | Exclusive[Any]] = deque()
        # Conversations that are being changed, with the items that wait for the end of that.
        self._held: dict[str, list[Item[Submission]]] = {}
        self._behind = 0
        self._running: set[asyncio.Task[Any]] = set()
        self._awake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, work: Item[Submission] | Exclusive[Any]) -> None:
        """Queue an item behind those already waiting."""
        if len(self._queue) + self._behind >= self._log.section.queue_items:
            raise LogOverloaded(retry_after=timedelta(seconds=1))
        self._queue.append(work)
        self._idle.clear()
        self._awake.set()

    async def wait_idle(self) -> None:
        """Wait until nothing waits and nothing is being written."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write batches until cancelled."""
        try:
            while True:
                await self._awake.wait()
                if self._queue:
                    await self._run_next()
                    continue
                self._awake.clear()
                if not self._held:
                    self._idle.set()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _run_next(self) -> None:
        first = self._queue[0]
        if isinstance(first, Exclusive):
            self._queue.popleft()
            self._start(first)
            return
        items = self._take()
        if items:
            await self._log.commit(items)

    def _take(self) -> list[Item[Submission]]:
        """Dequeue waiting items in order, within the batch limits and up to an exclusive change."""
        taken: list[Item[Submission]] = []
        section, size, held = self._log.section, 0, self._held
        while self._queue and len(taken) < section.batch_items and size < section.batch_bytes:
            work = self._queue[0]
            if isinstance(work, Exclusive):
                break
            self._queue.popleft()
            if held and work.conversation_id in held:
                held[work.conversation_id].append(work)
                self._behind += 1
                continue
            size += work.new_message.size_bytes
            taken.append(work)
        return taken

    def _start(self, change: Exclusive[Any]) -> None:
        """Run a change beside the lane: no batch of its conversation is in flight now."""
        if change.done.cancelled():
            change.end_turn()
            return
        self._held[change.conversation_id] = []
        task = asyncio.create_task(change.work())
        self._running.add(task)
        task.add_done_callback(partial(self._ended, change))

    def _ended(self, change: Exclusive[Any], task: asyncio.Task[Any]) -> None:
        """Report the result of a change; items that waited for it come before all later items."""
        self._running.discard(task)
        waiting = self._held.pop(change.conversation_id)
        self._behind -= len(waiting)
        self._queue.extendleft(reversed(waiting))
        self._awake.set()
        change.end_turn()
        error = None if task.cancelled() else task.exception()
        if change.done.done():  # the caller has gone
            return
        if task.cancelled():
            change.done.cancel()
        elif error is not None:
            change.done.set_exception(error)
        else:
            change.done.set_result(task.result())


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
        self.turns = Turns(places=section.changes, maximum=section.queue_items)

    def submit(self, item: Item[Submission]) -> None:
        """Queue a message; `item.on_verdict` receives its verdict, exactly once.

        Raises:
            LogOverloaded: too much waits.
            SenderTooFast, ConversationTooBusy: more than the limits (MSG-18).
        """
        self._limits.admit(item.new_message)
        self._partition(item.new_message.conversation_id).put(item)

    async def exclusive(
        self, conversation_id: str, work: Callable[[], Coroutine[Any, Any, T]], *, person_id: str
    ) -> T:
        """Run a change of a conversation between two batches: a process does not race itself.

        Only that conversation waits for it. The changes of one person come one after the other.

        Raises:
            LogOverloaded: too much waits.
        """
        end_turn = await self.turns.take(person_id, conversation_id)
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        change = Exclusive(conversation_id, work=work, end_turn=end_turn, done=done)
        try:
            self._partition(conversation_id).put(change)
        except LogOverloaded:
            end_turn()
            raise
        return await done

    async def commit(self, items: list[Item[Submission]]) -> None:
        """Write one batch; every item gets its verdict in all cases.

        A batch that fails unexpectedly is written again in halves, so that the item at fault fails
        alone (GW-8). Items stored already are found by their request id (MSG-3).
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
        """Return a conversation's tail (see LogStates.get)."""
        return await self.log_states.get(conversation_id)

    async def drain(self) -> None:
        """Wait until every queued item has its verdict and every change its result."""
        await self.turns.wait_idle()
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
        """Run the lanes; at the end waiting items are written and the heads are saved."""
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
