"""Departments by their path of names, made where they are absent."""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.people import events
from directory.people.domain import departments, profiles
from directory.people.domain.departments import DEEPEST, Department
from directory.scim.domain.guard import FeedRules
from directory.scim.domain.people import SOURCE, department_path, department_words
from directory.scim.domain.records import Record
from directory.scim.domain.resources import FeedUser
from directory.scim.operations.write_queue import Turn
from directory.scim.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import DepartmentId

_MAX_LENGTH: Final = 200
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


async def department_of(
    store: Store,
    user: FeedUser,
    *,
    record: Record | None,
    actor: Actor,
    rules: FeedRules,
    now: datetime,
    turn: Turn,
) -> DepartmentId | None:
    """Find or make the department that a resource names.

    A value with the separator in it, which was once read as a path, keeps the department that it
    led to until the feed sends another one.

    Raises:
        InvalidArgument: a name is not allowed, or the tree would be deeper than 20.
    """
    try:
        path = department_path(
            user, template=rules.department_template, separator=rules.department_separator
        )
    except InvalidArgument:
        if record is None or department_words(record.user()) != department_words(user):
            raise
        return await _current(store, record.department_id, actor=actor, turn=turn)
    return await resolve_department(store, path, actor=actor, now=now, turn=turn)


async def _current(
    store: Store, department_id: DepartmentId | None, *, actor: Actor, turn: Turn
) -> DepartmentId | None:
    """Return the department, or the one that it was merged into."""
    if department_id is None:
        return None
    found = await store.departments.find(department_id, tenant_id=actor.tenant_id, tx=turn.tx)
    kept = await _open(store, found, actor=actor, tx=turn.tx)
    return kept.id if kept else None


async def resolve_department(
    store: Store, path: Sequence[str], *, actor: Actor, now: datetime, turn: Turn
) -> DepartmentId | None:
    """Find the department of a path from the root down, or create its missing parts.

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
        external_id=external_id(path),
    )
    await store.departments.add(made, tx=turn.tx)
    turn.facts.append(events.department_added(made, actor_id=actor.person_id, now=now))
    return made


async def _known(
    store: Store, path: Sequence[str], *, actor: Actor, tx: Transaction
) -> Department | None:
    found = await store.departments.find_by_external_id(
        external_id(path), tenant_id=actor.tenant_id, tx=tx
    )
    return await _open(store, found, actor=actor, tx=tx)


async def _open(
    store: Store, found: Department | None, *, actor: Actor, tx: Transaction
) -> Department | None:
    while found is not None and found.merged_into_id:
        found = await store.departments.find(found.merged_into_id, tenant_id=actor.tenant_id, tx=tx)
    return found


def _check(path: Sequence[str]) -> None:
    """Check all names before the first is made: a refused request has written nothing."""
    if len(path) > DEEPEST:
        raise InvalidArgument(field="department", problem=f"is deeper than {DEEPEST}")
    for name in path:
        profiles.display_name(name, field="department")


def external_id(path: Sequence[str]) -> str:
    """Name a department by its path; no two paths have the same name."""
    if any("/" in name for name in path) or _DIGEST.fullmatch(path[0]):
        written = json.dumps(list(path), ensure_ascii=False).encode()
        # No name is empty, so no readable path begins with a slash.
        return f"{SOURCE}:/{hashlib.sha256(written).hexdigest()}"
    readable = f"{SOURCE}:{'/'.join(path)}"
    if len(readable) <= _MAX_LENGTH:
        return readable
    return f"{SOURCE}:{hashlib.sha256(readable.encode()).hexdigest()}"
