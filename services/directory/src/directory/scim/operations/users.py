"""Creation, change and removal of people by the feed, with its records."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from scim2_models import PreconditionFailedException

from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.lines import signed_in
from directory.people.domain import people
from directory.people.domain.people import Person
from directory.people.domain.tenants import Tenant
from directory.scim.domain import records
from directory.scim.domain.changes import Change
from directory.scim.domain.guard import MAX_ABOUT, FeedRules
from directory.scim.domain.people import SOURCE, Wanted, departments_of, wanted
from directory.scim.domain.records import Record
from directory.scim.domain.resources import FeedUser
from directory.scim.operations import writes
from directory.scim.operations.departments import department_of
from directory.scim.operations.guard import admit, stopped
from directory.scim.operations.matches import Found, check_free, find_meant
from directory.scim.operations.refused import refusing
from directory.scim.operations.write_queue import Turn, WriteQueue
from directory.scim.store import Store
from directory.shared.domain.actors import Actor, State
from directory.shared.domain.ids import DepartmentId, PersonId

PERMISSION: Final = "people.provision"
_STATES: Final[Mapping[bool | None, State]] = {True: State.ACTIVE, False: State.DEACTIVATED}

log = structlog.get_logger()


async def create_user(
    store: Store,
    hashing: Hashing,
    write_queue: WriteQueue,
    *,
    actor: Actor,
    user: FeedUser,
    rules: FeedRules,
    now: datetime,
) -> Record:
    """Create a person from a resource, or take over an existing one that it stands for.

    A person removed by the feed comes back when `rules.reactivates`. A person created outside the
    feed is taken over if their external id, handle or address is the resource's.

    Raises:
        PermissionMissing: the actor may not provision people.
        UniquenessException: another resource has the userName or externalId.
        GrantExceedsOwn: a person would gain more than the feed holds, or a person who holds more
            would get new means of signing in, be deactivated or reactivated (GW-11).
        DeactivationWaits: the feed has stopped, and this would deactivate a person (INT-1).
        InvalidArgument, SCIMException: a value of the resource is not allowed.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)
    # A new or returning person is active, unless the feed sets otherwise.
    meant = replace(wanted(user), active=user.active is not False)
    password = await writes.hashed(hashing, user, source=signed_in(actor.person_id))
    tenant = await store.tenants.get(actor.tenant_id)
    person_id = PersonId(new_id("per", now=now))

    async def work(turn: Turn) -> Record | None:
        found = await find_meant(store, user, meant, actor=actor, rules=rules, tx=turn.tx)
        said = await department_of(
            store, user, record=found.record, actor=actor, rules=rules, now=now, turn=turn
        )
        if found.person is None:
            person = _made(
                meant, found, person_id=person_id, department_id=said, tenant=tenant, now=now
            )
            await writes.add(store, person, password=password, actor=actor, now=now, turn=turn)
            record = records.begin(user, person, department_id=said, now=now)
            await store.scim.add(record, tx=turn.tx)
            return record

        previous, old = found.person, found.record
        after = _changed(previous, meant, record=old, department_id=said, now=now)
        await writes.check(
            store, previous, after, password=password, actor=actor, now=now, turn=turn
        )
        if not await _may(store, previous, after, rules=rules, actor=actor, now=now, tx=turn.tx):
            return None
        await writes.save(
            store, previous, after, password=password, actor=actor, now=now, turn=turn
        )
        if old is None:
            record = records.begin(user, after, department_id=said, now=now)
            await store.scim.add(record, tx=turn.tx)
        else:
            record = records.renew(old, user, department_id=said, now=now)
            await store.scim.save(record, tx=turn.tx)
        return record

    record = await refusing(
        store, write_queue.run(work, actor=actor, now=now), about=_about(user), actor=actor, now=now
    )
    if record is None:
        raise stopped(actor)
    log.info("feed.user_created", person_id=record.person_id, by=actor.person_id)
    return record


