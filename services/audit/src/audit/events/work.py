"""Facts of messaging and tasks: members of conversations, projects and tasks."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import conversations_pb2
from plexus.tasks.v1 import tasks_pb2

from audit.domain.history import Relation, State
from audit.events.reading import marks, state

_COUNTED: Final = frozenset({"id", "tenant_id", "version", "created_at", "updated_at"})
_OF_CONVERSATION: Final = _COUNTED | {
    "archived",
    "change_no",
    "last_seq",
    "membership_version",
    "member_count",
}
_OF_TASK: Final = _COUNTED | {"project_id", "creator_id", "owner_id", "assignee_ids"}
_OF_PROJECT: Final = _COUNTED | {"owner_id", "member_ids"}
_ABOVE_MEMBER: Final = {
    conversations_pb2.Member.ROLE_ADMIN: "admin",
    conversations_pb2.Member.ROLE_OWNER: "owner",
}


def conversation_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read the state of a conversation; the first fact carries its members too."""
    conversation: conversations_pb2.Conversation = fact.conversation
    part = f"conversation:{conversation.id}"
    relations = [Relation(part, "state", "archived" if conversation.archived else "open")]
    members = getattr(fact, "members", ())
    return [
        state(
            envelope,
            part=part,
            version=conversation.version,
            relations=relations,
            marked=marks(conversation, part=part, without=_OF_CONVERSATION),
        ),
        *_memberships(envelope, members),
    ]


def member_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read current and former members of a conversation."""
    return list(_memberships(envelope, fact.members))


def _memberships(
    envelope: Envelope, members: Iterable[conversations_pb2.Member]
) -> Iterator[State]:
    for member in members:
        object_, subject = f"conversation:{envelope.scope}", f"person:{member.person_id}"
        relations = []
        if member.active:
            relations.append(Relation(object_, "member", subject))
            if above := _ABOVE_MEMBER.get(member.role):
                relations.append(Relation(object_, above, subject))
        yield state(
            envelope,
            part=f"{object_}/{subject}",
            version=member.version,
            relations=relations,
        )


def task_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read the project of a task, or its participants when it has none."""
    task: tasks_pb2.Task = fact.task
    part = f"task:{task.id}"
    return [
        state(
            envelope,
            part=part,
            version=task.version,
            relations=_of_task(task, part),
            marked=marks(task, part=part, without=_OF_TASK),
        )
    ]


def _of_task(task: tasks_pb2.Task, part: str) -> Iterator[Relation]:
    if task.project_id:
        yield Relation(part, "project", f"project:{task.project_id}")
    else:
        for person_id in {task.creator_id, task.owner_id, *task.assignee_ids} - {""}:
            yield Relation(part, "participant", f"person:{person_id}")
    if task.owner_id:
        yield Relation(part, "owner", f"person:{task.owner_id}")
    for person_id in task.assignee_ids:
        yield Relation(part, "assignee", f"person:{person_id}")


def project_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read the members of a project."""
    project: tasks_pb2.Project = fact.project
    part = f"project:{project.id}"
    relations = [Relation(part, "member", f"person:{each}") for each in project.member_ids]
    if project.owner_id:
        relations.append(Relation(part, "owner", f"person:{project.owner_id}"))
    return [
        state(
            envelope,
            part=part,
            version=project.version,
            relations=relations,
            marked=marks(project, part=part, without=_OF_PROJECT),
        )
    ]
