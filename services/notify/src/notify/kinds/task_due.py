"""A task is due soon or overdue, for its owner and assignees, once per due value (TSK-3)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from plexus.notify.v1 import notifications_pb2 as pb
from plexus.tasks.v1.events_pb2 import TaskOverdue

from notify.domain.definitions import Definition, Event, FactRule, Projections
from notify.domain.kinds import EVERY_CHANNEL, TASK, Kind
from notify.domain.notifications import Source
from notify.domain.outcomes import Reason
from notify.domain.requests import NotificationRequest, Recipient
from notify.domain.tasks import Task
from notify.domain.wording import Text, Wording, excerpt
from notify.facts import task_of

KIND: Final = Kind(
    name="task_due",
    number=pb.NOTIFICATION_KIND_TASK_DUE,
    source=TASK,
    channels=EVERY_CHANNEL,
    texts={
        "due": Text(zh="任务 {key} 将于 {when} 到期", en="Task {key} is due {when}"),
        "overdue": Text(zh="任务 {key} 已逾期", en="Task {key} is overdue"),
    },
    hidden=Text(zh="有任务到期", en="A task is due"),
)


def due_soon(task: Task, *, person_id: str, ends: datetime) -> NotificationRequest:
    """Return the notification of a reminder; its event is the reminder itself.

    A day is named as a day: it is the same everywhere, and the end of it is the next one.
    """
    is_day = "T" not in task.due
    words = {"key": task.key} | ({"when": task.due} if is_day else {})
    wording = Wording(text=KIND.texts["due"], words=words, when=None if is_day else ends)
    return _due(
        task,
        event_id=f"due|{task.id}|{person_id}|{task.due_mark}",
        step=f"soon|{task.due_mark}",
        wording=wording,
        people=(person_id,),
    )


async def _overdue(
    fact: TaskOverdue, event: Event, projections: Projections
) -> NotificationRequest | None:
    """Return the notifications unless the task was closed or its due value changed since."""
    task = await projections.tasks.get(fact.task.id)
    if task is None or not task.is_open or task.due != task_of(fact.task).due:
        return None
    return _due(
        task,
        event_id=event.id,
        step=f"overdue|{task.due_mark}",
        wording=Wording(text=KIND.texts["overdue"], words={"key": task.key}),
        people=task.people,
    )


def _outdated(step: str, task: Task) -> Reason | None:
    if not task.is_open:
        return Reason.TASK_CLOSED
    return Reason.DUE_CHANGED if step.partition("|")[2] != task.due_mark else None


def _due(
    task: Task, *, event_id: str, step: str, wording: Wording, people: Iterable[str]
) -> NotificationRequest:
    return NotificationRequest(
        event_id=event_id,
        tenant_id=task.tenant_id,
        # The clock acts, not a user: no recipient is left out as the actor.
        source=Source(kind=TASK, id=task.id, actor_id=""),
        step=step,
        body=excerpt(task.title),
        recipients=tuple(
            Recipient(person_id=person, kind=KIND, wording=wording) for person in people
        ),
    )


DEFINITION: Final = Definition(
    kind=KIND,
    facts=(FactRule(fact=TaskOverdue, request=_overdue),),
    outdated=_outdated,
)
