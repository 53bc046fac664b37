"""A change is carried out once, however often its request comes (GW-6)."""

from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from typing import TypeVar

from plexuskit import fault
from plexuskit.grpc import line_of
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from tasks.domain.identity import Actor
from tasks.domain.projects import Project
from tasks.domain.task import Task
from tasks.store import Store

AnswerT = TypeVar("AnswerT", Task, Project)


async def once(
    store: Store,
    work: Callable[[Transaction], Awaitable[AnswerT]],
    *,
    actor: Actor,
    request: Request | None,
    again: Callable[[str, Transaction], Awaitable[AnswerT]],
    now: datetime,
    shared: tuple[Hashable, ...] = (),
) -> AnswerT:
    """Run the work in a transaction, unless this request was answered in the last 7 days.

    Changes of one person come one after the other, so many of them delay no other person; those of
    the person's apps have a line of their own (GW-13).

    Args:
        store: the service's database.
        work: makes the change.
        actor: the person who makes it.
        request: the change as its id identifies it; None: carried out every time.
        again: loads what an earlier request made or changed, by its id.
        now: the time it happens.
        shared: what every such change writes, in the order of `Lines.turn`; conflicts at the
            database would let the luckiest go first.

    Returns: what the work returned, or what the first request was about as it is now.

    Refusals: those of the work and of `again`; RequestIdReused.
    """

    async def recorded(tx: Transaction) -> AnswerT:
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await again(answered["id"], tx)
        done = await work(tx)
        await store.requests.record(request, {"id": done.id}, now=now, tx=tx)
        return done

    async with store.lines.turn(line_of(actor.person_id), *shared):
        done = await store.transact(recorded)
    fault.point("once.after_commit")
    return done


async def once_for_task(
    store: Store,
    work: Callable[[Transaction], Awaitable[Task]],
    *,
    actor: Actor,
    request: Request | None,
    now: datetime,
    shared: tuple[Hashable, ...] = (),
) -> Task:
    """Run work that makes or changes a task, as `once` does.

    Refusals: those of the work; RequestIdReused; TaskNotFound when the actor may not see the task
        of an earlier request any more.
    """

    async def again(task_id: str, tx: Transaction) -> Task:
        seen = await store.visible_task(task_id, actor=actor, tx=tx)
        return seen.task

    return await once(
        store, work, actor=actor, request=request, again=again, now=now, shared=shared
    )
