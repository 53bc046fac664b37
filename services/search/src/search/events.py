"""Facts of the owners as documents: what is found of them, and through what it is readable."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.directory.v1 import events_pb2 as directory_events
from plexus.directory.v1.people_pb2 import Person
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2 as messaging_events
from plexus.messaging.v1.messages_pb2 import Message, MessageParts
from plexus.tasks.v1 import events_pb2 as tasks_events
from plexus.tasks.v1.tasks_pb2 import Task

from search.domain.documents import (
    Document,
    DocumentType,
    Unreadable,
    container,
    without_marks,
)

_MESSAGES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        fact.DESCRIPTOR.full_name: fact
        for fact in (
            messaging_events.MessagePosted,
            messaging_events.MessageEdited,
            messaging_events.MessageRecalled,
        )
    }
)
_PARTS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        fact.DESCRIPTOR.full_name: fact
        for fact in (
            messaging_events.MessageReacted,
            messaging_events.MessagePinned,
            messaging_events.MessageLabeled,
        )
    }
)
_TASKS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        fact.DESCRIPTOR.full_name: fact
        for fact in (tasks_events.TaskCreated, tasks_events.TaskChanged, tasks_events.TaskOverdue)
    }
)
_PEOPLE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        fact.DESCRIPTOR.full_name: fact
        for fact in (
            directory_events.PersonAdded,
            directory_events.PersonChanged,
            directory_events.PersonDeactivated,
        )
    }
)

Reader = Callable[[Envelope], Document | None]
"""Makes the document of a fact, or nothing of a fact that changes no document.

Raises Unreadable when the fact breaks its contract.
"""


def message_document(envelope: Envelope) -> Document | None:
    """Make the document of a message; a tombstone when it was recalled (MSG-12, SRC-3).

    Facts of reactions, pins and labels give a partial one: the labels without the words (MSG-21).
    """
    fact = _fact(envelope, _MESSAGES)
    if fact is None:
        fact = _fact(envelope, _PARTS)
    if fact is None:
        return None
    if envelope.type in _PARTS and not fact.HasField("message"):
        return _parts(envelope, fact.parts)
    message: Message = fact.message
    _check(envelope, message.id)
    if message.recalled or isinstance(fact, messaging_events.MessageRecalled):
        return _tombstone(envelope, DocumentType.MESSAGE)
    if not message.conversation_id or message.seq < 1:
        raise Unreadable("the message has no conversation or no seq")
    return Document(
        type=DocumentType.MESSAGE,
        id=message.id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        containers=(container("conversation", message.conversation_id),),
        silent=message.kind == Message.KIND_SYSTEM,
        author_id=message.sender_id,
        at=_instant(message.sent_at if message.HasField("sent_at") else message.posted_at),
        text=without_marks(_words(message)),
        names=tuple(without_marks(each.name) for each in message.attachments if each.name),
        keys=(message.id,),
        details=_message_details(message),
        labels=tuple(message.labels),
    )


def task_document(envelope: Envelope) -> Document | None:
    """Make the document of a task, readable through its project or, without one, its people."""
    fact = _fact(envelope, _TASKS)
    if fact is None:
        return None
    task: Task = fact.task
    _check(envelope, task.id)
    participants = sorted({task.creator_id, task.owner_id, *task.assignee_ids} - {""})
    if task.project_id:
        containers = [container("project", task.project_id)]
    else:
        containers = [container("task-participant", each) for each in participants]
    return Document(
        type=DocumentType.TASK,
        id=task.id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        containers=tuple(containers),
        author_id=task.creator_id,
        at=_instant(task.updated_at if task.HasField("updated_at") else task.created_at),
        title=without_marks(task.title),
        text=without_marks(task.description),
        names=(task.key,) if task.key else (),
        keys=tuple(each for each in (task.id, task.key) if each),
        details={
            "key": task.key,
            "state": _name(Task.State.Name(task.state), "STATE_"),
            "owner_id": task.owner_id,
            "assignees": list(task.assignee_ids),
            "participants": participants,
            "project_id": task.project_id,
        },
    )


def person_document(envelope: Envelope) -> Document | None:
    """Make the document of a person; accounts of machines are kept silent."""
    fact = _fact(envelope, _PEOPLE)
    if fact is None:
        return None
    person: Person = fact.person
    _check(envelope, person.id)
    return Document(
        type=DocumentType.PERSON,
        id=person.id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        containers=(container("tenant", envelope.tenant_id),),
        silent=person.kind in {Person.KIND_SERVICE_ACCOUNT, Person.KIND_BOOTSTRAP},
        at=_instant(person.created_at),
        title=without_marks(person.display_name),
        text=without_marks(person.title),
        names=tuple(each for each in (person.handle, person.email) if each),
        keys=tuple(each for each in (person.id, person.handle, person.email) if each),
        details={
            "handle": person.handle,
            "email": person.email,
            "departments": list(person.department_ids),
            "state": _name(Person.State.Name(person.state), "STATE_"),
            "kind": _name(Person.Kind.Name(person.kind), "KIND_"),
        },
    )


def occurred_at(envelope: Envelope) -> datetime:
    """Return when an event happened; for one without a time, the beginning of time."""
    try:
        return _instant(envelope.occurred_at)
    except Unreadable:
        return datetime(1970, 1, 1, tzinfo=UTC)


def _parts(envelope: Envelope, parts: MessageParts) -> Document:
    _check(envelope, parts.message_id)
    return Document(
        type=DocumentType.MESSAGE,
        id=parts.message_id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        labels=tuple(parts.labels),
        partial=True,
    )


def _message_details(message: Message) -> dict[str, object]:
    has = [
        name
        for name, given in (
            ("file", bool(message.attachments)),
            ("link", _has_link(message)),
        )
        if given
    ]
    return {
        "conversation_id": message.conversation_id,
        "seq": message.seq,
        "root_seq": message.root_seq,
        "mentions": [each.person_id or "@all" for each in message.mentions],
        "has": has,
        "origin": message.origin,
    }


def _words(message: Message) -> str:
    """Give everything that a message says: its own words and those of the messages it carries."""
    return "\n".join([message.text, *(each.text for each in message.forwarded if each.text)])


def _has_link(message: Message) -> bool:
    return "://" in message.text or any(
        span.WhichOneof("meaning") == "link" for span in message.spans
    )


def _fact(envelope: Envelope, known: Mapping[str, Any]) -> Any:
    kind = known.get(envelope.type)
    if kind is None:
        return None
    try:
        return kind.FromString(envelope.fact)
    except DecodeError as error:
        raise Unreadable(f"the fact is no {envelope.type}") from error


def _check(envelope: Envelope, id_: str) -> None:
    if envelope.entity_id != id_:
        raise Unreadable("the envelope is about another entity than its fact")


def _tombstone(envelope: Envelope, type_: DocumentType) -> Document:
    return Document(
        type=type_,
        id=envelope.entity_id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        gone=True,
    )


def _instant(stamp: Timestamp) -> datetime:
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable("a time is out of range") from error


def _name(value: str, prefix: str) -> str:
    return value.removeprefix(prefix).lower()
