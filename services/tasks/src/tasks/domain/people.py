"""People as tasks keeps them: the zones in which their days end (TSK-3)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Fields of a person that tasks needs, as directory's facts last had it."""

    id: str
    tenant_id: str
    time_zone: str
    version: int
