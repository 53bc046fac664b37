"""Storage of a step's changes: state, history and fact together (MSG-4, TSK-1)."""

from datetime import datetime

from plexuskit.mongo import Transaction

from tasks import events
from tasks.domain.history import Changed
from tasks.domain.identity import PersonId
from tasks.store import Store


async def store_steps(
    store: Store, *steps: Changed, actor_id: PersonId, now: datetime, tx: Transaction
) -> None:
    """Store steps of one tenant in this order, new tasks too; those without changes are left out.

    Raises:
        Retry: another writer was faster.
    """
    real = [step for step in steps if step.changes]
    if not real:
        return

    await store.tasks.add([step.task for step in real if step.previous is None], tx=tx)
    changed = [step.task for step in real if step.previous is not None]
    if changed:
        await store.tasks.save(*changed, tx=tx)

    await store.history.add(
        [change for step in real for change in step.changes],
        tenant_id=real[0].task.tenant_id,
        tx=tx,
    )
    facts = [events.task_stepped(step, actor_id=actor_id, now=now) for step in real]
    await store.outbox.add(*facts, tx=tx)
