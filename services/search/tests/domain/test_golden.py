"""Documents, indexes and groups of every searchable type, as releases have them.

A mismatch is a change that needs a rebuild of an index or loses what other versions stored: if it
is intended, replace `golden.json` by the file that the failure names.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import Message as Fact
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.directory.v1 import events_pb2 as directory_events
from plexus.directory.v1.people_pb2 import Person
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2 as messaging_events
from plexus.messaging.v1.messages_pb2 import (
    Attachment,
    Forwarded,
    Mention,
    Message,
    MessageParts,
)
from plexus.tasks.v1 import events_pb2 as tasks_events
from plexus.tasks.v1.tasks_pb2 import Task
from plexus_access.masks import Masks
from search.domain.columns import parts_of
from search.kinds import KINDS
from search.store.documents import source
from search.store.indices import Names

GOLDEN: Final = Path(__file__).with_name("golden.json")
NOW: Final = datetime(2026, 3, 2, 1, tzinfo=UTC)
AT: Final = Timestamp(seconds=1_600_000_000)
LATER: Final = Timestamp(seconds=1_700_000_000)


def messages() -> Iterator[tuple[str, Fact]]:
    full = Message(
        id="msg_1",
        conversation_id="cnv_1",
        seq=7,
        root_seq=5,
        sender_id="per_ann",
        text="合同 https://a.example",
        sent_at=AT,
        posted_at=LATER,
        attachments=[Attachment(name="plan.xlsx")],
        mentions=[Mention(person_id="per_bo"), Mention(all=True)],
        forwarded=[Forwarded(text="转发")],
        labels=["urgent"],
        origin="import",
    )
    system = Message(id="msg_1", conversation_id="cnv_1", seq=8, kind=Message.KIND_SYSTEM)
    yield "msg_1", messaging_events.MessagePosted(message=full)
    yield "msg_1", messaging_events.MessageEdited(message=system)
    yield "msg_1", messaging_events.MessageRecalled(message=full)
    yield "msg_1", messaging_events.MessageReacted(message=full)
    parts = MessageParts(message_id="msg_1", labels=["done"])
    yield "msg_1", messaging_events.MessageLabeled(parts=parts)
    yield "cnv_1", messaging_events.ConversationArchived()


def tasks() -> Iterator[tuple[str, Fact]]:
    task = Task(
        id="tsk_1",
        key="T-1",
        title="订桌子",
        description="三楼",
        creator_id="per_ann",
        owner_id="per_bo",
        assignee_ids=["per_cy"],
        state=Task.STATE_DOING,
        created_at=AT,
    )
    yield "tsk_1", tasks_events.TaskCreated(task=task)
    changed = Task()
    changed.CopyFrom(task)
    changed.project_id = "prj_1"
    changed.updated_at.CopyFrom(LATER)
    yield "tsk_1", tasks_events.TaskChanged(task=changed)
    yield "tsk_1", tasks_events.TaskOverdue(task=task)


def people() -> Iterator[tuple[str, Fact]]:
    person = Person(
        id="per_1",
        display_name="安",
        title="采购",
        handle="ann",
        email="ann@example.com",
        department_ids=["dep_1"],
        state=Person.STATE_ACTIVE,
        kind=Person.KIND_HUMAN,
        created_at=AT,
    )
    machine = Person(id="per_1", kind=Person.KIND_SERVICE_ACCOUNT, created_at=AT)
    yield "per_1", directory_events.PersonAdded(person=person)
    yield "per_1", directory_events.PersonChanged(person=machine)
    yield "per_1", directory_events.PersonDeactivated(person=person)
    yield "per_1", directory_events.SessionRevoked()


FACTS: Final = {"message": messages, "task": tasks, "person": people}
COLUMNS: Final = {
    "plexus.messaging.v1.Message": Message,
    "plexus.tasks.v1.Task": Task,
    "plexus.directory.v1.Person": Person,
}


def documents(name: str, read: Any) -> Iterator[Any]:
    """Return the stored form of each fact, None for a fact without a document."""
    for id_, fact in FACTS[name]():
        envelope = Envelope(
            tenant_id="ten_a",
            entity_id=id_,
            entity_version=3,
            type=fact.DESCRIPTOR.full_name,
            fact=fact.SerializeToString(),
        )
        found = read(envelope)
        yield None if found is None else {**source(found, now=NOW), "partial": found.partial}


def hidden(type_: Any) -> dict[str, list[str]]:
    """Return the parts of a type that are left when one column is hidden."""
    left = {}
    for message, shape in COLUMNS.items():
        every = set(shape.DESCRIPTOR.fields_by_name)
        for column in sorted(every):
            parts = parts_of(type_, Masks({message: frozenset(every - {column})}))
            shown = ("keys", "author", "at", "place")
            left[f"{message}.{column}"] = [
                *parts.words,
                *(each for each in shown if getattr(parts, each)),
            ]
    return left


def test_documents_indexes_and_groups_are_those_of_the_release(tmp_path: Path) -> None:
    names = Names("plexus-")
    current = {
        each.type.name: {
            "group": each.group.group,
            "owner": each.type.owner,
            "permission": each.type.permission,
            "object": each.type.object_kind,
            "read": names.read(each.type),
            "write": names.write(each.type),
            "body": names.bodies()[names.read(each.type)],
            "additions": names.additions()[names.read(each.type)],
            "documents": list(documents(each.type.name, each.read)),
            "hidden": hidden(each.type),
        }
        for each in KINDS.definitions
    }
    current["order"] = {"types": list(KINDS.names), "groups": list(KINDS.groups)}
    actual = tmp_path / "golden.json"
    text = json.dumps(current, ensure_ascii=False, indent=1, sort_keys=True)
    actual.write_text(f"{text}\n", encoding="utf-8")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert json.loads(text) == golden, f"{actual} differs from {GOLDEN}"
