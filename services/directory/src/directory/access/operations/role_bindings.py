"""Binding and unbinding of roles for scopes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from plexus_access.objects import Object, Subject
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from directory.access import events
from directory.access.domain import role_bindings
from directory.access.domain.refusals import RoleBindingNotFound, ScopeNotFound
from directory.access.domain.role_bindings import Binding
from directory.access.domain.roles import Role
from directory.access.store import Store
from directory.shared.domain.actors import SERVICE, Actor
from directory.shared.domain.ids import BindingId, TenantId

log = structlog.get_logger()

BIND: Final = "roles.bind"
SWEPT_AT_ONCE: Final = 500


async def bind_role(
    store: Store,
    *,
    actor: Actor,
    role_id: str,
    subject: str,
    scope: str,
    expires_at: datetime | None,
    request: Request | None,
    now: datetime,
) -> Binding:
    """Bind a role to a subject for a scope; an existing binding gets the new expiry.

    Raises:
        PermissionMissing: the actor binds roles nowhere.
        InvalidArgument: subject, scope or expiry are none.
        RoleNotFound: there is none in the tenant.
        SubjectNotFound: there is nobody of that name.
        GuestHoldsGuest: it is a guest, who holds that role and no other (GW-5).
        GroupSelfChosen: it is a group that people join by what they say of themselves.
        ScopeNotFound: there is no such scope, or the actor binds no roles there (GW-2).
        GrantExceedsOwn: the role holds, or shows, more than the actor may on that scope.
        RoleBindingNotFound: it ended since the same request was carried out.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Binding:
        grants = await store.grants.of_actor(actor, now=now, tx=tx)
        grants.require(BIND)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            current, place = await store.places.get_binding(
                answered["id"], tenant_id=actor.tenant_id, tx=tx
            )
            if not grants.holds(BIND, place):
                raise RoleBindingNotFound
            return current
        whom = role_bindings.check_subject(subject)
        what = role_bindings.check_scope(scope, tenant_id=actor.tenant_id)
        until = role_bindings.check_expiry(expires_at, now=now)
        role = await store.roles.get(role_id, tenant_id=actor.tenant_id, tx=tx)
        await store.places.check_subject(whom, tenant_id=actor.tenant_id, tx=tx)
        place = await store.places.of_scope(what, tenant_id=actor.tenant_id, tx=tx)
        if not grants.holds(BIND, place):
            raise ScopeNotFound
        grants.require_giving(role.permissions, place, masks=role.columns)
        return await _bind(
            store,
            actor=actor,
            role=role,
            subject=whom,
            scope=what,
            expires_at=until,
            request=request,
            now=now,
            tx=tx,
        )

    binding = await store.transact(work)
    log.info("role.bound", binding_id=binding.id, role_id=binding.role_id, by=actor.person_id)
    return binding


async def _bind(
    store: Store,
    *,
    actor: Actor,
    role: Role,
    subject: Subject,
    scope: Object,
    expires_at: datetime | None,
    request: Request | None,
    now: datetime,
    tx: Transaction,
) -> Binding:
    previous = await store.bindings.find_same(
        tenant_id=actor.tenant_id, role_id=role.id, subject=subject, scope=scope, tx=tx
    )
    if previous is not None:
        after = role_bindings.bind_again(previous, expires_at=expires_at)
    else:
        after = role_bindings.bind(
            binding_id=BindingId(new_id("rbd", now=now)),
            tenant_id=actor.tenant_id,
            role_id=role.id,
            subject=subject,
            scope=scope,
            expires_at=expires_at,
            created_by=actor.person_id,
            now=now,
        )
    await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
    if after is previous:
        return after
    if previous is None:
        await store.bindings.add(after, tx=tx)
    else:
        await store.bindings.save_many([after], now=now, tx=tx)
    fact = events.binding_changed(after, actor_id=actor.person_id, now=now)
    await store.outbox.add(fact, tx=tx)
    return after


async def unbind_role(
    store: Store, *, actor: Actor, binding_id: str, request: Request | None, now: datetime
) -> None:
    """Remove a role from a subject for a scope.

    Administrators by `Person.roles` do not depend on bindings, so this never removes the last one.

    Raises:
        PermissionMissing: the actor may bind roles nowhere.
        RoleBindingNotFound: absent, or the actor may not bind roles on its scope (GW-2).
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> None:
        grants = await store.grants.of_actor(actor, now=now, tx=tx)
        grants.require(BIND)
        if await store.requests.answer(request, now=now, tx=tx):
            return
        previous, place = await store.places.get_binding(
            binding_id, tenant_id=actor.tenant_id, tx=tx
        )
        if not grants.holds(BIND, place):
            raise RoleBindingNotFound
        after = role_bindings.unbind(previous)
        await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
        await store.bindings.save_many([after], now=now, tx=tx)
        fact = events.binding_changed(after, actor_id=actor.person_id, now=now)
        await store.outbox.add(fact, tx=tx)

    await store.transact(work)
    log.info("role.unbound", binding_id=binding_id, by=actor.person_id)


async def end_bindings_about(
    store: Store,
    object_: Object,
    *,
    tenant_id: TenantId,
    actor_id: str,
    now: datetime,
    tx: Transaction,
) -> None:
    """Remove bindings of the members of a department or group that is removed, and those for it."""
    found = await store.bindings.list_about(object_, tenant_id=tenant_id, tx=tx)
    await _end(store, found, actor_id=actor_id, now=now, tx=tx)


async def _end(
    store: Store, found: Sequence[Binding], *, actor_id: str, now: datetime, tx: Transaction
) -> None:
    """Remove bindings, with a fact for each."""
    if not found:
        return
    ended = [role_bindings.unbind(binding) for binding in found]
    await store.bindings.save_many(ended, now=now, tx=tx)
    facts = [events.binding_changed(each, actor_id=actor_id, now=now) for each in ended]
    await store.outbox.add(*facts, tx=tx)


async def end_expired_bindings(store: Store, *, now: datetime) -> int:
    """Remove expired bindings, with a fact for each; out: their number.

    They grant nothing from that time on in any case; any number of processes may do this.
    """

    async def work(tx: Transaction) -> int:
        expired = await store.bindings.list_expired(now=now, limit=SWEPT_AT_ONCE, tx=tx)
        await _end(store, expired, actor_id=SERVICE, now=now, tx=tx)
        return len(expired)

    total = 0
    while ended := await store.transact(work):
        total += ended
    return total
