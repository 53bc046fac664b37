"""Mentions of departments: resolved by the server, stored as id and version (MSG-13)."""

from typing import Any

import pytest
from messaging.app import Store
from messaging.conversations.domain.people import Department, Person
from messaging.conversations.domain.refusals import DepartmentNotFound
from messaging.conversations.domain.working_hours import DEFAULT
from messaging.log.operations.items import Stored
from messaging.messages.api.translation import to_new_message
from messaging.messages.domain.messages import NewMessage, Span, SpanKind
from messaging.messages.domain.refusals import MentionDepartmentDenied
from messaging.messages.operations.messages import send_message, send_messages
from messaging.reading.queries.conversations import get_conversation
from messaging.reading.queries.receipts import Audiences, list_receipts
from messaging.reading.queries.threads import get_thread
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import messaging_service_pb2 as pb
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexus.messaging.v1.messages_pb2 import Mention
from plexuskit.errors import InvalidArgument

TENANT = "ten_acme"
# Hash of the plain message below in the release before departments.
EARLIER_HASH = "942a0a7d217295a0b3847f2dabe0f507bb2b3b7c6f8b87c71925a2742467f947"


def someone(name: str, *department_ids: str, version: int = 1) -> Person:
    return Person(
        id=name,
        tenant_id=TENANT,
        active=True,
        is_app=False,
        time_zone="Asia/Shanghai",
        hours=DEFAULT,
        department_ids=department_ids,
        version=version,
    )


def department(name: str, *above: str, version: int = 1, tenant_id: str = TENANT) -> Department:
    return Department(id=name, tenant_id=tenant_id, path=(*above, name), version=version)


@pytest.fixture
async def room(store: Store, group: Any) -> str:
    await store.people.put_departments(
        [
            department("dep_a", version=4),
            department("dep_b", "dep_a", version=2),
            department("dep_x"),
            department("dep_else", tenant_id="ten_else"),
        ]
    )
    await store.people.put(
        [someone("ann"), someone("bob", "dep_b"), someone("cem", "dep_a"), someone("dora", "dep_x")]
    )
    made: str = await group("ann", "bob", "cem", "dora")
    return made


async def unread(store: Store, actor: Any, room: str) -> tuple[int, int]:
    view = await get_conversation(store, actor=actor, conversation_id=room)
    return view.unread, view.mention_unread


async def test_msg_13_a_department_is_stored_as_its_id_and_version_and_never_as_people(
    log: Any, store: Store, room: str, say: Any
) -> None:
    await send_message(log, new_message=say(room, "ann", "hi", department_ids=("dep_a", "dep_x")))

    (message,) = await store.messages.find_messages(room, [1])
    assert list(message.mentions) == [
        Mention(department_id="dep_a", directory_version=4),
        Mention(department_id="dep_x", directory_version=1),
    ]
    (entry,) = await store.entries.list_changes(room, since=1, limit=9)
    assert entry["mentioned"] == ["dep_a", "dep_x"]
    fact = MessagePosted.FromString(Envelope.FromString(entry["event"]).fact)
    assert fact.message == message


async def test_msg_13_a_department_is_mentioned_by_administrators_only(
    log: Any, room: str, say: Any
) -> None:
    with pytest.raises(MentionDepartmentDenied):
        await send_message(log, new_message=say(room, "bob", "hi", department_ids=("dep_a",)))


@pytest.mark.parametrize("unknown", ["dep_none", "dep_else"])
async def test_msg_13_an_unknown_department_is_refused_by_name_and_others_go_through(
    log: Any, room: str, say: Any, unknown: str
) -> None:
    refused, stored = await send_messages(
        log,
        new_messages=[
            say(room, "ann", "nobody", department_ids=("dep_a", unknown)),
            say(room, "ann", "hello"),
        ],
    )
    assert isinstance(refused, DepartmentNotFound)
    assert refused.metadata["department_id"] == unknown
    assert isinstance(stored, Stored)
    assert stored.seq == 1


