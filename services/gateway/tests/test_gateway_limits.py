"""The arithmetic of limits: promises of buckets, and the keys of counts (GW-6)."""

from datetime import UTC, datetime, timedelta
from itertools import combinations_with_replacement
from typing import Any

import pytest
from gateway.config import LimitsSection, RateSection
from gateway.identity import Identity
from gateway.limits import (
    Buckets,
    Limits,
    MethodClass,
    RateLimited,
    TooManyCalls,
    TooManyStreams,
    class_of,
)
from gateway.limits.costs import COUNTED, NAMED, NAMED_PER_ITEM
from gateway.limits.counting import counted
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from plexus.bounds.v1 import bounds_pb2
from plexus.directory.v1.directory_service_pb2 import ChangeGroupMembersRequest
from plexus.messaging.v1.messaging_service_pb2 import (
    AddMembersRequest,
    AdvanceCursorsRequest,
    CreateConversationRequest,
    CursorAdvance,
    ForwardMessagesRequest,
    RemoveMembersRequest,
    SendMessageRequest,
    SendMessagesRequest,
)
from plexus.tasks.v1.tasks_service_pb2 import AssignTaskRequest
from plexus_testkit.clock import FrozenClock
from plexuskit.grpc import MethodInfo, requirements
from prometheus_client import REGISTRY

READ = requirements()["/plexus.directory.v1.DirectoryService/GetPerson"]
CHANGE = requirements()["/plexus.directory.v1.DirectoryService/CreatePerson"]
IMPORT = requirements()["/plexus.messaging.v1.ImportService/ImportConversations"]
STREAM = requirements()["/plexus.gateway.v1.SessionService/Subscribe"]
SIGN_IN = requirements()["/plexus.directory.v1.SessionService/SignIn"]
BATCH = requirements()["/plexus.messaging.v1.MessagingService/SendMessages"]
FORWARD = requirements()["/plexus.messaging.v1.MessagingService/ForwardMessages"]
ADVANCE = requirements()["/plexus.messaging.v1.MessagingService/AdvanceCursors"]

rates = st.floats(min_value=0.1, max_value=1000, allow_nan=False)
bursts = st.integers(min_value=1, max_value=100)
gaps = st.lists(st.floats(min_value=0, max_value=5, allow_nan=False), min_size=1, max_size=200)


def identity(person: str = "per_ann", *, tenant: str = "ten_acme", app: str = "") -> Identity:
    return Identity(
        tenant_id=tenant,
        person_id=person,
        session_id="ses_1",
        roles=frozenset({"member"}),
        expires_at=datetime.now(UTC) + timedelta(minutes=15),
        token_id="jti_1",
        api_token_id=app,
    )


def few(**changed: Any) -> LimitsSection:
    """Two of everything, and nothing comes back within a test."""
    rate = RateSection(per_second=0.001, burst=2)
    names = ("person_read", "person_change", "app_read", "app_change", "address", "handle")
    return LimitsSection(**(dict.fromkeys(names, rate) | changed))


def unknown(_: str) -> None:
    """No conversation is known."""


def limited(limit: str, method_class: str) -> float:
    labels = {"limit": limit, "method_class": method_class}
    return REGISTRY.get_sample_value("plexus_gateway_limited_total", labels) or 0.0


@settings(deadline=None)
@given(per_second=rates, burst=bursts, waits=gaps)
def test_gw_06_no_window_sees_more_than_a_burst_and_the_rate(
    per_second: float, burst: int, waits: list[float]
) -> None:
    buckets = Buckets(per_second=per_second, burst=burst, kept=10)
    now, taken = 1000.0, []
    for wait in waits:
        now += wait
        if not buckets.take("ann", now):
            taken.append(now)

    for (first, start), (last, end) in combinations_with_replacement(enumerate(taken), 2):
        assert last - first + 1 <= burst + per_second * (end - start) + 1e-3


