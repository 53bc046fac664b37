"""Users as the feed reads them back."""

from datetime import datetime
from typing import Any, Final

from scim2_models import SearchRequest

from directory.scim.domain.records import Record
from directory.scim.domain.resources import DEFAULT_RESULTS, MAX_RESULTS, USER
from directory.scim.store import Page, Store, query_of
from directory.shared.domain.actors import Actor

PERMISSION: Final = "people.provision"


async def get_user(store: Store, *, actor: Actor, person_id: str, now: datetime) -> Record:
    """Load the feed's record of a person.

    Raises:
        PermissionMissing: the actor may not provision people.
        NotFoundException: the feed does not know the person.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)
    return await store.scim.get(person_id, tenant_id=actor.tenant_id)


async def list_users(
    store: Store, *, actor: Actor, asked: SearchRequest[Any], now: datetime
) -> Page:
    """Find people that the feed manages: at most 200 at once, 100 when it names no number.

    Raises:
        PermissionMissing: the actor may not provision people.
        InvalidFilterException: something cannot be asked for.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)
    return await store.scim.list_matching(
        query_of(asked.filter) if asked.filter is not None else {},
        tenant_id=actor.tenant_id,
        order=asked.sort_binding(USER),
        descending=asked.sort_order is SearchRequest.SortOrder.descending,
        skip=(asked.start_index or 1) - 1,
        limit=DEFAULT_RESULTS if asked.count is None else min(asked.count, MAX_RESULTS),
    )
