"""Compiled checks of request fields against their declared bounds (GW-8)."""

from typing import Any, Final

import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st
from plexus.bounds.v1.bounds_pb2 import Bounds
from plexus.directory.v1.people_pb2 import WorkingHours
from plexus.directory.v1.scim_service_pb2 import ExchangeScimRequest
from plexus.messaging.v1.import_service_pb2 import ImportedMessage, ImportMessagesRequest
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest, SendMessagesRequest
from plexus.messaging.v1.personal_service_pb2 import ScheduleMessageRequest
from plexus.tasks.v1.tasks_service_pb2 import ListTasksRequest
from plexuskit import bounds
from plexuskit.errors import InvalidArgument

from .bounds_support import Field, contract, field, messages, violations

_TYPE: Final = Field
_CHARS: Final = Bounds(max_chars=5, max_bytes=8)
_STAMP: Final = ".google.protobuf.Timestamp"
_SPAN: Final = ".google.protobuf.Duration"
_SAMPLE: Final = contract(
    "sample",
    Inner=[
        field("label", _TYPE.TYPE_STRING, _CHARS),
        field("id", _TYPE.TYPE_STRING, Bounds(max_chars=5, max_bytes=5, visible_ascii=True)),
        field("flag", _TYPE.TYPE_BOOL),
    ],
    Sample=[
        field("text", _TYPE.TYPE_STRING, _CHARS),
        field("small", _TYPE.TYPE_INT32, Bounds(min=-3, max=7)),
        field("large", _TYPE.TYPE_UINT64, Bounds(min=1, max=2**63 - 1), optional=True),
        field("echoed", _TYPE.TYPE_FIXED64, Bounds(opaque=True)),
        field("ratio", _TYPE.TYPE_FLOAT, Bounds(min=0, max=1)),
        field("content", _TYPE.TYPE_BYTES, Bounds(max_bytes=3)),
        field(
            "preset",
            _TYPE.TYPE_ENUM,
            Bounds(values=Bounds.VALUES_SPECIFIED),
            type_name=".plexus.bounds.v1.Bounds.Values",
            repeated=False,
            optional=True,
        ),
        field(
            "choices",
            _TYPE.TYPE_ENUM,
            Bounds(values=Bounds.VALUES_DEFINED, max_items=3),
            type_name=".plexus.bounds.v1.Bounds.Values",
            repeated=True,
        ),
        field(
            "at",
            _TYPE.TYPE_MESSAGE,
            Bounds(min_seconds=-5, max_seconds=100),
            type_name=_STAMP,
        ),
        field(
            "lasts",
            _TYPE.TYPE_MESSAGE,
            Bounds(min_seconds=0, max_seconds=100),
            type_name=_SPAN,
        ),
        field("inner", _TYPE.TYPE_MESSAGE, type_name=".plexuskit.tests.bounds.sample.Inner"),
        field(
            "inners",
            _TYPE.TYPE_MESSAGE,
            Bounds(max_items=3),
            type_name=".plexuskit.tests.bounds.sample.Inner",
            repeated=True,
        ),
        field(
            "apart",
            _TYPE.TYPE_MESSAGE,
            Bounds(max_items=3, each_apart=True, max_items_bytes=20),
            type_name=".plexuskit.tests.bounds.sample.Inner",
            repeated=True,
        ),
        field(
            "words", _TYPE.TYPE_STRING, Bounds(max_chars=5, max_bytes=8, max_items=3), repeated=True
        ),
    ],
)


@pytest.mark.rule("GW-8")
@given(messages(_SAMPLE["Sample"]))
def test_a_compiled_check_refuses_exactly_what_an_obvious_one_refuses(message: Message) -> None:
    _agrees(message)


@pytest.mark.rule("GW-8")
@given(
    st.sampled_from(
        [SendMessageRequest, ExchangeScimRequest, ScheduleMessageRequest, WorkingHours]
    ).flatmap(lambda kind: messages(kind.DESCRIPTOR))
)
def test_checks_of_the_contracts_refuse_what_an_obvious_one_refuses(message: Message) -> None:
    _agrees(message)