async def change_user(
    store: Store,
    hashing: Hashing,
    write_queue: WriteQueue,
    *,
    actor: Actor,
    person_id: str,
    change: Change[FeedUser],
    expected: Callable[[str], bool],
    rules: FeedRules,
    now: datetime,
) -> Record:
    """Change a person as the feed requests; write nothing if nothing differs.

    In: the change; the entity tag check.

    Raises:
        PermissionMissing: the actor may not provision people.
        NotFoundException: the feed does not know the person.
        PreconditionFailedException: the current resource is not the expected one.
        GrantExceedsOwn: as for `create_user`.
        DeactivationWaits: the feed has stopped, and this would deactivate a person (INT-1).
        LastAdministrator: the tenant would have no administrator any more.
        UniquenessException: another resource has the userName or externalId.
        InvalidArgument, SCIMException: the change is invalid, or not allowed for a person.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)
    # A password is hashed before the transaction; this read decides nothing else.
    current = await store.scim.get(person_id, tenant_id=actor.tenant_id)
    password = await writes.hashed(
        hashing, change.apply(current.user()), source=signed_in(actor.person_id)
    )

    async def work(turn: Turn) -> Record | None:
        record = await store.scim.get(person_id, tenant_id=actor.tenant_id, tx=turn.tx)
        if not expected(record.etag):
            raise PreconditionFailedException
        previous = await store.people.get(person_id, tenant_id=actor.tenant_id, tx=turn.tx)
        user = change.apply(record.user())
        meant = wanted(user)
        await check_free(store, user, record, actor=actor, tx=turn.tx)
        said = await department_of(
            store, user, record=record, actor=actor, rules=rules, now=now, turn=turn
        )
        after = _changed(previous, meant, record=record, department_id=said, now=now)
        await writes.check(
            store, previous, after, password=password, actor=actor, now=now, turn=turn
        )
        if change.activates:
            await store.feeds.release([previous.id], tx=turn.tx)
        if not await _may(store, previous, after, rules=rules, actor=actor, now=now, tx=turn.tx):
            return None
        renewed = records.renew(record, user, department_id=said, now=now)
        await writes.save(
            store, previous, after, password=password, actor=actor, now=now, turn=turn
        )
        if after is previous and records.same(record, renewed):
            return record
        await store.scim.save(renewed, tx=turn.tx)
        return renewed

    record = await refusing(
        store, write_queue.run(work, actor=actor, now=now), about=person_id, actor=actor, now=now
    )
    if record is None:
        raise stopped(actor)
    return record


def _about(user: FeedUser) -> str:
    """Return a name for a person whom the feed would create."""
    return (user.user_name or user.external_id or "")[:MAX_ABOUT]


async def _may(
    store: Store,
    previous: Person,
    after: Person,
    *,
    rules: FeedRules,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> bool:
    """Ask the guard if the change deactivates a person."""
    if after.active or not previous.active:
        return True
    return await admit(
        store, previous.id, remove=False, bounds=rules.bounds, actor=actor, now=now, tx=tx
    )


def _made(
    meant: Wanted,
    found: Found,
    *,
    person_id: PersonId,
    department_id: DepartmentId | None,
    tenant: Tenant,
    now: datetime,
) -> Person:
    draft = meant.draft(handle=found.handle, department_id=department_id)
    person = people.create(draft, person_id=person_id, tenant=tenant, now=now)
    state = State.DEACTIVATED if meant.active is False else State.ACTIVE
    return replace(person, state=state, external_id=meant.external_id)


def _changed(
    previous: Person,
    meant: Wanted,
    *,
    record: Record | None,
    department_id: DepartmentId | None,
    now: datetime,
) -> Person:
    """Update a person to the wanted state; out: `previous` itself if nothing differs."""
    belongs = departments_of(
        previous, said=record.department_id if record else None, now_said=department_id
    )
    changed = people.change(previous, meant.changes(department_ids=belongs), now=now)
    others = previous.external_id and not previous.external_id.startswith(f"{SOURCE}:")
    after = replace(
        changed,
        state=_STATES.get(meant.active, previous.state),
        # Another system's key stays, since that system finds the person by it.
        external_id=previous.external_id if others else meant.external_id,
        version=previous.version,
    )
    return people.next_version(previous, after)


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
    """Deactivate a person and hide them from the feed; everything they wrote is kept.

    Raises:
        PermissionMissing: the actor may not provision people.
        NotFoundException: the feed does not know the person.
        PreconditionFailedException: the current resource is not the expected one.
        GrantExceedsOwn: the person holds more than the feed does (GW-11).
        DeactivationWaits: the feed has stopped; the removal waits (INT-1).
        LastAdministrator: the tenant would have no administrator any more.
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
