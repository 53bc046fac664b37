"""Members of an audience outside their working hours."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from messaging.conversations.domain.working_hours import Shift, works_again_at, zone_named


@dataclass(frozen=True, slots=True)
class Addressed:
    """Addressees of a message: people, departments, or everyone; empty means everyone."""

    person_ids: frozenset[str] = frozenset()
    department_ids: frozenset[str] = frozenset()
    everybody: bool = False

    @property
    def is_everybody(self) -> bool:
        """True if no member is left out."""
        return self.everybody or not (self.person_ids or self.department_ids)


@dataclass(frozen=True, slots=True)
class OffHours:
    """Person outside working hours; `local` is their local time, `works_again_at` is in UTC."""

    person_id: str
    time_zone: str
    local: datetime
    works_again_at: datetime


def off_hours(shifts: Iterable[Shift], *, at: datetime, maximum: int) -> tuple[int, list[OffHours]]:
    """Count the people outside working hours at an instant; return the first of them by id.

    Apps always work. People whose time zone is missing from this machine's zone data are left out.
    """
    count = 0
    first: list[OffHours] = []
    for shift in shifts:
        zone = zone_named(shift.time_zone)
        if zone is None or shift.is_app or not shift.active:
            continue
        again = works_again_at(shift.hours, zone=zone, at=at)
        if again is None:
            continue
        count += len(shift.person_ids)
        local = at.astimezone(zone)
        named = heapq.nsmallest(maximum, shift.person_ids)
        first += [OffHours(person_id, shift.time_zone, local, again) for person_id in named]
    return count, heapq.nsmallest(maximum, first, key=lambda each: each.person_id)
