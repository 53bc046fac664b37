"""One lane per tenant for writes of a feed: waiting requests share one transaction.

Changes of an organisation come one after the other (`Store.reorganise`). A feed that sends sixteen
requests at once would need as many transactions; here those that arrive while a transaction commits
share the next one, with its turn, its commit, its facts and its look at the groups by rule.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from plexuskit.errors import DependencyDown, Refusal
from plexuskit.mongo import Transaction
from plexuskit.outbox import Fact
from pydantic import ValidationError
from scim2_models import SCIMException

from directory.accounts.operations.sessions import finish_sessions
from directory.people.domain.people import Person
from directory.people.operations.memberships import regroup
from directory.scim.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import PersonId

T = TypeVar("T")

MAX_TOGETHER: Final = 16
_REFUSALS: Final = (Refusal, SCIMException, ValidationError)


@dataclass(slots=True, kw_only=True)
class Turn:
    """A transaction shared by several requests, and the writes at its end."""

    tx: Transaction
    facts: list[Fact] = field(default_factory=list)
    touched: list[PersonId] = field(default_factory=list)
    left: list[Person] = field(default_factory=list)
    checks: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """Checks after groups follow their rules; a refusal undoes the turn."""
    signed_out: list[PersonId] = field(default_factory=list)
    """People whose sessions the turn ends."""


Work = Callable[[Turn], Awaitable[T]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiting:
    work: Work[Any]
    actor: Actor
    now: datetime
    done: "asyncio.Future[Any]"
    context: Context


class WriteQueue:
    """Carries out writes of feeds, a few requests at a time and tenant by tenant."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, deque[_Waiting]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, work: Work[T], *, actor: Actor, now: datetime) -> T:
        """Carry out one request; it may run several times and has no effect outside its turn.

        Raises whatever the work refuses; then nothing of it is written, and nothing of others' is
        lost. Raises DependencyDown when the store cannot be reached.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(work=work, actor=actor, now=now, done=done, context=copy_context())
        queue = self._waiting.get(actor.tenant_id)
        if queue is None:
            self._waiting[actor.tenant_id] = queue = deque()
            task = asyncio.create_task(self._drain(actor.tenant_id, queue))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        queue.append(waiting)
        return await done

    async def _drain(self, tenant_id: str, queue: deque[_Waiting]) -> None:
        # The caller who starts the lane has its request queued before the loop reaches this point.
        while queue:
            some = [queue.popleft() for _ in range(min(len(queue), MAX_TOGETHER))]
            wanted = [each for each in some if not each.done.done()]
            await self._together(wanted)
        del self._waiting[tenant_id]

    async def _together(self, some: Sequence[_Waiting]) -> None:
        if not some:
            return
        try:
            results = await self._transact(some)
        except DependencyDown as down:
            _fail(some, down)
        except _REFUSALS as refusal:
            if len(some) == 1:
                _fail(some, refusal)
                return
            # Nothing is written; the refused request is found, and the others are not kept waiting.
            for each in some:
                await self._together([each])
        except Exception as error:  # noqa: BLE001 - each caller raises it where it is logged
            _fail(some, error)
        else:
            for each, result in zip(some, results, strict=True):
                if not each.done.done():
                    each.done.set_result(result)

    async def _transact(self, some: Sequence[_Waiting]) -> list[Any]:
        async def work(tx: Transaction) -> tuple[list[Any], Turn]:
            turn = Turn(tx=tx)
            results = [
                # In the context of its own request, whose trace its facts carry.
                await asyncio.create_task(_awaited(each.work(turn)), context=each.context)
                for each in some
            ]
            await self._finish(turn, some[-1])
            return results, turn

        tenant_id, now = some[0].actor.tenant_id, some[-1].now
        results, turn = await self._store.reorganise(tenant_id, work, caller="feed")
        await finish_sessions(self._store, turn.signed_out, now=now)
        return results

    async def _finish(self, turn: Turn, last: _Waiting) -> None:
        await self._store.outbox.add(*turn.facts, tx=turn.tx)
        if turn.touched:
            await regroup(
                self._store,
                among=turn.touched,
                left=turn.left,
                tenant_id=last.actor.tenant_id,
                actor_id=last.actor.person_id,
                now=last.now,
                tx=turn.tx,
            )
        for check in turn.checks:
            await check()


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _fail(some: Sequence[_Waiting], error: Exception) -> None:
    for each in some:
        if not each.done.done():
            each.done.set_exception(error)
