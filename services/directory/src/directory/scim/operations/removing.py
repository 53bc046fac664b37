"""DELETE of a user: the person is deactivated, and the feed sees them no more."""

from collections.abc import Callable
from datetime import datetime

import structlog
from scim2_models import PreconditionFailedException

from directory.people.domain import people
from directory.scim.domain import records
from directory.scim.domain.rules import FeedRules
from directory.scim.operations import writes
from directory.scim.operations.guard import admit, stopped
from directory.scim.operations.refused import refusing
from directory.scim.operations.users import PERMISSION
from directory.scim.operations.write_queue import Turn, WriteQueue
from directory.shared.domain.actors import Actor
from directory.store import Store

log = structlog.get_logger()


async def remove_user(
    store: Store,
    write_queue: WriteQueue,
    *,
    actor: Actor,
    person_id: str,
    expected: Callable[[str], bool],
    rules: FeedRules,
    now: datetime,
) -> None:
    """Deactivate a person and hide them from the feed; nothing that they wrote is lost.

    Raises:
        PermissionMissing: the actor may not provision people.
        NotFoundException: the feed does not know the person.
        PreconditionFailedException: the present resource is not the one that was expected.
        GrantExceedsOwn: the person holds more than the feed does (GW-11).
        DeactivationWaits: the feed has stopped; the removal waits (INT-1).
        LastAdministrator: nobody could administer the tenant any more.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)

    async def work(turn: Turn) -> bool:
        record = await store.scim.get(person_id, tenant_id=actor.tenant_id, tx=turn.tx)
        if not expected(record.etag):
            raise PreconditionFailedException
        previous = await store.people.get(person_id, tenant_id=actor.tenant_id, tx=turn.tx)
        after = people.deactivate(previous)
        await writes.check(store, previous, after, actor=actor, now=now, turn=turn)
        if after is not previous and not await admit(
            store, previous.id, remove=True, bounds=rules.bounds, actor=actor, now=now, tx=turn.tx
        ):
            return False
        await writes.save(store, previous, after, actor=actor, now=now, turn=turn)
        await store.scim.save(records.remove(record, now=now), tx=turn.tx)
        return True

    if not await refusing(
        store, write_queue.run(work, actor=actor, now=now), about=person_id, actor=actor, now=now
    ):
        raise stopped(actor)
    log.info("feed.user_removed", person_id=person_id, by=actor.person_id)
