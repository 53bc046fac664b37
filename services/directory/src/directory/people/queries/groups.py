"""Queries of groups and their members; a guest sees none (GW-5)."""

from plexuskit.paging import InvalidPageToken, Listing

from directory.people.domain.groups import Group
from directory.people.domain.people import Person
from directory.people.queries.people import handle_after
from directory.people.store import Store
from directory.people.store.groups import name_key
from directory.shared.domain.actors import Actor, require
from directory.shared.domain.refusals import GroupNotFound
from directory.shared.queries import paging


async def list_groups(
    store: Store, *, actor: Actor, page_size: int, page_token: str, person_id: str
) -> tuple[list[Group], str]:
    """List groups in order of their names; out: a page and the next one's token, or "".

    In: a person whose groups are wanted, or "" for all.

    Raises:
        PermissionMissing: the actor may not read groups.
        PersonNotFound: there is none in the tenant.
        InvalidArgument: the page size is wrong.
        InvalidPageToken: it is not of this listing, or of other filters.
    """
    require(actor, "groups.read")
    budget = paging.budget(page_size)
    listing = Listing(name="groups", filters=(person_id,))
    after = listing.last_id(page_token)
    if actor.guest:
        return [], ""
    among = None
    if person_id:
        among = (await store.people.get(person_id, tenant_id=actor.tenant_id)).group_ids
    page, more = await store.groups.list_by_name(
        tenant_id=actor.tenant_id,
        after=await _name_after(store, after, actor=actor),
        budget=budget,
        among=among,
    )
    return page, listing.token(page[-1].id) if more else ""


async def list_group_members(
    store: Store, *, actor: Actor, group_id: str, page_size: int, page_token: str
) -> tuple[list[Person], str]:
    """List who belongs to a group by handle; out: a page and the next one's token, or "".

    Raises:
        PermissionMissing: the actor may not read groups.
        GroupNotFound: there is none in the tenant.
        InvalidArgument: the page size is wrong.
        InvalidPageToken: it is not of this listing, or of other filters.
    """
    require(actor, "groups.read")
    budget = paging.budget(page_size)
    listing = Listing(name="group_members", filters=(group_id,))
    after = listing.last_id(page_token)
    if actor.guest:
        raise GroupNotFound
    group = await store.groups.get(group_id, tenant_id=actor.tenant_id)
    page, more = await store.members.list_of_group(
        group.id,
        tenant_id=actor.tenant_id,
        after=await handle_after(store, after, actor=actor),
        budget=budget,
    )
    return page, listing.token(page[-1].id) if more else ""


async def _name_after(store: Store, group_id: str, *, actor: Actor) -> str:
    """Return the name after which a page of groups begins; tokens name the last group by id.

    Raises:
        InvalidPageToken: it is not of this listing, or its group was deleted since.
    """
    if not group_id:
        return ""
    try:
        group = await store.groups.get(group_id, tenant_id=actor.tenant_id)
    except GroupNotFound:
        raise InvalidPageToken from None
    return name_key(group.name)
