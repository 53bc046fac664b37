"""Reading the department tree."""

from plexuskit.paging import Listing

from directory.people.domain.departments import Department
from directory.people.store import Store
from directory.shared.domain.actors import Actor, require
from directory.shared.queries import paging


async def list_departments(
    store: Store, *, actor: Actor, page_size: int, page_token: str, include_closed: bool = False
) -> tuple[list[Department], str]:
    """List the tree, parents before children; out: a page and the next one's token, or "".

    A guest sees no department, whatever their roles (GW-5).

    Raises:
        PermissionMissing: the actor may not read departments.
        InvalidArgument: the page size is wrong.
        InvalidPageToken: it is not of this listing, or of other filters.
    """
    require(actor, "departments.read")
    budget = paging.budget(page_size)
    listing = Listing(name="departments", filters=(str(include_closed),))
    depth, department_id = listing.position(page_token, shape=(int, str)) or (0, "")
    if actor.guest:
        return [], ""
    page, more = await store.departments.list_by_depth(
        tenant_id=actor.tenant_id,
        after=(int(depth), str(department_id)),
        budget=budget,
        include_closed=include_closed,
    )
    token = listing.token(page[-1].depth, page[-1].id) if more else ""
    return page, token