@settings(deadline=None)
@given(per_second=rates, burst=bursts, waits=gaps)
def test_gw_06_who_stays_below_the_rate_is_never_refused(
    per_second: float, burst: int, waits: list[float]
) -> None:
    buckets = Buckets(per_second=per_second, burst=burst, kept=10)
    now = 1000.0
    for wait in waits:
        assert buckets.take("ann", now) == 0.0
        now += 1 / per_second + wait


@settings(deadline=None)
@given(per_second=rates, burst=bursts, waits=gaps)
def test_gw_06_who_waits_as_long_as_told_is_let_in(
    per_second: float, burst: int, waits: list[float]
) -> None:
    buckets = Buckets(per_second=per_second, burst=burst, kept=10)
    now = 1000.0
    for wait in waits:
        told = buckets.take("ann", now)
        if told:
            now += told
            assert buckets.take("ann", now) == 0.0
        now += wait / 100


def test_gw_06_buckets_are_bounded_and_the_least_used_leave_first() -> None:
    buckets = Buckets(per_second=0.001, burst=1, kept=3)
    for who in ("ann", "bob", "cem"):
        assert not buckets.take(who, 0.0)
    assert buckets.take("ann", 0.0) > 0
    buckets.take("dan", 0.0)

    assert len(buckets) == 3
    assert buckets.take("dan", 0.0) > 0


def test_gw_06_every_method_has_the_class_that_its_contract_says() -> None:
    assert class_of(READ) is MethodClass.READ
    assert class_of(CHANGE) is MethodClass.CHANGE
    assert class_of(IMPORT) is MethodClass.BULK
    assert class_of(SIGN_IN) is MethodClass.PUBLIC
    assert class_of(BATCH) is MethodClass.CHANGE


def test_gw_06_a_person_has_a_rate_of_its_own_for_each_class(clock: FrozenClock) -> None:
    limits, before = Limits(few(), clock=clock), limited("person", "read")
    for _ in range(2):
        limits.rate(READ, identity())
    with pytest.raises(RateLimited) as refused:
        limits.rate(READ, identity())

    assert refused.value.metadata == {"limit": "person", "method_class": "read"}
    assert refused.value.retry_after is not None
    assert 1000 <= refused.value.retry_after.total_seconds() < 1000.01
    assert limited("person", "read") == before + 1
    limits.rate(CHANGE, identity())
    limits.rate(READ, identity("per_bob"))


@pytest.mark.rule("GW-9")
def test_gw_09_each_token_has_a_rate_and_all_of_a_person_share_the_persons(
    clock: FrozenClock,
) -> None:
    limits = Limits(few(person_read=RateSection(per_second=0.001, burst=5)), clock=clock)
    for app in ("tok_1", "tok_2"):
        for _ in range(2):
            limits.rate(READ, identity(app=app))
        with pytest.raises(RateLimited) as refused:
            limits.rate(READ, identity(app=app))
        assert refused.value.metadata["limit"] == "app"

    limits.rate(READ, identity(app="tok_3"))
    for app in ("tok_3", "tok_4"):
        with pytest.raises(RateLimited) as refused:
            limits.rate(READ, identity(app=app))
        assert refused.value.metadata["limit"] == "tokens"

    # Sessions of the person, and tokens of others, are not concerned.
    for _ in range(5):
        limits.rate(READ, identity())
    limits.rate(READ, identity("per_bob", app="tok_5"))


@pytest.mark.rule("GW-9")
def test_gw_09_all_tokens_of_a_person_share_calls_and_streams_at_once(clock: FrozenClock) -> None:
    limits = Limits(few(calls_per_person=2, streams_per_person=1), clock=clock)
    limits.enter(READ, identity(app="tok_1"))
    limits.enter(READ, identity(app="tok_2"))
    limits.enter(STREAM, identity(app="tok_1"))

    with pytest.raises(TooManyCalls):
        limits.enter(READ, identity(app="tok_3"))
    with pytest.raises(TooManyStreams):
        limits.enter(STREAM, identity(app="tok_2"))
    limits.enter(READ, identity())
    limits.enter(STREAM, identity())


