"""People and departments as messaging stores them, from directory's latest facts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from messaging.conversations.domain.refusals import DepartmentNotFound
from messaging.conversations.domain.working_hours import WorkingHours


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Person; `is_app` marks service accounts, which have no working hours."""

    id: str
    tenant_id: str
    active: bool
    is_app: bool
    time_zone: str
    hours: WorkingHours
    department_ids: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A node of the tree; `path` holds the ids from the root down to this one, itself included."""

    id: str
    tenant_id: str
    path: tuple[str, ...]
    version: int


def department_versions(
    department_ids: Iterable[str], known: Mapping[str, Department], *, tenant_id: str
) -> dict[str, int]:
    """Return the version at which each department is addressed (MSG-13).

    Raises:
        DepartmentNotFound: one is not in the tenant, or its fact has not arrived from directory.
    """
    versions: dict[str, int] = {}
    for department_id in department_ids:
        department = known.get(department_id)
        if department is None or department.tenant_id != tenant_id:
            raise DepartmentNotFound(department_id=department_id)
        versions[department_id] = department.version
    return versions
