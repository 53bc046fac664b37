"""Messages to many, and edits, count by the people whom they address (GW-13)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gateway.config import LimitsSection, RateSection
from gateway.identity import Identity
from gateway.limits import Limits, MethodClass, RateLimited, class_of
from gateway.limits.mentions import MESSAGES, UNKNOWN_MEMBERS, further_calls
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from plexus.messaging.v1.messages_pb2 import FORMAT_MARKDOWN, FORMAT_PLAIN, Mention, Span
from plexus.messaging.v1.messaging_service_pb2 import (
    EditMessageRequest,
    SendMessageRequest,
    SendMessagesRequest,
)
from plexus.messaging.v1.personal_service_pb2 import (
    ScheduledContent,
    ScheduleMessageRequest,
    UpdateScheduledMessageRequest,
)
from plexus_testkit.clock import FrozenClock
from plexuskit.grpc import MethodInfo, requirements

pytestmark = pytest.mark.rule("GW-13")

SEND = requirements()["/plexus.messaging.v1.MessagingService/SendMessage"]
BATCH = requirements()["/plexus.messaging.v1.MessagingService/SendMessages"]
# Far ahead in the bytes of a varint: the same value as one byte would have.
LONG_TRUE = b"\x10\x81\x00"


# 101 people: 60 by their ids alone, 61 with a name, 20 of them twice.
WRITTEN = "".join(
    [f"<@per_{number}>" for number in range(60)]
    + [f"<@per_{number}|@林 薇>" for number in range(40, 101)]
)


def named(count: int) -> list[Mention]:
    return [Mention(person_id=f"per_{number}") for number in range(count)]


def named_in_spans(first: int, end: int) -> list[Span]:
    return [Span(mention_person_id=f"per_{number}") for number in range(first, end)]


def all_of(conversation: str = "cnv_large", **fields: Any) -> dict[str, Any]:
    return {"conversation_id": conversation, "mentions": [Mention(all=True)]} | fields


def members(conversation_id: str) -> int | None:
    return {"cnv_large": 2_000, "cnv_small": 51, "cnv_tiny": 50}.get(conversation_id)


def identity(app: str = "") -> Identity:
    return Identity(
        tenant_id="ten_acme",
        person_id="per_ann",
        session_id="ses_1",
        roles=frozenset({"member"}),
        expires_at=datetime.now(UTC) + timedelta(minutes=15),
        token_id="jti_1",
        api_token_id=app,
    )


def method_of(request: Message) -> MethodInfo:
    (found,) = (each for each in requirements().values() if each.request_class is type(request))
    return found


@pytest.mark.parametrize(
    ("request_", "calls"),
    [
        (SendMessageRequest(**all_of()), 40),
        (SendMessageRequest(**all_of("cnv_small")), 2),
        (SendMessageRequest(**all_of("cnv_tiny")), 1),
        (SendMessageRequest(**all_of("cnv_unheard_of")), UNKNOWN_MEMBERS // 50),
        (SendMessageRequest(**all_of(mentions=[Mention(department_id="dep_1")])), 40),
        (SendMessageRequest(**all_of(mentions=[Mention(person_id="per_bo")])), 1),
        (SendMessageRequest(**all_of(mentions=named(50))), 1),
        (SendMessageRequest(**all_of(mentions=[*named(50), *named(50)])), 1),
        (SendMessageRequest(**all_of(mentions=named(51))), 2),
        (SendMessageRequest(**all_of("cnv_unheard_of", mentions=named(200))), 4),
        (SendMessageRequest(**all_of(mentions=named(30), spans=named_in_spans(30, 60))), 2),
        (SendMessageRequest(**all_of(mentions=[], text=WRITTEN, format=FORMAT_MARKDOWN)), 3),
        (SendMessageRequest(**all_of(mentions=[], text=WRITTEN, format=FORMAT_PLAIN)), 1),
        (EditMessageRequest(**all_of("cnv_unheard_of", mentions=named(200))), 4),
        (ScheduleMessageRequest(message=ScheduledContent(**all_of(mentions=named(200)))), 4),
        (SendMessageRequest(**all_of(mentions=[], text="@all")), 1),
        (SendMessageRequest(**all_of(mentions=[], spans=[Span(mention_all=True)])), 40),
        (SendMessageRequest(**all_of(mentions=[], spans=[Span(mention_department_id="d")])), 40),
        (SendMessageRequest(**all_of(mentions=[], spans=[Span(bold=True)])), 1),
        (SendMessageRequest(**all_of(mentions=[], text="<!all>", format=FORMAT_MARKDOWN)), 40),
        (SendMessageRequest(**all_of(mentions=[], text="<!dep_1>", format=FORMAT_MARKDOWN)), 40),
        (SendMessageRequest(**all_of(mentions=[], text="<!-- -->", format=FORMAT_MARKDOWN)), 1),
        (SendMessageRequest(**all_of(mentions=[], text="<!all>", format=FORMAT_PLAIN)), 1),
        (EditMessageRequest(**all_of()), 40),
        (EditMessageRequest(**all_of("cnv_unheard_of")), UNKNOWN_MEMBERS // 50),
        (EditMessageRequest(**all_of(mentions=[], text="addressed all before")), 40),
        (EditMessageRequest(**all_of("cnv_tiny", mentions=[])), 1),
        (EditMessageRequest(**all_of("cnv_unheard_of", mentions=[])), 1),
        (ScheduleMessageRequest(message=ScheduledContent(**all_of())), 40),
        (UpdateScheduledMessageRequest(message=ScheduledContent(**all_of())), 40),
        (
            SendMessagesRequest(
                items=[SendMessageRequest(**all_of()), SendMessageRequest(), SendMessageRequest()]
            ),
            42,
        ),
    ],
)
@pytest.mark.parametrize("app", ["", "tok_1"])
def test_gw_13_a_message_counts_once_for_each_50_people_whom_it_addresses(
    clock: FrozenClock, request_: Message, calls: int, app: str
) -> None:
    rate = RateSection(per_second=0.001, burst=50)
    limits = Limits(LimitsSection(person_change=rate, app_change=rate), clock=clock)
    method, who = method_of(request_), identity(app)

    limits.rate(method, who)
    limits.batch(method, request_.SerializeToString(), who, members=members)

    for _ in range(50 - calls):
        limits.rate(SEND, who)
    with pytest.raises(RateLimited):
        limits.rate(SEND, who)


def test_gw_13_a_mention_in_another_spelling_counts_the_same() -> None:
    plain = SendMessageRequest(conversation_id="cnv_large").SerializeToString()
    spelled = plain + b"\x2a" + bytes([len(LONG_TRUE)]) + LONG_TRUE

    assert SendMessageRequest.FromString(spelled).mentions[0].all
    assert further_calls(SEND, spelled, members=members) == 39


def test_gw_13_bytes_that_are_no_message_are_left_to_the_owner() -> None:
    assert further_calls(SEND, b"<!all\xff", members=members) == 0
    assert further_calls(BATCH, b"\xff", members=members) == 0


def test_gw_13_who_is_refused_a_message_to_many_pays_nothing_and_is_let_in_when_told(
    clock: FrozenClock,
) -> None:
    limits = Limits(LimitsSection(person_change=RateSection(per_second=1, burst=60)), clock=clock)
    message = SendMessageRequest(**all_of()).SerializeToString()

    limits.rate(SEND, identity())
    limits.batch(SEND, message, identity(), members=members)
    for _ in range(2):
        limits.rate(SEND, identity())
        with pytest.raises(RateLimited) as refused:
            limits.batch(SEND, message, identity(), members=members)
    assert refused.value.retry_after is not None
    assert timedelta(seconds=19.9) < refused.value.retry_after < timedelta(seconds=20.1)

    clock.advance(refused.value.retry_after)
    limits.rate(SEND, identity())
    limits.batch(SEND, message, identity(), members=members)


def test_gw_13_an_audience_beyond_a_whole_bucket_empties_it(clock: FrozenClock) -> None:
    limits = Limits(LimitsSection(person_change=RateSection(per_second=1, burst=5)), clock=clock)
    message = SendMessageRequest(**all_of()).SerializeToString()
    for _ in range(2):
        limits.rate(SEND, identity())
        limits.batch(SEND, message, identity(), members=members)
        with pytest.raises(RateLimited):
            limits.rate(SEND, identity())
        clock.advance(timedelta(seconds=5.01))


def test_gw_13_every_change_that_can_address_many_is_counted() -> None:
    counted = {
        method.path
        for method in requirements().values()
        if class_of(method) is MethodClass.CHANGE and mentions(method.request_class.DESCRIPTOR)
    }

    assert counted == set(MESSAGES)


def mentions(message: Descriptor, *, deep: int = 3) -> bool:
    """Return whether a request has mentions in it, at any depth that requests have."""
    return message.full_name == Mention.DESCRIPTOR.full_name or (
        deep > 0
        and any(
            mentions(field.message_type, deep=deep - 1)
            for field in message.fields
            if field.message_type is not None
        )
    )
