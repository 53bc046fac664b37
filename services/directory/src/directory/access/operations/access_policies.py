"""Storing and deleting attribute policies."""

from datetime import datetime
from typing import Final

import structlog
from plexus_access.asked_kinds import asked_kinds
from plexuskit.errors import VersionConflict
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from directory.access import events
from directory.access.domain import access_policies
from directory.access.domain.access_policies import AccessPolicy
from directory.access.domain.refusals import PolicyNotFound
from directory.access.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import PolicyId

log = structlog.get_logger()

MANAGE: Final = "policies.manage"


async def put_access_policy(
    store: Store,
    *,
    actor: Actor,
    name: str,
    cedar: str,
    enabled: bool,
    expected_version: int,
    request: Request | None,
    now: datetime,
) -> AccessPolicy:
    """Store an attribute policy under its name; write nothing if nothing differs.

    Raises:
        PermissionMissing: the actor may not manage policies.
        InvalidArgument: the name is not allowed.
        PolicyInvalid: the text cannot be stored; with line and problem.
        VersionConflict: it was changed since `expected_version`, or does not exist yet.
        PolicyNotFound: it was removed since the same request was carried out.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> AccessPolicy:
        grants = await store.grants.of_actor(actor, now=now, tx=tx)
        grants.require_everywhere(MANAGE)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            current = await store.policies.find(answered["name"], tenant_id=actor.tenant_id, tx=tx)
            if current is None:
                raise PolicyNotFound
            return current
        previous = await store.policies.find(
            access_policies.name_of(name), tenant_id=actor.tenant_id, tx=tx
        )
        if previous is None:
            if expected_version:
                raise VersionConflict(expected_version=expected_version, current_version=0)
            after = access_policies.create(
                policy_id=PolicyId(new_id("pol", now=now)),
                tenant_id=actor.tenant_id,
                name=name,
                cedar=cedar,
                enabled=enabled,
                asked_kinds=asked_kinds,
            )
        else:
            after = access_policies.change(
                previous,
                cedar=cedar,
                enabled=enabled,
                expected_version=expected_version,
                asked_kinds=asked_kinds,
            )
        await store.requests.record(request, {"name": after.name}, now=now, tx=tx)
        if after is previous:
            return after
        if previous is None:
            await store.policies.add(after, tx=tx)
        else:
            await store.policies.save(after, now=now, tx=tx)
        fact = events.policy_changed(after, actor_id=actor.person_id, now=now)
        await store.outbox.add(fact, tx=tx)
        return after

    policy = await store.transact(work)
    log.info("policy.put", policy_id=policy.id, by=actor.person_id, version=policy.version)
    return policy


async def delete_access_policy(
    store: Store, *, actor: Actor, name: str, request: Request | None, now: datetime
) -> None:
    """Delete an attribute policy.

    Raises:
        PermissionMissing: the actor may not manage policies.
        PolicyNotFound: there is no policy of that name.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> None:
        grants = await store.grants.of_actor(actor, now=now, tx=tx)
        grants.require_everywhere(MANAGE)
        if await store.requests.answer(request, now=now, tx=tx):
            return
        previous = await store.policies.find(name, tenant_id=actor.tenant_id, tx=tx)
        if previous is None:
            raise PolicyNotFound
        after = access_policies.remove(previous)
        await store.requests.record(request, {"name": after.name}, now=now, tx=tx)
        await store.policies.save(after, now=now, tx=tx)
        fact = events.policy_changed(after, actor_id=actor.person_id, now=now)
        await store.outbox.add(fact, tx=tx)

    await store.transact(work)
    log.info("policy.removed", by=actor.person_id)