@pytest.mark.rule("GW-13")
@pytest.mark.parametrize("app", ["", "tok_1"])
def test_gw_13_forwards_and_advances_count_for_each_message(clock: FrozenClock, app: str) -> None:
    ten = RateSection(per_second=1, burst=10)
    sections = dict.fromkeys(("person_read", "person_change", "app_read", "app_change"), ten)
    limits = Limits(few(**sections), clock=clock)
    requests: list[tuple[MethodInfo, Message]] = [
        (FORWARD, ForwardMessagesRequest(seqs=[1, 2, 3, 4, 5])),
        (ADVANCE, AdvanceCursorsRequest(advances=[CursorAdvance()] * 5)),
    ]

    for method, request in requests:
        who = identity(f"per_{request.DESCRIPTOR.name}", app=app and f"{app}_{method.path}")
        for _ in range(2):
            limits.rate(method, who)
            limits.batch(method, request.SerializeToString(), who, members=unknown)
        with pytest.raises(RateLimited):
            limits.rate(method, who)


@pytest.mark.rule("GW-13")
@pytest.mark.parametrize(
    ("request_", "items"),
    [
        (AddMembersRequest(person_ids=["per_1"]), 1),
        (AddMembersRequest(person_ids=["per_1"] * 50), 1),
        (AddMembersRequest(person_ids=["per_1"] * 51), 2),
        (AddMembersRequest(person_ids=["per_1"] * 500), 10),
        (RemoveMembersRequest(person_ids=["per_1"] * 500), 10),
        (CreateConversationRequest(member_ids=["per_1"] * 5_000), 10),
        (ChangeGroupMembersRequest(add_ids=["per_1"] * 60, remove_ids=["per_1"] * 60), 3),
        (AssignTaskRequest(assignee_ids=["per_1"] * 100), 2),
    ],
    ids=lambda each: each.DESCRIPTOR.name if isinstance(each, Message) else str(each),
)
def test_gw_13_a_change_counts_once_for_each_50_people_that_it_names(
    clock: FrozenClock, request_: Message, items: int
) -> None:
    limits = Limits(few(person_change=RateSection(per_second=0.001, burst=10)), clock=clock)
    (method,) = (each for each in requirements().values() if each.request_class is type(request_))

    limits.rate(method, identity())
    limits.batch(method, request_.SerializeToString(), identity(), members=unknown)

    for _ in range(10 - items):
        limits.rate(CHANGE, identity())
    with pytest.raises(RateLimited):
        limits.rate(CHANGE, identity())


@pytest.mark.rule("GW-13")
def test_gw_13_every_change_of_many_people_or_departments_is_counted() -> None:
    uncounted = {
        f"{method.path} {field.name}"
        for method in requirements().values()
        if class_of(method) is MethodClass.CHANGE and method.path not in COUNTED
        for field in method.request_class.DESCRIPTOR.fields
        if field.is_repeated
        and field.name.endswith("_ids")
        and field.name not in NAMED
        and field.GetOptions().Extensions[bounds_pb2.field].max_items > 2 * NAMED_PER_ITEM
    }

    assert uncounted == set()


def test_gw_06_a_tenant_has_a_rate_and_who_is_refused_pays_nothing(clock: FrozenClock) -> None:
    scarce = RateSection(per_second=1, burst=2)
    limits = Limits(few(tenant=scarce), clock=clock)
    limits.rate(READ, identity("per_ann"))
    limits.rate(READ, identity("per_bob"))
    for _ in range(5):
        with pytest.raises(RateLimited) as refused:
            limits.rate(READ, identity("per_cem"))
        assert refused.value.metadata["limit"] == "tenant"

    limits.rate(READ, identity("per_dan", tenant="ten_other"))
    clock.advance(timedelta(seconds=2))
    for _ in range(2):
        limits.rate(READ, identity("per_cem"))


