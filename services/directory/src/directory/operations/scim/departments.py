"""Departments by their path of names, made where they are absent."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory import events
from directory.domain import departments
from directory.domain.access import Actor
from directory.domain.departments import Department
from directory.domain.ids import DepartmentId
from directory.domain.scim.people import SOURCE
from directory.store import Store

_LONGEST: Final = 200


async def resolve_department(
    store: Store, path: Sequence[str], *, actor: Actor, now: datetime, tx: Transaction
) -> DepartmentId | None:
    """Find the department of a path from the root down, or make what is missing of it.

    A department that the feed made is found by its path even after it was renamed or moved here;
    one that was here before is taken by its name.

    Raises:
        InvalidArgument: a name is not allowed, or the tree would be deeper than 20.
    """
    if not path:
        return None
    known = await _known(store, path, actor=actor, tx=tx)
    if known is not None:
        return known.id
    parent: Department | None = None
    for depth in range(1, len(path) + 1):
        parent = await _step(store, path[:depth], parent=parent, actor=actor, now=now, tx=tx)
    return parent.id if parent else None


async def _step(
    store: Store,
    path: Sequence[str],
    *,
    parent: Department | None,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> Department:
    known = await _known(store, path, actor=actor, tx=tx)
    if known is None:
        known = await store.departments.find_child(
            path[-1], parent_id=parent.id if parent else "", tenant_id=actor.tenant_id, tx=tx
        )
    if known is not None:
        return known
    made = departments.create(
        department_id=DepartmentId(new_id("dep", now=now)),
        tenant_id=actor.tenant_id,
        name=path[-1],
        parent=parent,
        external_id=_external_id(path),
    )
    await store.departments.add(made, tx=tx)
    await store.outbox.add(events.department_added(made, actor_id=actor.person_id, now=now), tx=tx)
    return made


async def _known(
    store: Store, path: Sequence[str], *, actor: Actor, tx: Transaction
) -> Department | None:
    return await store.departments.find_by_external_id(
        _external_id(path), tenant_id=actor.tenant_id, tx=tx
    )


def _external_id(path: Sequence[str]) -> str:
    readable = f"{SOURCE}:{'/'.join(path)}"
    if len(readable) <= _LONGEST:
        return readable
    return f"{SOURCE}:{hashlib.sha256(readable.encode()).hexdigest()}"
