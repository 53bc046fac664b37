"""Writes of changed people inside a caller's transaction: state, facts and consequences."""

from collections.abc import Sequence
from datetime import datetime

from plexuskit.mongo import Transaction
from plexuskit.turns import converted

from directory.accounts.domain.sessions import EndCause
from directory.accounts.operations.sessions import end_sessions
from directory.people import events
from directory.people.domain import managers, people
from directory.people.domain.people import Person
from directory.people.domain.refusals import LastAdministrator
from directory.people.operations.memberships import regroup
from directory.people.store import Store
from directory.shared.domain.actors import ADMIN
from directory.shared.domain.ids import TenantId

Changed = tuple[Person, Person]


async def save_changed(
    store: Store,
    changed: Sequence[Changed],
    *,
    tenant_id: TenantId,
    actor_id: str,
    now: datetime,
    tx: Transaction,
) -> None:
    """Store changed people with their facts, and end the sessions of deactivated ones.

    Raises:
        LastAdministrator: the tenant would have no administrator any more.
        EmployeeNumberTaken: another person has an employee number.
    """
    if not changed:
        return
    await store.people.save_many(changed, tx=tx)
    if any(people.loses_administrator(previous, after) for previous, after in changed):
        await store.tenants.serialise_administrators(tenant_id, tx=tx)
        if not await store.people.count_with_role(ADMIN, tenant_id=tenant_id, tx=tx):
            raise LastAdministrator
    facts = await converted(
        changed, lambda pair: events.person_changed(*pair, actor_id=actor_id, now=now)
    )
    await store.outbox.add(*facts, tx=tx)
    if left := [after.id for after in deactivated(changed)]:
        await end_sessions(
            store,
            person_ids=left,
            tenant_id=tenant_id,
            cause=EndCause.PERSON_DEACTIVATED,
            actor_id=actor_id,
            now=now,
            tx=tx,
        )


async def change_one(
    store: Store, previous: Person, after: Person, *, actor_id: str, now: datetime, tx: Transaction
) -> None:
    """Store one changed person with all that follows; nothing when nothing differs.

    Raises:
        LastAdministrator, EmployeeNumberTaken: see `save_changed`.
        GroupTooLarge: a group whose rule gives the person now is full.
    """
    if after is previous:
        return
    await save_changed(
        store,
        [(previous, after)],
        tenant_id=after.tenant_id,
        actor_id=actor_id,
        now=now,
        tx=tx,
    )
    await regroup(
        store,
        among=[after.id],
        left=deactivated([(previous, after)]),
        tenant_id=after.tenant_id,
        actor_id=actor_id,
        now=now,
        tx=tx,
    )


def deactivated(changed: Sequence[Changed]) -> list[Person]:
    """Find the people deactivated by these changes."""
    return [after for previous, after in changed if previous.active and not after.active]


async def check_managers(
    store: Store,
    changed: Sequence[tuple[Person | None, Person]],
    *,
    tenant_id: TenantId,
    tx: Transaction,
) -> None:
    """Check the managers of changed people; None is the previous state of a new person.

    Raises:
        PersonNotFound: a manager is not in the tenant.
        SuperiorUnavailable: a manager is deactivated or a guest.
        ReportingCycle: a person would report to themselves, directly or through others.
    """
    saying = [
        after
        for previous, after in changed
        if after.manager_id and (previous is None or previous.manager_id != after.manager_id)
    ]
    if not saying:
        return
    here: dict[str, Person] = {after.id: after for _, after in changed}
    named = {person.manager_id for person in saying}
    others = await store.people.load_many(named - here.keys(), tenant_id=tenant_id, tx=tx)
    for person in saying:
        if person.active:
            managers.check(here.get(person.manager_id) or others[person.manager_id])

    up = await store.people.managers_up(named, tenant_id=tenant_id, tx=tx)
    up |= {after.id: after.manager_id for _, after in changed}
    for person in saying:
        managers.check_chain(person.id, up)
