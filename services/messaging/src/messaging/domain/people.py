"""People and departments as messaging keeps them: what directory's facts last said."""

from dataclasses import dataclass

from messaging.domain.working_hours import WorkingHours


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What messaging needs of a person. `is_app` marks service accounts: nobody works there."""

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
