"""Reading roles and their bindings."""

from datetime import datetime
from typing import Final

from plexuskit.paging import Listing

from directory.access.domain.role_bindings import Binding, check_scope, check_subject
from directory.access.domain.roles import Role, built_in
from directory.access.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.queries import paging

ROLES: Final = "roles.read"
# A built-in role with every permission, in a list.
_BUILT_IN_BYTES: Final = 8_192


async def list_roles(
    store: Store, *, actor: Actor, page_size: int, page_token: str, now: datetime
) -> tuple[list[Role], str]:
    """List the roles of the tenant: built-in ones first, the others by name.

    Out: a page and the next one's token, or "".

    Raises:
        PermissionMissing: the actor reads roles nowhere.
        InvalidArgument, InvalidPageToken: page size or token are wrong.
    """
    await store.grants.holding(actor, ROLES, now=now)
    budget = paging.budget(page_size)
    listing = Listing(name="roles", filters=())
    position = listing.position(page_token, shape=(int, str))
    begun, after = (int(position[0]), str(position[1])) if position else (0, "")
    changed = await store.roles.list_changed(tenant_id=actor.tenant_id)
    known = built_in(actor.tenant_id, changed=changed)[max(begun, 0) :]
    page = [role for role in known if budget.takes(_BUILT_IN_BYTES)]
    if len(page) < len(known):
        return page, listing.token(begun + len(page), "")
    own, more = await store.roles.list_own(tenant_id=actor.tenant_id, after=after, budget=budget)
    if not more:
        return [*page, *own], ""
    last = own[-1].name_key if own else after
    return [*page, *own], listing.token(begun + len(page), last)


async def list_role_bindings(
    store: Store,
    *,
    actor: Actor,
    subject: str,
    scope: str,
    page_size: int,
    page_token: str,
    now: datetime,
) -> tuple[list[Binding], str]:
    """List bindings, the oldest first; out: a page and the next one's token, or "".

    Callers who may read roles for a part of the tenant see the bindings in that part.

    Raises:
        PermissionMissing: the actor may read roles nowhere.
        InvalidArgument: subject, scope, page size or token is invalid.
    """
    grants = await store.grants.holding(actor, ROLES, now=now)
    whom = str(check_subject(subject)) if subject else ""
    wanted = check_scope(scope, tenant_id=actor.tenant_id) if scope else None
    budget = paging.budget(page_size)
    listing = Listing(name="role_bindings", filters=(whom, str(wanted or "")))
    after = listing.last_id(page_token)

    scopes = None if wanted is None else frozenset({wanted})
    if not grants.holds_everywhere(ROLES):
        mine = await store.places.within(grants.scopes_of(ROLES), tenant_id=actor.tenant_id)
        scopes = mine if scopes is None else scopes & mine
    page, more = await store.bindings.list_by_id(
        tenant_id=actor.tenant_id,
        subject=whom,
        scopes=None if scopes is None else sorted(map(str, scopes)),
        after=after,
        budget=budget,
    )
    token = listing.token(page[-1].id) if more else ""
    return page, token