def test_gw_06_a_tenant_can_have_rates_of_its_own(clock: FrozenClock) -> None:
    own = {"ten_big": {"person_read": {"per_second": 1, "burst": 5}}}
    limits = Limits(few(tenants=own), clock=clock)

    for _ in range(5):
        limits.rate(READ, identity(tenant="ten_big"))
    with pytest.raises(RateLimited):
        limits.rate(READ, identity(tenant="ten_big"))
    for _ in range(2):
        limits.rate(CHANGE, identity(tenant="ten_big"))
    with pytest.raises(RateLimited):
        limits.rate(CHANGE, identity(tenant="ten_big"))


def test_msg_19_an_import_is_not_held_back(clock: FrozenClock) -> None:
    limits = Limits(few(), clock=clock)
    for _ in range(100):
        limits.rate(IMPORT, identity())


def test_msg_18_each_item_counts_and_a_refused_one_costs_nothing(clock: FrozenClock) -> None:
    limits = Limits(few(person_change=RateSection(per_second=1, burst=3)), clock=clock)

    outcomes = limits.items(identity(), 5)

    assert [outcome is None for outcome in outcomes] == [True, True, True, False, False]
    clock.advance(timedelta(seconds=2))
    assert [outcome is None for outcome in limits.items(identity(), 3)] == [True, True, False]