def _agrees(message: Message) -> None:
    expected = list(violations(message))
    refusal = bounds.violation(message)
    if refusal is None:
        assert not expected
    else:
        assert refusal.metadata["field"] in expected


@pytest.mark.rule("GW-8")
@pytest.mark.parametrize(
    ("message", "path", "rule", "limit"),
    [
        (SendMessageRequest(reply_to_seq=-1), "reply_to_seq", "min", "0"),
        (SendMessageRequest(quote_seq=2**53), "quote_seq", "max", str(2**53 - 1)),
        (SendMessageRequest(conversation_id="c" * 257), "conversation_id", "max_chars", "256"),
        (SendMessageRequest(conversation_id="cnv a"), "conversation_id", "visible_ascii", "ASCII"),
        (
            SendMessageRequest(spans=[{"bold": True}, {"link": "x" * 4097}]),  # type: ignore[list-item]
            "spans[1].link",
            "max_chars",
            "4096",
        ),
        (ScheduleMessageRequest(send_at={"nanos": -1}), "send_at", "max_seconds", "253402300799"),  # type: ignore[arg-type]
        (ListTasksRequest(states=[0]), "states[0]", "values", "plexus.tasks.v1.Task.State"),
        (SendMessagesRequest(items=[{}] * 513), "items", "max_items", "512"),  # type: ignore[list-item]
        (ExchangeScimRequest(headers={"k": "v" * 8193}), "headers{}", "max_chars", "8192"),
    ],
)
def test_a_refusal_names_the_field_the_bound_and_the_limit(
    message: Message, path: str, rule: str, limit: str
) -> None:
    refusal = bounds.violation(message)

    assert refusal is not None
    assert refusal.reason == "FIELD_OUT_OF_RANGE"
    assert isinstance(refusal, InvalidArgument)
    assert {name: refusal.metadata[name] for name in ("field", "rule", "limit")} == {
        "field": path,
        "rule": rule,
        "limit": limit,
    }
    assert refusal.message().startswith(path)


def test_a_refusal_never_carries_the_value() -> None:
    refusal = bounds.violation(SendMessageRequest(request_id="secret" * 50))

    assert refusal is not None
    assert "secret" not in f"{refusal} {dict(refusal.metadata)}"
    assert refusal.metadata["size"] == "300"


def test_the_elements_of_a_field_checked_apart_are_left_to_the_service() -> None:
    message = SendMessagesRequest(items=[SendMessageRequest(reply_to_seq=-1)])

    assert bounds.violation(message) is None
    assert bounds.violation(message.items[0]) is not None


@pytest.mark.rule("GW-8")
def test_elements_checked_apart_are_bounded_together_in_bytes() -> None:
    each = ImportedMessage(text="x" * 100_000)
    within, beyond = (ImportMessagesRequest(messages=[each] * count) for count in (20, 21))

    assert bounds.violation(within) is None
    refusal = bounds.violation(beyond)
    assert refusal is not None
    assert {name: refusal.metadata[name] for name in ("field", "rule", "limit", "size")} == {
        "field": "messages",
        "rule": "max_items_bytes",
        "limit": "2097152",
        "size": str(21 * each.ByteSize()),
    }


@pytest.mark.rule("GW-8")
def test_unknown_fields_are_bounded_in_bytes() -> None:
    known = SendMessageRequest(text="hello").SerializeToString()
    # Field 100, length-delimited.
    within = known + _unknown(1_000)
    beyond = known + _unknown(bounds.MAX_UNUSED_BYTES)

    assert bounds.read(SendMessageRequest, within).text == "hello"
    with pytest.raises(bounds.FieldOutOfRange, match="unknown fields"):
        bounds.read(SendMessageRequest, beyond)


@pytest.mark.rule("GW-8")
def test_repeats_of_a_single_field_are_bounded_in_bytes() -> None:
    once = SendMessageRequest(text="x" * 5_000).SerializeToString()

    assert bounds.read(SendMessageRequest, once * 3).text == "x" * 5_000
    with pytest.raises(bounds.FieldOutOfRange, match="repeated single fields"):
        bounds.read(SendMessageRequest, once * 5)


