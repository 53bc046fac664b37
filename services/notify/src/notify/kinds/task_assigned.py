"""A task is assigned, for its new assignees; self-assignment notifies no one."""

from collections.abc import Iterable
from typing import Final

from plexus.notify.v1 import notifications_pb2 as pb
from plexus.tasks.v1.events_pb2 import TaskChanged, TaskCreated
from plexus.tasks.v1.tasks_pb2 import Task as TaskMessage

from notify.domain.definitions import Definition, Event, FactRule, Projections, display_name
from notify.domain.kinds import EVERY_CHANNEL, TASK, Kind
from notify.domain.notifications import Source
from notify.domain.requests import NotificationRequest, Recipient
from notify.domain.wording import Text, Wording, excerpt

KIND: Final = Kind(
    name="task_assigned",
    number=pb.NOTIFICATION_KIND_TASK_ASSIGNED,
    source=TASK,
    channels=EVERY_CHANNEL,
    texts={
        "title": Text(zh="{actor} 把任务 {key} 指派给你", en="{actor} assigned task {key} to you")
    },
    hidden=Text(zh="有任务指派给你", en="A task was assigned to you"),
)


async def _created(
    fact: TaskCreated, event: Event, projections: Projections
) -> NotificationRequest | None:
    return await _assigned(fact.task, fact.task.assignee_ids, event, projections)


async def _changed(
    fact: TaskChanged, event: Event, projections: Projections
) -> NotificationRequest | None:
    return await _assigned(fact.task, fact.added_assignee_ids, event, projections)


async def _assigned(
    task: TaskMessage, assignee_ids: Iterable[str], event: Event, projections: Projections
) -> NotificationRequest | None:
    """Return one notification per assignee; a later assignment of the same task notifies again."""
    people = sorted(set(assignee_ids))
    if not people:
        return None
    actor = await display_name(projections, event.actor_id)
    words = {"actor": actor, "key": task.key}
    wording = Wording(text=KIND.texts["title"], words=words)
    return NotificationRequest(
        event_id=event.id,
        tenant_id=task.tenant_id,
        source=Source(kind=TASK, id=task.id, actor_id=event.actor_id),
        step=f"assigned|{task.version}",
        body=excerpt(task.title),
        recipients=tuple(
            Recipient(person_id=person, kind=KIND, wording=wording) for person in people
        ),
    )


DEFINITION: Final = Definition(
    kind=KIND,
    facts=(
        FactRule(fact=TaskCreated, request=_created),
        FactRule(fact=TaskChanged, request=_changed),
    ),
)
