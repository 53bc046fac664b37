"""Who of an audience would be reached outside their working hours."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from messaging.domain.people import Person
from messaging.domain.working_hours import WorkingHours, works_again_at, zone_named


@dataclass(frozen=True, slots=True)
class Addressed:
    """Whom a message addresses: people, departments, everybody; nothing of it means everybody."""

    person_ids: frozenset[str] = frozenset()
    department_ids: frozenset[str] = frozenset()
    everybody: bool = False

    @property
    def is_everybody(self) -> bool:
        """Whether no member is left out."""
        return self.everybody or not (self.person_ids or self.department_ids)


@dataclass(frozen=True, slots=True)
class OffHours:
    """Somebody who does not work at an instant; `local` is the clock there, the end in UTC."""

    person_id: str
    time_zone: str
    local: datetime
    works_again_at: datetime


def off_hours(people: Iterable[Person], *, at: datetime) -> list[OffHours]:
    """Name those who do not work at an instant, in order of their ids; apps always do.

    Somebody whose zone this machine's zone data lacks is left out: nothing can be said of them.
    Many people have the same zone and hours, so each pair is looked at once.
    """
    known: dict[tuple[str, WorkingHours], datetime | None] = {}
    found: list[OffHours] = []
    for person in sorted(people, key=lambda each: each.id):
        zone = zone_named(person.time_zone)
        if zone is None or person.is_app:
            continue
        again = _again(known, person, zone, at)
        if again is not None:
            found.append(OffHours(person.id, person.time_zone, at.astimezone(zone), again))
    return found


def _again(
    known: dict[tuple[str, WorkingHours], datetime | None],
    person: Person,
    zone: ZoneInfo,
    at: datetime,
) -> datetime | None:
    key = (person.time_zone, person.hours)
    if key not in known:
        known[key] = works_again_at(person.hours, zone=zone, at=at)
    return known[key]