@pytest.mark.rule("MSG-18")
def test_msg_18_items_after_a_refused_one_ask_no_rate_and_share_its_refusal(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(few(person_change=RateSection(per_second=1, burst=3)), clock=clock)
    before = limited("person", "change")
    asked = 0
    take = Buckets.take

    def counting(self: Buckets, key: str, now: float, count: int = 1) -> float:
        nonlocal asked
        asked += 1
        return take(self, key, now, count)

    monkeypatch.setattr(Buckets, "take", counting)
    outcomes = limits.items(identity(), 2_000)

    assert outcomes[:3] == [None] * 3
    assert len(outcomes) == 2_000
    assert len({id(outcome) for outcome in outcomes[3:]}) == 1
    # The person's and the tenant's bucket for each that was taken, and once more.
    assert asked == 7
    assert limited("person", "change") == before + 1_997


@pytest.mark.rule("GW-13")
def test_gw_13_what_a_stream_wastes_has_a_rate_for_each_person_and_token(
    clock: FrozenClock,
) -> None:
    limits = Limits(few(refused=RateSection(per_second=10, burst=100)), clock=clock)
    limits.waste(identity(), 100)
    with pytest.raises(RateLimited) as refused:
        limits.waste(identity(), 1)
    assert refused.value.metadata["limit"] == "refused"
    limits.waste(identity("per_bob"), 1)
    limits.waste(identity(app="tok_1"), 1)
    clock.advance(timedelta(seconds=10))
    limits.waste(identity(), 2_000)


@pytest.mark.rule("GW-13")
def test_gw_13_a_scheduled_message_counts_as_a_send_does() -> None:
    personal = "/plexus.messaging.v1.PersonalService"
    for name in ("ScheduleMessage", "UpdateScheduledMessage"):
        assert class_of(requirements()[f"{personal}/{name}"]) is MethodClass.CHANGE
    for name in ("SaveDraft", "CancelScheduledMessage"):
        assert class_of(requirements()[f"{personal}/{name}"]) is MethodClass.READ


@pytest.mark.rule("GW-13")
def test_gw_13_typing_counts_as_a_change_since_it_goes_to_everybody() -> None:
    signals = "/plexus.messaging.v1.SignalService"
    assert class_of(requirements()[f"{signals}/SignalTyping"]) is MethodClass.CHANGE
    assert class_of(requirements()[f"{signals}/ListPresence"]) is MethodClass.READ


@given(st.integers(0, 40), st.lists(st.integers(0, 2**62), max_size=40), st.integers(1, 30))
def test_a_repeated_field_is_counted_without_decoding_it(
    items: int, seqs: list[int], maximum: int
) -> None:
    batch = SendMessagesRequest(items=[SendMessageRequest(text="x" * n) for n in range(items)])
    forward = ForwardMessagesRequest(conversation_id="cnv_1", seqs=seqs, request_id="r")
    number = ForwardMessagesRequest.DESCRIPTOR.fields_by_name["seqs"].number
    assert counted(batch.SerializeToString(), 1, maximum=maximum, packed=False) == min(
        items, maximum
    )
    data = forward.SerializeToString()
    assert counted(data, number, maximum=maximum, packed=True) == min(len(seqs), maximum)
    unpacked = b"".join(bytes((number << 3,)) + bytes((seq & 0x7F,)) for seq in seqs)
    assert counted(unpacked, number, maximum=maximum, packed=True) == min(len(seqs), maximum)
    assert counted(data[:-1], number, maximum=1_000, packed=True) in {0, len(seqs)}


def test_a_batch_of_very_many_fields_counts_as_a_whole_bucket() -> None:
    assert counted(b"\x78\x01" * 300_000, 1, maximum=60, packed=False) == 60
    assert counted(b"\x0a\x00" * 300_000, 1, maximum=60, packed=False) == 60
    assert counted(b"\xff" * 300_000, 1, maximum=60, packed=False) == 0


def test_msg_18_a_batch_counts_as_its_items_and_a_large_one_as_a_whole_bucket(
    clock: FrozenClock,
) -> None:
    limits = Limits(few(person_change=RateSection(per_second=1, burst=10)), clock=clock)
    five = SendMessagesRequest(items=[SendMessageRequest()] * 5).SerializeToString()
    many = SendMessagesRequest(items=[SendMessageRequest()] * 256).SerializeToString()

    for _ in range(2):
        limits.rate(BATCH, identity())
        limits.batch(BATCH, five, identity(), members=unknown)
    with pytest.raises(RateLimited):
        limits.rate(BATCH, identity())

    limits.rate(BATCH, identity("per_bob"))
    limits.batch(BATCH, many, identity("per_bob"), members=unknown)
    with pytest.raises(RateLimited):
        limits.rate(BATCH, identity("per_bob"))
    clock.advance(timedelta(seconds=9))
    limits.rate(BATCH, identity("per_bob"))
    with pytest.raises(RateLimited) as refused:
        limits.batch(BATCH, many, identity("per_bob"), members=unknown)
    clock.advance(refused.value.retry_after or timedelta())
    limits.rate(BATCH, identity("per_bob"))
    limits.batch(BATCH, many, identity("per_bob"), members=unknown)
    limits.batch(BATCH, b"\xff", identity("per_cem"), members=unknown)


def test_gw_06_a_person_has_so_many_calls_and_streams_at_once(clock: FrozenClock) -> None:
    limits = Limits(few(calls_per_person=2, streams_per_person=2, streams=3), clock=clock)
    leaves = [limits.enter(READ, identity()) for _ in range(2)]
    with pytest.raises(TooManyCalls):
        limits.enter(READ, identity())
    limits.enter(READ, identity("per_bob"))
    assert leaves[0] is not None
    leaves[0]()
    limits.enter(READ, identity())

    stream = limits.enter(STREAM, identity())
    limits.enter(STREAM, identity())
    with pytest.raises(TooManyStreams) as refused:
        limits.enter(STREAM, identity())
    assert refused.value.metadata == {"limit": "person", "most": "2"}
    limits.enter(STREAM, identity("per_bob"))
    with pytest.raises(TooManyStreams) as refused:
        limits.enter(STREAM, identity("per_cem"))
    assert refused.value.metadata == {"limit": "process", "most": "3"}
    assert stream is not None
    stream()
    limits.enter(STREAM, identity("per_cem"))


def test_gw_06_switched_off_nothing_is_limited(clock: FrozenClock) -> None:
    limits = Limits(few(enabled=False, calls_per_person=1), clock=clock)
    for _ in range(10):
        limits.rate(READ, identity())
        limits.stranger("192.0.2.1")
        assert limits.enter(READ, identity()) is None
    assert limits.items(identity(), 10) == [None] * 10