async def test_msg_08_who_belongs_to_a_department_or_below_it_is_mentioned(
    log: Any, store: Store, room: str, say: Any, person: Any
) -> None:
    await send_message(log, new_message=say(room, "ann", "all of a", department_ids=("dep_a",)))
    await send_message(log, new_message=say(room, "ann", "b alone", department_ids=("dep_b",)))
    await send_message(
        log,
        new_message=say(room, "ann", "twice", department_ids=("dep_a", "dep_b"), mentions=("bob",)),
    )
    await send_message(log, new_message=say(room, "ann", "everybody", mention_all=True))

    assert await unread(store, person("bob"), room) == (4, 4)
    assert await unread(store, person("cem"), room) == (4, 3)
    assert await unread(store, person("dora"), room) == (4, 1)
    assert await unread(store, person("ann"), room) == (0, 0)

    # After a change of department, a person is addressed as a member of the new one.
    await store.people.put([someone("dora", "dep_b", version=2)])
    assert await unread(store, person("dora"), room) == (4, 4)


async def test_msg_09_a_department_changes_neither_receipts_nor_followers_nor_outsiders(
    log: Any, store: Store, room: str, say: Any, person: Any
) -> None:
    stored = await send_message(
        log, new_message=say(room, "ann", "hi", department_ids=("dep_a",), mentions=("eve",))
    )
    assert stored.not_in_conversation == ("eve",)
    receipts = await list_receipts(
        store, Audiences(), actor=person("ann"), conversation_id=room, seq=1, after="", limit=10
    )
    assert receipts.audience == 3
    thread = await get_thread(store, actor=person("ann"), conversation_id=room, root_seq=1)
    assert thread.followers == ("ann",)


async def test_msg_03_departments_are_part_of_what_was_said(log: Any, room: str, say: Any) -> None:
    draft = say(room, "ann", "hi", request_id="r1", department_ids=("dep_a",))
    first = await send_message(log, new_message=draft)
    again = await send_message(log, new_message=draft)
    assert (again.seq, again.deduplicated) == (first.seq, True)

    (other,) = await send_messages(log, new_messages=[say(room, "ann", "hi", request_id="r1")])
    assert getattr(other, "reason", "") == "REQUEST_ID_REUSED"


def test_msg_03_a_message_without_departments_keeps_its_hash(say: Any) -> None:
    plain: NewMessage = say("cnv_1", "ann", "hi", request_id="r1")
    assert plain.content_hash.hex() == EARLIER_HASH


def test_msg_13_no_department_is_mentioned_inside_code(say: Any) -> None:
    inside = Span(0, 3, SpanKind.MENTION_DEPARTMENT, "dep_a")
    made: NewMessage = say(
        "cnv_1",
        "ann",
        "@a and @b",
        spans=(Span(0, 5, SpanKind.CODE), inside, Span(7, 2, SpanKind.MENTION_DEPARTMENT, "dep_b")),
        department_ids=("dep_a", "dep_x"),
    )
    assert made.department_ids == ("dep_x", "dep_b")
    assert inside not in made.spans


def test_msg_18_too_many_departments_are_refused(say: Any) -> None:
    many = tuple(f"dep_{number}" for number in range(21))
    with pytest.raises(InvalidArgument):
        say("cnv_1", "ann", "hi", department_ids=many)


def test_msg_13_requests_name_departments_in_mentions_and_spans() -> None:
    request = pb.SendMessageRequest(conversation_id="cnv_1", request_id="r1", text="@a hi")
    request.mentions.add(department_id="dep_a")
    request.spans.add(start=0, length=2, mention_department_id="dep_a")
    made = to_new_message(request, sender_id="ann")
    assert made.department_ids == ("dep_a",)
    assert made.mentions == ()
    assert made.spans == (Span(0, 2, SpanKind.MENTION_DEPARTMENT, "dep_a"),)
