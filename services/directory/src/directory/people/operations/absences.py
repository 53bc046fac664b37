"""Planning an absence: one's own, or that of a person one manages."""

from datetime import datetime

import structlog
from plexuskit.grpc import line_of
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from directory.people.domain import absences, people
from directory.people.domain.absences import Absence
from directory.people.domain.people import Kind, Person
from directory.people.domain.refusals import DeputyUnavailable
from directory.people.operations.changes import change_apart
from directory.people.operations.rights import PEOPLE
from directory.people.store import Store
from directory.shared.domain.actors import Actor, require
from directory.shared.domain.ids import TenantId
from directory.shared.domain.refusals import PersonNotFound

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
    """Plan an absence with a deputy, or end it with None; "" means one's own.

    Absences of others may be set by their manager, named or leader of their department, and by
    people who may manage people.

    Raises:
        PermissionMissing: for another person, existing or not, if the actor manages people nowhere.
        PersonNotFound: the actor does not manage the person, or the deputy does not exist.
        InvalidArgument: the times are invalid, the note is too long, or the deputy is the person.
        DeputyUnavailable: the deputy is deactivated, a guest, or away at that time.
        RequestIdReused: the request id was used with other content.
    """
    require(actor, "people.set_absence")

    async def work(tx: Transaction) -> Person:
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.people.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
        previous = await _planned_for(store, person_id, actor=actor, now=now, tx=tx)
        planned = None if absence is None else absences.check(absence, of=previous.id, now=now)
        if planned is not None and planned.deputy_id:
            await _check_deputy(store, planned, tenant_id=actor.tenant_id, now=now, tx=tx)
        after = people.set_absence(previous, planned)
        await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
        await change_apart(store, previous, after, actor_id=actor.person_id, now=now, tx=tx)
        return after

    person = await store.change_person(
        actor.tenant_id, person_id or actor.person_id, work, caller=line_of(actor.person_id)
    )
    log.info("person.absence_set", person_id=person.id, by=actor.person_id)
    return person


async def _planned_for(
    store: Store, person_id: str, *, actor: Actor, now: datetime, tx: Transaction
) -> Person:
    """Load the person whose absence is planned: the actor or a person whom they manage."""
    if person_id in {"", actor.person_id}:
        return await store.people.get(actor.person_id, tenant_id=actor.tenant_id, tx=tx)
    grants = await store.grants.of_actor(actor, now=now, tx=tx)
    try:
        person, place = await store.places.get_person(person_id, tenant_id=actor.tenant_id, tx=tx)
    except PersonNotFound:
        grants.require(PEOPLE)
        raise
    if grants.holds(PEOPLE, place):
        return person
    if await store.reporting.manager_of(person, tx=tx) == actor.person_id:
        return person
    grants.require(PEOPLE)
    raise PersonNotFound


async def _check_deputy(
    store: Store, planned: Absence, *, tenant_id: TenantId, now: datetime, tx: Transaction
) -> None:
    deputy = await store.people.get(planned.deputy_id, tenant_id=tenant_id, tx=tx)
    away = deputy.absence is not None and deputy.absence.meets(planned)
    if away or deputy.kind is Kind.GUEST or not deputy.welcome(now=now):
        raise DeputyUnavailable
