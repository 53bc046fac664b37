"""Announcing that due values have passed (TSK-3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from plexuskit.mongo import Transaction

from tasks.domain import steps
from tasks.domain.identity import SYSTEM, TaskId
from tasks.operations.steps import store_steps
from tasks.store import Store

# Tasks of one transaction; each writes a state, a change and a fact.
TOGETHER: Final = 50


async def announce_overdue(store: Store, *, limit: int, now: datetime) -> int:
    """Announce tasks whose due value has passed while they are open, once per due value.

    Any number of processes may do this at once: each task is claimed by writing its next version.

    Args:
        store: the service's database.
        limit: maximum number to examine.
        now: the time to compare with.

    Returns: the number examined; if it equals the limit, more may wait.
    """
    waiting = await store.tasks.overdue(now=now, limit=limit)
    for first in range(0, len(waiting), TOGETHER):
        await _announce(store, waiting[first : first + TOGETHER], now=now)
    return len(waiting)


async def _announce(store: Store, task_ids: Sequence[TaskId], *, now: datetime) -> None:
    async def work(tx: Transaction) -> None:
        tasks = list((await store.tasks.whole(task_ids, tx=tx)).values())
        deadlines = await store.tasks.deadlines(tasks, tx=tx)
        marked = [
            steps.mark_overdue(task, deadline=deadlines.get(task.id), now=now) for task in tasks
        ]
        for tenant_id in {each.task.tenant_id for each in marked}:
            of_tenant = [each for each in marked if each.task.tenant_id == tenant_id]
            await store_steps(store, *of_tenant, actor_id=SYSTEM, now=now, tx=tx)
        # Announced meanwhile by another process, or a zone was changed since it was stored.
        await store.tasks.look_again([each.task for each in marked if not each.changes], tx=tx)

    await store.transact(work)
