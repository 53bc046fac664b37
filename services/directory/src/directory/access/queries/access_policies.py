"""Reading attribute policies."""

from datetime import datetime
from typing import Final

from plexuskit.paging import Listing

from directory.access.domain.access_policies import AccessPolicy
from directory.access.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.queries import paging

POLICIES: Final = "policies.read"


async def list_access_policies(
    store: Store, *, actor: Actor, page_size: int, page_token: str, now: datetime
) -> tuple[list[AccessPolicy], str]:
    """List the attribute policies of the tenant by name; out: a page and the next one's token.

    Raises:
        PermissionMissing: the actor may not read policies.
        InvalidArgument, InvalidPageToken: page size or token are wrong.
    """
    await store.grants.holding_everywhere(actor, POLICIES, now=now)
    listing = Listing(name="access_policies", filters=())
    page, more = await store.policies.list_by_name(
        tenant_id=actor.tenant_id,
        after=listing.last_id(page_token),
        budget=paging.budget(page_size),
    )
    return page, listing.token(page[-1].name) if more else ""
