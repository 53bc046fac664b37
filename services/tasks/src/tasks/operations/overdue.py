"""Announcing that due values have passed (TSK-3)."""

from datetime import datetime

from plexuskit.mongo import Transaction

from tasks.domain import steps
from tasks.domain.identity import SYSTEM, TaskId
from tasks.operations.steps import store_steps
from tasks.store import Store


async def announce_overdue(store: Store, *, limit: int, now: datetime) -> int:
    """Announce tasks whose due value has passed while they are open, once per due value.

    Any number of processes may do this at once: each task is claimed by writing its next version.

    Args:
        store: the service's database.
        limit: how many to look at.
        now: the time to compare with.

    Returns: how many were looked at; as many as the limit means that more may wait.
    """
    waiting = await store.tasks.overdue(now=now, limit=limit)
    for task_id in waiting:
        await _announce(store, task_id, now=now)
    return len(waiting)


async def _announce(store: Store, task_id: TaskId, *, now: datetime) -> None:
    async def work(tx: Transaction) -> None:
        task = (await store.tasks.whole([task_id], tx=tx)).get(task_id)
        if task is None:
            return
        changed = steps.mark_overdue(task, zone=store.zone, now=now)
        if changed.changes:
            await store_steps(store, changed, actor_id=SYSTEM, now=now, tx=tx)
        else:
            # Announced meanwhile by another process, or the zone was set anew since it was stored.
            await store.tasks.look_again(task, tx=tx)

    await store.transact(work)
