"""Facts as documents: pure, though the shapes are the contract's."""

from datetime import UTC, datetime

import pytest
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.directory.v1 import events_pb2 as directory_events
from plexus.directory.v1.people_pb2 import Person
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2 as messaging_events
from plexus.messaging.v1.messages_pb2 import Attachment, Mention, Message, MessageParts
from plexus.tasks.v1 import events_pb2 as tasks_events
from plexus.tasks.v1.tasks_pb2 import Task
from search.domain.documents import Unreadable
from search.kinds.message import DEFINITION as MESSAGE
from search.kinds.person import DEFINITION as PERSON
from search.kinds.task import DEFINITION as TASK

LONG = "x" * 999


def envelope(fact: ProtoMessage, *, entity_id: str, version: int = 3) -> Envelope:
    return Envelope(
        event_id="evt_1",
        tenant_id="ten_a",
        entity_id=entity_id,
        entity_version=version,
        type=fact.DESCRIPTOR.full_name,
        fact=fact.SerializeToString(),
    )


def message(**fields: object) -> Message:
    given = {"id": "msg_1", "conversation_id": "cnv_1", "seq": 7, "sender_id": "per_ann"} | fields
    return Message(**given, sent_at=Timestamp(seconds=1_600_000_000))  # type: ignore[arg-type]


def test_a_message_is_readable_through_its_conversation_and_keeps_its_original_time() -> None:
    said = message(
        text="see \x02it\x03 at https://a.example",
        attachments=[Attachment(name="plan.xlsx")],
        mentions=[Mention(person_id="per_bo"), Mention(all=True)],
        root_seq=5,
        origin="import",
    )

    document = MESSAGE.read(
        envelope(messaging_events.MessagePosted(message=said), entity_id="msg_1")
    )

    assert document is not None
    assert document.version == 3
    assert document.containers == ("conversation:cnv_1",)
    assert document.text == "see it at https://a.example"
    assert document.names == ("plan.xlsx",)
    assert document.at == datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)
    assert not document.silent
    assert document.details == {
        "conversation_id": "cnv_1",
        "seq": 7,
        "root_seq": 5,
        "mentions": ["per_bo", "@all"],
        "has": ["file", "link"],
        "origin": "import",
    }


def test_msg_12_a_recalled_message_becomes_a_tombstone_with_its_version() -> None:
    fact = messaging_events.MessageRecalled(message=message(text="secret", recalled=True))

    document = MESSAGE.read(envelope(fact, entity_id="msg_1", version=9))

    assert document is not None
    assert document.gone
    assert document.version == 9
    assert document.text == ""
    assert document.containers == ()


def test_msg_12_a_late_reaction_to_a_recalled_message_is_a_tombstone_too() -> None:
    fact = messaging_events.MessageReacted(message=message(text="secret", recalled=True))

    document = MESSAGE.read(envelope(fact, entity_id="msg_1"))

    assert document is not None
    assert document.gone


def test_what_the_system_says_is_silent() -> None:
    fact = messaging_events.MessagePosted(message=message(kind=Message.KIND_SYSTEM))

    document = MESSAGE.read(envelope(fact, entity_id="msg_1"))

    assert document is not None
    assert document.silent


def test_other_facts_of_a_conversation_are_no_documents() -> None:
    assert MESSAGE.read(envelope(messaging_events.MembersAdded(), entity_id="cnv_1")) is None
    assert PERSON.read(envelope(directory_events.SessionRevoked(), entity_id="ses_1")) is None


def test_gw_02_a_loose_task_is_readable_by_its_people_one_in_a_project_through_it() -> None:
    loose = Task(
        id="tsk_1",
        key="T-1",
        title="t",
        creator_id="per_c",
        owner_id="per_o",
        assignee_ids=["per_a"],
    )
    shared = Task(id="tsk_1", key="T-1", project_id="prj_1", creator_id="per_c", owner_id="per_o")

    alone = TASK.read(envelope(tasks_events.TaskCreated(task=loose), entity_id="tsk_1"))
    in_project = TASK.read(envelope(tasks_events.TaskOverdue(task=shared), entity_id="tsk_1"))

    assert alone is not None
    assert alone.containers == tuple(f"task-participant:per_{name}" for name in "aco")
    assert in_project is not None
    assert in_project.containers == ("project:prj_1",)


@pytest.mark.parametrize(
    ("kind", "silent"),
    [
        (Person.KIND_HUMAN, False),
        (Person.KIND_SERVICE_ACCOUNT, True),
        (Person.KIND_BOOTSTRAP, True),
    ],
)
def test_people_are_found_in_their_tenant_and_machines_are_not(
    kind: Person.Kind.ValueType,
    silent: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    person = Person(id="per_1", handle="ann", display_name="安娜", kind=kind, email="ann@a.example")

    document = PERSON.read(envelope(directory_events.PersonAdded(person=person), entity_id="per_1"))

    assert document is not None
    assert document.containers == ("tenant:ten_a",)
    assert document.silent is silent
    assert document.keys == ("per_1", "ann", "ann@a.example")


@pytest.mark.parametrize(
    "broken",
    [
        Envelope(entity_id="msg_1", entity_version=1, tenant_id="t", fact=b"\xff\xff",
                 type="plexus.messaging.v1.MessagePosted"),
        envelope(messaging_events.MessagePosted(message=message()), entity_id="msg_2"),
        envelope(messaging_events.MessagePosted(message=message()), entity_id="msg_1", version=0),
        envelope(messaging_events.MessagePosted(message=message(seq=0)), entity_id="msg_1"),
        envelope(messaging_events.MessagePosted(message=message(id=LONG)), entity_id=LONG),
        envelope(
            messaging_events.MessagePosted(
                message=Message(id="msg_1", conversation_id="c", seq=1,
                                sent_at=Timestamp(seconds=1 << 60))
            ),
            entity_id="msg_1",
        ),
    ],
)  # fmt: skip
def test_src_08_facts_that_break_their_contract_are_unreadable(broken: Envelope) -> None:
    with pytest.raises(Unreadable):
        MESSAGE.read(broken)


def test_msg_21_a_fact_of_parts_gives_the_labels_and_none_of_the_words() -> None:
    parts = MessageParts(
        message_id="msg_1", conversation_id="cnv_1", seq=1, revision=7, labels=["urgent"]
    )
    for fact in (
        messaging_events.MessageReacted(parts=parts, emoji="ok", person_id="per_1"),
        messaging_events.MessagePinned(parts=parts),
        messaging_events.MessageLabeled(parts=parts),
    ):
        document = MESSAGE.read(envelope(fact, entity_id="msg_1", version=7))

        assert document is not None
        assert document.partial
        assert (document.version, document.labels, document.text) == (7, ("urgent",), "")
