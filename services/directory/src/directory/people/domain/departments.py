"""The department tree: every node holds the path from its root.

Functions that change the tree take the departments concerned and return the changes as (before,
after). A closed department has left the tree: it is its own root and has no children.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from plexuskit.errors import InvalidArgument, VersionConflict

from directory.people.domain import profiles
from directory.people.domain.refusals import DepartmentCycle
from directory.shared.domain.ids import DepartmentId, TenantId
from directory.shared.domain.refusals import DepartmentNotFound

DEEPEST: Final = 20
MAX_MOVED_PEOPLE: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A node of the tree; `path` holds the ids from the root down to this one, itself included."""

    id: DepartmentId
    tenant_id: TenantId
    name: str
    parent_id: str
    path: tuple[DepartmentId, ...]
    external_id: str
    version: int
    leader_id: str = ""
    closed: bool = False
    merged_into_id: str = ""

    @property
    def depth(self) -> int:
        """Number of nodes from the root to this one; 1 for a root."""
        return len(self.path)


Changed = tuple[Department, Department]


def create(
    *,
    department_id: DepartmentId,
    tenant_id: TenantId,
    name: str,
    parent: Department | None,
    external_id: str,
) -> Department:
    """Make a department at version 1 under its parent, or a root.

    Raises:
        InvalidArgument: the name or external id is not allowed, or the tree would be deeper than
            20.
    """
    above = parent.path if parent else ()
    if len(above) >= DEEPEST:
        raise InvalidArgument(field="parent_id", problem=f"is at the deepest level, {DEEPEST}")
    return Department(
        id=department_id,
        tenant_id=tenant_id,
        name=profiles.display_name(name, field="name"),
        parent_id=parent.id if parent else "",
        path=(*above, department_id),
        external_id=external_id and profiles.external_id(external_id),
        version=1,
    )


def change(
    department: Department,
    *,
    name: str | None,
    leader_id: str | None,
    expected_version: int,
) -> Department:
    """Rename a department or set its leader; None leaves a field unchanged, "" removes the leader.

    Out: the same object when nothing differs, else the next version.

    Raises:
        VersionConflict: `expected_version` is neither 0 nor the current one.
        InvalidArgument: the name is not allowed, or the version negative.
    """
    if expected_version < 0:
        raise InvalidArgument(field="expected_version", problem="is negative")
    if expected_version not in {0, department.version}:
        raise VersionConflict(expected_version=expected_version, current_version=department.version)
    return _next_version(
        department,
        replace(
            department,
            name=department.name if name is None else profiles.display_name(name, field="name"),
            leader_id=department.leader_id if leader_id is None else leader_id,
        ),
    )


def move(
    department: Department, *, below: Iterable[Department], parent: Department | None
) -> list[Changed]:
    """Move a department with everything below it under another one, or make it a root.

    In: everything below it. Out: the departments whose path changed, parents before children; empty
    if it is there already.

    Raises:
        DepartmentCycle: the parent is the department itself or below it.
        InvalidArgument: the tree would be deeper than 20.
    """
    above = parent.path if parent else ()
    if department.id in above:
        raise DepartmentCycle
    parent_id = parent.id if parent else ""
    if department.parent_id == parent_id:
        return []
    carried = sorted(below, key=lambda each: each.depth)
    deepest = max((each.depth for each in carried), default=department.depth)
    if len(above) + deepest - department.depth + 1 > DEEPEST:
        raise InvalidArgument(field="parent_id", problem=f"makes the tree deeper than {DEEPEST}")

    moved = replace(department, parent_id=parent_id, path=(*above, department.id))
    cut = department.depth - 1
    return [
        (department, _next_version(department, moved)),
        *(
            (each, _next_version(each, replace(each, path=(*above, *each.path[cut:]))))
            for each in carried
        ),
    ]


def merge(
    department: Department, *, into: Department, below: Sequence[Department]
) -> list[Changed]:
    """Close a department; its children go to another one with everything below them.

    In: everything below it. Out: the changed departments, the closed one last.

    Raises:
        DepartmentCycle: the other one is the department itself or below it.
        InvalidArgument: the tree would be deeper than 20.
    """
    if department.id in into.path:
        raise DepartmentCycle
    changed: list[Changed] = []
    for child in below:
        if child.parent_id == department.id:
            under = [each for each in below if child.id in each.path and each != child]
            changed += move(child, below=under, parent=into)
    closed = replace(
        department,
        parent_id="",
        path=(department.id,),
        leader_id="",
        closed=True,
        merged_into_id=into.id,
    )
    return [*changed, (department, _next_version(department, closed))]


def check_split(person_ids: Sequence[str]) -> None:
    """Check the number of people that one split moves.

    Raises:
        InvalidArgument: they are more than 2,000.
    """
    if len(person_ids) > MAX_MOVED_PEOPLE:
        raise InvalidArgument(field="person_ids", problem=f"holds more than {MAX_MOVED_PEOPLE}")


def split(
    department: Department,
    *,
    new_id: DepartmentId,
    name: str,
    parent: Department | None,
    child_ids: Iterable[str],
    below: Sequence[Department],
) -> tuple[Department, list[Changed]]:
    """Create a department and move some children of the old one to it.

    In: the old department; the parent of the new one (the old one itself for a new one below it);
    everything below the old one. Out: the new department and the changed ones.

    Raises:
        DepartmentNotFound: a child is not directly below the department.
        InvalidArgument: the name is not allowed, or the tree would be deeper than 20.
    """
    new = create(
        department_id=new_id,
        tenant_id=department.tenant_id,
        name=name,
        parent=parent,
        external_id="",
    )
    children = {each.id: each for each in below if each.parent_id == department.id}
    changed: list[Changed] = []
    for child_id in dict.fromkeys(child_ids):
        child = children.get(DepartmentId(child_id))
        if child is None:
            raise DepartmentNotFound(department_id=child_id)
        under = [each for each in below if child.id in each.path and each != child]
        changed += move(child, below=under, parent=new)
    return new, changed


def _next_version(previous: Department, after: Department) -> Department:
    return previous if after == previous else replace(after, version=previous.version + 1)