def test_a_large_message_of_known_fields_is_read_whole() -> None:
    request = SendMessageRequest(text="好" * 40_000, conversation_id="cnv_a")

    assert bounds.read(SendMessageRequest, request.SerializeToString()) == request


@pytest.mark.rule("GW-8")
@pytest.mark.parametrize(
    ("name", "described", "problem"),
    [
        ("none", field("x", _TYPE.TYPE_STRING), "max_bytes is missing"),
        ("half", field("x", _TYPE.TYPE_STRING, Bounds(max_chars=5)), "max_bytes is missing"),
        (
            "upside",
            field("x", _TYPE.TYPE_INT32, Bounds(min=5, max=1)),
            "min and max are not in order",
        ),
        (
            "wide",
            field("x", _TYPE.TYPE_INT32, Bounds(min=0, max=2**31)),
            "min and max are not in order",
        ),
        (
            "bytes",
            field("x", _TYPE.TYPE_STRING, Bounds(max_chars=5, max_bytes=21)),
            "max_bytes is not between",
        ),
        (
            "foreign",
            field("x", _TYPE.TYPE_INT64, Bounds(min=0, max=1, max_chars=5)),
            "max_chars does not fit the type",
        ),
        (
            "uncounted",
            field("x", _TYPE.TYPE_BOOL, repeated=True),
            "max_items is missing",
        ),
        (
            "single",
            field("x", _TYPE.TYPE_BOOL, Bounds(max_items=3)),
            "field that is not repeated",
        ),
        (
            "unmeasured",
            field(
                "x",
                _TYPE.TYPE_STRING,
                Bounds(max_chars=5, max_bytes=5, max_items=3, max_items_bytes=9),
                repeated=True,
            ),
            "elements that are no messages",
        ),
        (
            "zero",
            field(
                "x",
                _TYPE.TYPE_ENUM,
                Bounds(values=Bounds.VALUES_SPECIFIED),
                type_name=".plexus.bounds.v1.Bounds.Values",
            ),
            "zero cannot be told from unset",
        ),
        (
            "timeless",
            field("x", _TYPE.TYPE_MESSAGE, type_name=_STAMP),
            "max_seconds is missing",
        ),
        (
            "mixed",
            field("x", _TYPE.TYPE_STRING, Bounds(preset="PRESET_ID", max_chars=3)),
            "a preset excludes bounds of its own",
        ),
    ],
)
def test_a_message_with_missing_or_contradictory_bounds_is_not_checked_but_refused(
    name: str, described: Field, problem: str
) -> None:
    descriptor = contract(f"bad_{name}", Wrong=[described])["Wrong"]

    with pytest.raises(bounds.UndeclaredBounds, match=rf"Wrong\.x: .*{problem}"):
        bounds.compiled(descriptor)


@pytest.mark.rule("GW-8")
def test_a_message_that_contains_itself_has_no_bounded_depth() -> None:
    descriptor = contract(
        "endless",
        Node=[
            field("child", _TYPE.TYPE_MESSAGE, type_name=".plexuskit.tests.bounds.endless.Node"),
        ],
    )["Node"]

    with pytest.raises(bounds.UndeclaredBounds, match="contains itself"):
        bounds.compiled(descriptor)


def test_a_map_is_bounded_in_pairs() -> None:
    message: Any = GetMessageClass(ExchangeScimRequest.DESCRIPTOR)()
    message.headers.update({str(number): "v" for number in range(65)})

    refusal = bounds.violation(message)

    assert refusal is not None
    assert (refusal.metadata["field"], refusal.metadata["rule"]) == ("headers", "max_pairs")


def _unknown(size: int) -> bytes:
    length = bytes([(size & 0x7F) | 0x80, (size >> 7 & 0x7F) | 0x80, size >> 14])
    return b"\xa2\x06" + length + b"x" * size
