"""Making, changing and removing roles; of built-in ones only the masks change."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import structlog
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from directory.access import events
from directory.access.domain import roles
from directory.access.domain.grants import IN_TENANT, shows_less
from directory.access.domain.role_bindings import unbind
from directory.access.domain.roles import FieldMask, Role, RoleChanges
from directory.access.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import RoleId

log = structlog.get_logger()

MANAGE: Final = "roles.manage"


async def create_role(
    store: Store,
    *,
    actor: Actor,
    name: str,
    description: str,
    permissions: Iterable[str],
    masks: Iterable[FieldMask],
    request: Request | None,
    now: datetime,
) -> Role:
    """Make a role of the tenant's own.

    Raises:
        PermissionMissing: the actor may not manage roles.
        InvalidArgument: a field is not allowed.
        PermissionUnknown: no contract names a permission.
        GrantExceedsOwn: the role holds, or shows, more than the actor may for the tenant.
        RoleNameTaken: a role of the tenant has the name, or a built-in one.
        RequestIdReused: the request id was used with other content.
    """
    asked = list(permissions)

    async def work(tx: Transaction) -> Role:
        grants = await store.grants.of_actor(actor, now=now, tx=tx)
        grants.require_everywhere(MANAGE)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.roles.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
        role = roles.create(
            role_id=RoleId(new_id("rol", now=now)),
            tenant_id=actor.tenant_id,
            name=name,
            description=description,
            permissions=asked,
            masks=masks,
        )
        grants.require_giving(role.permissions, IN_TENANT, masks=role.columns)
        await store.requests.record(request, {"id": role.id}, now=now, tx=tx)
        await store.roles.add(role, tx=tx)
        fact = events.role_changed(role, actor_id=actor.person_id, now=now)
        await store.outbox.add(fact, tx=tx)
        return role

    role = await store.transact(work)
    log.info("role.created", role_id=role.id, by=actor.person_id)
    return role


async def update_role(
    store: Store,
    *,
    actor: Actor,
    role_id: str,
    changes: RoleChanges,
    expected_version: int,
    request: Request | None,
    now: datetime,
) -> Role:
    """Change the set fields of a role; write nothing if nothing differs.

    Raises:
        PermissionMissing: the actor may not manage roles.
        RoleNotFound: the tenant has no such role.
        RoleBuiltIn: it is built in, and more than its masks would change.
        VersionConflict: it was changed since `expected_version`.
        InvalidArgument: a field is not allowed.
        PermissionUnknown: a permission is in no contract.
        GrantExceedsOwn: the added permissions or columns exceed the actor's own in the tenant.
        RoleNameTaken: another role has the name.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Role:
        grants = await store.grants.of_actor(actor, now=now, tx=tx)
        grants.require_everywhere(MANAGE)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.roles.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
        previous = await store.roles.get(role_id, tenant_id=actor.tenant_id, tx=tx)
        after = roles.change(previous, changes, expected_version=expected_version)
        grants.require_giving(_added(previous, after), IN_TENANT, masks=after.columns)
        await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
        if after is not previous:
            if previous.version:
                await store.roles.save(after, now=now, tx=tx)
            else:
                await store.roles.add(after, tx=tx)
            fact = events.role_changed(after, actor_id=actor.person_id, now=now)
            await store.outbox.add(fact, tx=tx)
        return after

    return await store.transact(work)


def _added(previous: Role, after: Role) -> frozenset[str]:
    """Return the permissions that grant more than before: new ones, or all if columns are added."""
    if shows_less(after.columns, previous.columns):
        return after.permissions - previous.permissions
    return after.permissions


async def delete_role(
    store: Store, *, actor: Actor, role_id: str, request: Request | None, now: datetime
) -> None:
    """Remove a role with everything that it is bound to, a fact for each.

    Raises:
        PermissionMissing: the actor may not manage roles.
        RoleNotFound: there is none in the tenant.
        RoleBuiltIn: it is part of the product.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> int:
        grants = await store.grants.of_actor(actor, now=now, tx=tx)
        grants.require_everywhere(MANAGE)
        if await store.requests.answer(request, now=now, tx=tx):
            return 0
        previous = await store.roles.get(role_id, tenant_id=actor.tenant_id, tx=tx)
        after = roles.remove(previous)
        await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
        bound = await store.bindings.list_of_role(after.id, tenant_id=actor.tenant_id, tx=tx)
        ended = [unbind(binding) for binding in bound]
        await store.roles.save(after, now=now, tx=tx)
        await store.bindings.save_many(ended, now=now, tx=tx)
        facts = [
            events.binding_changed(binding, actor_id=actor.person_id, now=now) for binding in ended
        ]
        facts.append(events.role_changed(after, actor_id=actor.person_id, now=now))
        await store.outbox.add(*facts, tx=tx)
        return len(ended)

    ended = await store.transact(work)
    log.info("role.removed", role_id=role_id, by=actor.person_id, bindings_ended=ended)
