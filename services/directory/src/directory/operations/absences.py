"""Planning an absence: one's own, or that of somebody one manages."""

from datetime import datetime

import structlog
from plexuskit.mongo import Transaction

from directory.domain import absences, people
from directory.domain.absences import Absence
from directory.domain.access import Actor, permits, require
from directory.domain.ids import TenantId
from directory.domain.people import Kind, Person
from directory.domain.refusals import DeputyUnavailable, PermissionMissing
from directory.domain.requests import Request
from directory.operations.saving import change_one
from directory.operations.scoping import PEOPLE
from directory.store import Store
from directory.store.documents import person_document, person_from

log = structlog.get_logger()


async def set_absence(
    store: Store,
    *,
    actor: Actor,
    person_id: str,
    absence: Absence | None,
    request: Request | None,
    now: datetime,
) -> Person:
    """Plan an absence with who stands in, or end it with None; "" means one's own.

    Somebody else's: who manages them, by name or as leader of their department, and who may manage
    people.

    Raises:
        PermissionMissing: the person is somebody else whom the actor does not manage.
        PersonNotFound: the person, or the deputy, is nobody of the tenant.
        InvalidArgument: the times cannot be, the note is too long, or the deputy is the person.
        DeputyUnavailable: the deputy is deactivated, a guest, or away at that time.
        RequestIdReused: the request id was used with other content.
    """
    require(actor, "people.set_absence")
    whose = person_id or actor.person_id

    async def work(tx: Transaction) -> Person:
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered)
        before = await store.people.get(whose, tenant_id=actor.tenant_id, tx=tx)
        if not await _may_plan(store, before, actor=actor, now=now, tx=tx):
            raise PermissionMissing(permission=PEOPLE)
        planned = None if absence is None else absences.check(absence, of=before.id, now=now)
        if planned is not None and planned.deputy_id:
            await _check_deputy(store, planned, tenant_id=actor.tenant_id, now=now, tx=tx)
        after = people.set_absence(before, planned)
        await store.requests.remember(request, person_document(after), now=now, tx=tx)
        await change_one(store, before, after, actor_id=actor.person_id, now=now, tx=tx)
        return after

    person = await store.reorganise(actor.tenant_id, work)
    log.info("person.absence_set", person_id=person.id, by=actor.person_id)
    return person


async def _may_plan(
    store: Store, person: Person, *, actor: Actor, now: datetime, tx: Transaction
) -> bool:
    if person.id == actor.person_id or permits(actor, PEOPLE):
        return True
    if await store.reporting.manager_of(person, tx=tx) == actor.person_id:
        return True
    grants = await store.grants.of_actor(actor, now=now, tx=tx)
    _, place = await store.places.get_person(person.id, tenant_id=actor.tenant_id, tx=tx)
    return grants.holds(PEOPLE, place)


async def _check_deputy(
    store: Store, planned: Absence, *, tenant_id: TenantId, now: datetime, tx: Transaction
) -> None:
    deputy = await store.people.get(planned.deputy_id, tenant_id=tenant_id, tx=tx)
    away = deputy.absence is not None and deputy.absence.meets(planned)
    if away or deputy.kind is Kind.GUEST or not deputy.welcome(now=now):
        raise DeputyUnavailable
