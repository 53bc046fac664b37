"""An administrator's answer to a feed that has stopped (INT-1)."""

from datetime import datetime
from typing import Final

import structlog
from plexuskit.mongo import Transaction

from directory.people.domain import people
from directory.scim.domain.guard import APPROVE, FeedChanged, FeedNotStopped, Refused, Waiting
from directory.scim.operations import writes
from directory.scim.operations.write_queue import Turn, WriteQueue
from directory.scim.store import Store
from directory.shared.domain.actors import Actor

# A transaction lives for 3 seconds at most.
_AT_ONCE: Final = 100

log = structlog.get_logger()


async def resolve_feed(
    store: Store,
    write_queue: WriteQueue,
    *,
    actor: Actor,
    approve: bool,
    expected_waiting: int,
    now: datetime,
) -> None:
    """Deactivate all waiting people, or keep them; the day's count starts again.

    People who hold more than the actor stay, and are listed as refused by the feed (GW-11).

    Each is deactivated once, however many administrators answer. If the process stops midway, the
    feed stays stopped with the remaining people.

    Raises:
        PermissionMissing: the actor may not resolve the feed.
        FeedNotStopped: no person is waiting.
        FeedChanged: the number of waiting people differs from the request's.
    """
    await store.grants.holding_everywhere(actor, APPROVE, now=now)

    async def begin(tx: Transaction) -> tuple[Waiting, ...]:
        await store.feeds.serialise(actor.tenant_id, tx=tx)
        waiting = await store.feeds.list_waiting(actor.tenant_id, tx=tx)
        if not waiting:
            raise FeedNotStopped
        if len(waiting) != expected_waiting:
            raise FeedChanged(waiting=len(waiting))
        await store.feeds.forget_counted(actor.tenant_id, tx=tx)
        if not approve:
            await store.feeds.release([each.person_id for each in waiting], tx=tx)
        return waiting

    waiting = await store.transact(begin)
    if approve:
        for start in range(0, len(waiting), _AT_ONCE):
            await _deactivate(
                store, write_queue, waiting[start : start + _AT_ONCE], actor=actor, now=now
            )
    log.info(
        "feed.approved" if approve else "feed.dropped", people=len(waiting), by=actor.person_id
    )


async def _deactivate(
    store: Store, write_queue: WriteQueue, some: tuple[Waiting, ...], *, actor: Actor, now: datetime
) -> None:
    async def work(turn: Turn) -> None:
        # People no longer waiting were handled by another answer, or withdrawn by the feed.
        waited = await store.feeds.take_waiting([each.person_id for each in some], tx=turn.tx)
        found = await store.people.load_many(waited, tenant_id=actor.tenant_id, tx=turn.tx)
        changed = [(previous, people.deactivate(previous)) for previous in found.values()]
        permitted, refusals = await writes.split_by_standing(
            store, changed, actor=actor, permission=APPROVE, now=now, turn=turn
        )
        # They stay, in sight of an administrator who holds as much as they do.
        refused = [
            Refused(
                about=person_id,
                reason=refusal.reason,
                permission=refusal.metadata["permission"],
                at=now,
            )
            for person_id, refusal in refusals.items()
        ]
        await store.feeds.refuse(refused, tenant_id=actor.tenant_id, tx=turn.tx)
        await writes.save_many(store, permitted, actor=actor, now=now, turn=turn)
        removed = {each.person_id for each in some if each.remove}
        gone = removed.intersection(after.id for _, after in permitted)
        await store.scim.remove_many(gone, tenant_id=actor.tenant_id, now=now, tx=turn.tx)

    await write_queue.run(work, actor=actor, now=now)
