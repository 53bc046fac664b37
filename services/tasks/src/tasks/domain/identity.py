"""Actors, and the types of ids."""

from dataclasses import dataclass
from typing import Final, NewType

TenantId = NewType("TenantId", str)
PersonId = NewType("PersonId", str)
ProjectId = NewType("ProjectId", str)
ColumnId = NewType("ColumnId", str)
TaskId = NewType("TaskId", str)

# Author of automatic changes: a passed due value, redistributed ranks.
SYSTEM: Final = PersonId("tasks")
# A task outside every project, and a task that is on no column.
NO_PROJECT: Final = ProjectId("")
NO_COLUMN: Final = ColumnId("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The person on whose behalf a request runs, from the signed caller context (GW-1)."""

    tenant_id: TenantId
    person_id: PersonId
