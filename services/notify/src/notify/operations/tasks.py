"""Task projections, and the reminders of due values (TSK-3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from plexuskit.mongo import Transaction

from notify.domain.notifications import Notification, withdrawn
from notify.domain.outcomes import Reason
from notify.domain.people import zone_of
from notify.domain.requests import NotificationRequest
from notify.domain.tasks import Reminder, Task, deadline, following, reminders
from notify.kinds.task_due import due_soon
from notify.operations.amendments import amend
from notify.operations.audiences import create_notifications
from notify.store import Store
from notify.store.notifications import waiting_for_task


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Time before a task is due at which people are reminded, and the jitter after quiet hours."""

    before: timedelta
    jitter: timedelta


async def note_task(store: Store, *, task: Task, pace: Pace, now: datetime) -> Task | None:
    """Store the current state of a task with its reminders; drop outdated e-mails.

    A state no newer than the stored one changes nothing.

    Returns: the task as stored now.
    """
    people = await store.people.find(task.people)
    zones = {person: zone_of(people.get(person)) for person in task.people}

    async def work(tx: Transaction) -> Task | None:
        previous = await store.tasks.get(task.id, tx=tx)
        if previous is not None and previous.version >= task.version:
            return previous
        current = following(task, previous=previous)
        await store.tasks.put(current, tx=tx)
        armed = reminders(current, zones=zones, before=pace.before, now=now)
        await store.tasks.arm(current, armed, tx=tx)
        return current

    current = await store.transact(work)
    if current is not None:
        for kind, outdated in store.kinds.outdated.items():
            change = partial(_still_true, outdated=outdated, task=current, now=now)
            await amend(store, waiting_for_task(task.id, kind=kind), change, now=now)
    return current


async def remind(store: Store, *, limit: int, pace: Pace, now: datetime) -> int:
    """Remind people of due values that are near; return the number of reminders examined.

    Safe to run in many processes: notifications are claimed, so each is sent once, and the
    reminder is taken away after it.
    """
    waiting = await store.tasks.due(now=now, limit=limit)
    tasks = await store.tasks.find(each.task_id for each in waiting)
    people = await store.people.find({each.person_id for each in waiting})
    requests: list[NotificationRequest] = []
    moved: list[tuple[Reminder, datetime]] = []
    done: list[Reminder] = []
    for reminder in waiting:
        task = tasks.get(reminder.task_id)
        ends = deadline(task.due, zone=zone_of(people.get(reminder.person_id))) if task else None
        if task is None or ends is None or ends <= now or not _wanted(task, reminder):
            done.append(reminder)
        elif ends - pace.before > now:
            # The person lives in another zone than when it was set: not yet (NTF-3).
            moved.append((reminder, ends - pace.before))
        else:
            requests.append(due_soon(task, person_id=reminder.person_id, ends=ends))
            done.append(reminder)
    await create_notifications(store, requests=requests, jitter=pace.jitter, now=now)
    await store.tasks.settle(done, moved=moved)
    return len(waiting)


def _wanted(task: Task, reminder: Reminder) -> bool:
    return task.is_open and task.due_mark == reminder.due_mark and reminder.person_id in task.people


def _still_true(
    notification: Notification,
    *,
    outdated: Callable[[str, Task], Reason | None],
    task: Task,
    now: datetime,
) -> Notification:
    reason = outdated(notification.step, task)
    return withdrawn(notification, reason=reason, now=now) if reason else notification
