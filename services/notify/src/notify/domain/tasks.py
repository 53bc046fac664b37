"""Tasks as notify stores them, and the times of their reminders (TSK-3)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from plexuskit.localtime import instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Task as notify needs it.

    `due` is its due value as text, empty for none; `due_since` is the version that set it, so that
    a value set again is announced again.
    """

    id: str
    tenant_id: str
    key: str
    title: str
    owner_id: str
    assignee_ids: tuple[str, ...]
    is_open: bool
    due: str
    due_since: int = 0
    version: int

    @property
    def due_mark(self) -> str:
        """Return the due value together with the version that set it."""
        return f"{self.due}|{self.due_since}"

    @property
    def people(self) -> tuple[str, ...]:
        """Return the people notified of its due value: the accountable owner and all assignees."""
        return tuple(sorted({self.owner_id, *self.assignee_ids} - {""}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """Reminder of one person about one due value of one task, at an instant."""

    task_id: str
    person_id: str
    tenant_id: str
    due_mark: str
    at: datetime


def following(task: Task, *, previous: Task | None) -> Task:
    """Return a task to store after an earlier state of it, with the version of its due value."""
    if previous is not None and previous.due == task.due:
        return replace(task, due_since=previous.due_since)
    return replace(task, due_since=task.version)


def reminders(
    task: Task, *, zones: Mapping[str, ZoneInfo], before: timedelta, now: datetime
) -> tuple[Reminder, ...]:
    """Return the reminders that a task needs: one per person, none when it is closed or overdue."""
    if not task.is_open:
        return ()
    times = {
        person: reminder_at(task.due, zone=zones[person], before=before, now=now)
        for person in task.people
    }
    return tuple(
        Reminder(
            task_id=task.id,
            person_id=person,
            tenant_id=task.tenant_id,
            due_mark=task.due_mark,
            at=at,
        )
        for person, at in times.items()
        if at is not None
    )


def due_text(*, at: datetime | None, on: str) -> str:
    """Return a due value as text: an instant, a day, or nothing."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds") if at else on


def deadline(due: str, *, zone: ZoneInfo) -> datetime | None:
    """Return the first instant at which a due value has passed, in UTC; None for no due value.

    A day ends in the zone of the person who works on the task (TSK-3).
    """
    if not due:
        return None
    if "T" in due:
        return datetime.fromisoformat(due).astimezone(UTC)
    following = date.fromisoformat(due) + timedelta(days=1)
    return instant(following, time.min, zone=zone)


def reminder_at(due: str, *, zone: ZoneInfo, before: timedelta, now: datetime) -> datetime | None:
    """Return when to send a reminder: `before` the deadline, or now if that time has passed.

    None if there is no deadline, or it has passed: then the owner's TaskOverdue is announced.
    """
    ends = deadline(due, zone=zone)
    if ends is None or ends <= now:
        return None
    return max(ends - before, now)
