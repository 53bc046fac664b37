"""The department tree: every node knows the way from its root."""

from dataclasses import dataclass
from typing import Final

from plexuskit.errors import InvalidArgument

from directory.domain import profiles
from directory.domain.ids import DepartmentId, TenantId

DEEPEST: Final = 20


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

    @property
    def depth(self) -> int:
        """How many nodes from the root to this one; 1 for a root."""
        return len(self.path)


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
