"""Queries of people; every active person of a tenant may read the tenant's people."""

from collections.abc import Sequence
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.paging import InvalidPageToken, Listing

from directory.people.domain.handles import normalise
from directory.people.domain.people import Person
from directory.people.store import Store
from directory.shared.domain.actors import Actor, require
from directory.shared.domain.refusals import DepartmentNotFound, PersonNotFound
from directory.shared.domain.texts import fold
from directory.shared.queries import paging

MAX_IN_BATCH: Final = 500
_MAX_QUERY: Final = 100


async def get_person(
    store: Store, *, actor: Actor, person_id: str = "", handle: str = "", me: bool = False
) -> Person:
    """Load one person: the caller, or by id, or by handle, also a former one.

    Raises:
        PermissionMissing: the actor may not read people.
        PersonNotFound: the tenant has no such person, also for an invalid handle (GW-2).
        InvalidArgument: none of the three is given.

    A guest finds others by id only, never by a handle that could be guessed (GW-5).
    """
    require(actor, "people.read")
    if me:
        return await store.people.get(actor.person_id, tenant_id=actor.tenant_id)
    if person_id:
        return await store.people.get(person_id, tenant_id=actor.tenant_id)
    if not handle:
        raise InvalidArgument(field="by", problem="is not set")
    found = await store.people.find_many(
        tenant_id=actor.tenant_id, person_ids=(), handles=_normal_handles([handle])
    )
    if not found or hidden_by_handle(actor, found[0]):
        raise PersonNotFound
    return found[0]


async def batch_get_people(
    store: Store, *, actor: Actor, person_ids: Sequence[str], handles: Sequence[str]
) -> list[Person]:
    """Load people by id or handle, the unknown left out, each once, in order of their handle.

    Raises:
        PermissionMissing: the actor may not read people.
        InvalidArgument: more than 500 are asked for.
    """
    require(actor, "people.read")
    if len(person_ids) + len(handles) > MAX_IN_BATCH:
        raise InvalidArgument(field="person_ids", problem=f"and handles are over {MAX_IN_BATCH}")
    found = await store.people.find_many(
        tenant_id=actor.tenant_id, person_ids=person_ids, handles=_normal_handles(handles)
    )
    by_id = frozenset(person_ids)
    shown = (
        person for person in found if person.id in by_id or not hidden_by_handle(actor, person)
    )
    return sorted(shown, key=lambda person: person.handle)


async def list_people(
    store: Store,
    *,
    actor: Actor,
    page_size: int,
    page_token: str,
    department_id: str,
    query: str,
    include_deactivated: bool,
) -> tuple[list[Person], str]:
    """List people in order of their handle; out: a page and the next one's token, or "".

    In: a department whose people, and those of departments under it, are wanted; a part of handle
        or name, matched
    without regard to case and width. A guest finds themselves at most (GW-5).

    Raises:
        PermissionMissing: the actor may not read people.
        DepartmentNotFound: there is none in the tenant.
        InvalidArgument: page size or token are wrong, or the part is longer than 100 characters.
    """
    require(actor, "people.read")
    budget = paging.budget(page_size)
    part = fold(query.strip())
    if len(part) > _MAX_QUERY:
        raise InvalidArgument(field="query", problem=f"is longer than {_MAX_QUERY} characters")
    listing = Listing(name="people", filters=(department_id, part, str(include_deactivated)))
    after = listing.last_id(page_token)

    departments = None
    if department_id and actor.guest:
        raise DepartmentNotFound
    if department_id:
        departments = await store.departments.below([department_id], tenant_id=actor.tenant_id)
        if not departments:
            raise DepartmentNotFound
    page, more = await store.people.list_by_handle(
        tenant_id=actor.tenant_id,
        after=await handle_after(store, after, actor=actor),
        budget=budget,
        departments=departments,
        part=part,
        include_deactivated=include_deactivated,
        only=actor.person_id if actor.guest else None,
    )
    return page, listing.token(page[-1].id) if more else ""


async def handle_after(store: Store, person_id: str, *, actor: Actor) -> str:
    """Return the handle after which a page begins.

    Tokens name the last person by id: a handle may be hidden from the next caller (GW-3).

    Raises:
        InvalidPageToken: it is not of this listing.
    """
    if not person_id:
        return ""
    try:
        person = await store.people.get(person_id, tenant_id=actor.tenant_id)
    except PersonNotFound:
        raise InvalidPageToken from None
    return person.handle


def hidden_by_handle(actor: Actor, person: Person) -> bool:
    """Return whether a person found by handle is hidden: guests find only themselves."""
    return actor.guest and person.id != actor.person_id


def _normal_handles(handles: Sequence[str]) -> list[str]:
    normal = []
    for handle in handles:
        try:
            normal.append(normalise(handle))
        except InvalidArgument:
            # An invalid handle: unknown like any other without a person.
            continue
    return normal
