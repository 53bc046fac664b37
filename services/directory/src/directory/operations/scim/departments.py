"""Departments by their path of names, made where they are absent."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory import events
from directory.domain import departments, profiles
from directory.domain.access import Actor
from directory.domain.departments import DEEPEST, Department
from directory.domain.ids import DepartmentId
from directory.domain.scim.people import SOURCE
from directory.operations.scim.lane import Turn
from directory.store import Store

_LONGEST: Final = 200


async def resolve_department(
    store: Store, path: Sequence[str], *, actor: Actor, now: datetime, turn: Turn
) -> DepartmentId | None:
    """Find the department of a path from the root down, or make what is missing of it.

    A department that the feed made is found by its path even after it was renamed or moved here;
    one that was here before is taken by its name.

    Raises:
        InvalidArgument: a name is not allowed, or the tree would be deeper than 20.
    """
    if not path:
        return None
    known = await _known(store, path, actor=actor, tx=turn.tx)
    if known is not None:
        return known.id
    _check(path)
    parent: Department | None = None
    for depth in range(1, len(path) + 1):
        parent = await _step(store, path[:depth], parent=parent, actor=actor, now=now, turn=turn)
    return parent.id if parent else None


async def _step(
    store: Store,
    path: Sequence[str],
    *,
    parent: Department | None,
    actor: Actor,
    now: datetime,
    turn: Turn,
) -> Department:
    known = await _known(store, path, actor=actor, tx=turn.tx)
    if known is None:
        known = await store.departments.find_child(
            path[-1], parent_id=parent.id if parent else "", tenant_id=actor.tenant_id, tx=turn.tx
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
    await store.departments.add(made, tx=turn.tx)
    turn.facts.append(events.department_added(made, actor_id=actor.person_id, now=now))
    return made


async def _known(
    store: Store, path: Sequence[str], *, actor: Actor, tx: Transaction
) -> Department | None:
    found = await store.departments.find_by_external_id(
        _external_id(path), tenant_id=actor.tenant_id, tx=tx
    )
    while found is not None and found.merged_into_id:
        found = await store.departments.find(found.merged_into_id, tenant_id=actor.tenant_id, tx=tx)
    return found


def _check(path: Sequence[str]) -> None:
    """Check all names before the first is made: a refused request has written nothing."""
    if len(path) > DEEPEST:
        raise InvalidArgument(field="department", problem=f"is deeper than {DEEPEST}")
    for name in path:
        profiles.display_name(name, field="department")


def _external_id(path: Sequence[str]) -> str:
    readable = f"{SOURCE}:{'/'.join(path)}"
    if len(readable) <= _LONGEST:
        return readable
    return f"{SOURCE}:{hashlib.sha256(readable.encode()).hexdigest()}"
