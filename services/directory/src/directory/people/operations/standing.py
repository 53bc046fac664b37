"""Checks of bulk and feed writes: no person gains more than the actor holds (GW-11).

The same rules as for `UpdatePerson`, for any number of people in a fixed number of commands. For
use inside a transaction, with grants that were read in it. A refusal names the first person
concerned; finding that person costs a few commands more.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime

from plexus_access.objects import DEPARTMENT, GROUP, Subject
from plexuskit.mongo import Transaction

from directory.access.domain.grants import Grants
from directory.access.domain.refusals import GrantExceedsOwn, PersonExceedsOwn
from directory.people.domain.people import Person
from directory.people.operations.rights import check_joining
from directory.people.store import Store
from directory.shared.domain.ids import TenantId

Written = tuple[Person | None, Person]
"""A person before and after a write; None before they were made."""
Check = Callable[[Sequence[Written]], Awaitable[None]]


async def check_written(
    store: Store,
    grants: Grants,
    written: Sequence[Written],
    *,
    signing_in: Collection[str] = (),
    tenant_id: TenantId,
    now: datetime,
    tx: Transaction,
) -> None:
    """Check people before they are stored; their departments must be stored already.

    In: ids of people whose means of signing in change beyond their e-mail address.

    Raises:
        GrantExceedsOwn: a new department of a person is bound to more than the actor holds; or a
            person who holds more would be deactivated, reactivated, or reachable for sign-in by
            another address or password.
    """
    if grants.holds_everything:
        return

    async def check(some: Sequence[Written]) -> None:
        await _check_taken_over(
            store, grants, some, signing_in=signing_in, tenant_id=tenant_id, now=now, tx=tx
        )
        await _check_joining(store, grants, some, tenant_id=tenant_id, now=now, tx=tx)

    await _naming_first(check, written)


async def _check_taken_over(
    store: Store,
    grants: Grants,
    written: Sequence[Written],
    *,
    signing_in: Collection[str],
    tenant_id: TenantId,
    now: datetime,
    tx: Transaction,
) -> None:
    taken_over = [
        previous.id
        for previous, after in written
        if previous is not None
        and (
            previous.id in signing_in
            or previous.email != after.email
            or previous.state is not after.state
        )
    ]
    held = await store.grants.of_people(taken_over, tenant_id=tenant_id, now=now, tx=tx)
    for other in held.values():
        grants.require_standing_over(other)


async def _check_joining(
    store: Store,
    grants: Grants,
    written: Sequence[Written],
    *,
    tenant_id: TenantId,
    now: datetime,
    tx: Transaction,
) -> None:
    joined = {
        id_
        for previous, after in written
        for id_ in set(after.department_ids).difference(previous.department_ids if previous else ())
    }
    if joined:
        paths = await store.places.paths(joined, tenant_id=tenant_id, tx=tx)
        subjects = {Subject(DEPARTMENT, id_) for path in paths.values() for id_ in path}
        await check_joining(store, grants, subjects, tenant_id=tenant_id, now=now, tx=tx)


async def check_regrouped(
    store: Store,
    grants: Grants,
    written: Sequence[Written],
    *,
    tenant_id: TenantId,
    now: datetime,
    tx: Transaction,
) -> None:
    """Check the groups that rules have just put people into, after `regroup`.

    Raises:
        GrantExceedsOwn: one of the groups is bound to more than the actor holds.
    """
    if grants.holds_everything or not written:
        return
    earlier = {after.id: previous.group_ids if previous else () for previous, after in written}
    current = await store.people.load_many(earlier, tenant_id=tenant_id, tx=tx)

    async def check(some: Sequence[Written]) -> None:
        subjects = {
            Subject(GROUP, id_)
            for _, person in some
            if person.id in current
            for id_ in set(current[person.id].group_ids).difference(earlier[person.id])
        }
        await check_joining(store, grants, subjects, tenant_id=tenant_id, now=now, tx=tx)

    await _naming_first(check, written)


async def _naming_first(check: Check, written: Sequence[Written]) -> None:
    """Check all together; after a refusal, bisect to the first person at fault.

    Raises:
        PersonExceedsOwn: with the person, as the request knows them.
    """
    try:
        await check(written)
    except GrantExceedsOwn as refusal:
        first, last, last_refusal = 0, len(written), refusal
        while last - first > 1:
            middle = (first + last) // 2
            try:
                await check(written[first:middle])
            except GrantExceedsOwn as narrower:
                last, last_refusal = middle, narrower
            else:
                first = middle
        person = written[first][1]
        raise PersonExceedsOwn(
            person=person.handle,
            external_id=person.external_id or "",
            permission=last_refusal.metadata["permission"],
        ) from refusal
