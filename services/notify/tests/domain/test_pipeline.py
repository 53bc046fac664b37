from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notify.domain.attempts import Answer, RetryPolicy, retry_pause, settled
from notify.domain.conversations import Conversation, Member
from notify.domain.kinds import Channel, Kind
from notify.domain.messages import Addressing, Audience, SentMessage, recipients
from notify.domain.notifications import Delivery
from notify.domain.outcomes import Reason, State
from notify.domain.pipeline import DeliveryContext, decide_email, decide_in_app, share
from notify.domain.preferences import Preferences
from notify.domain.quiet_hours import QuietHours
from notify.kinds import KINDS, direct_message, mention

QUIET = QuietHours(enabled=True, start=time(11), end=time(13))
POLICY = RetryPolicy(
    first=timedelta(seconds=30), max_pause=timedelta(hours=1), give_up_after=timedelta(hours=24)
)
JITTER = timedelta(minutes=2)


@pytest.fixture
def context(person: Callable[..., Any]) -> DeliveryContext:
    return DeliveryContext(
        person=person(),
        preferences=Preferences(person_id="per_bo"),
        own=False,
        readable=True,
        read=False,
        muted=False,
    )


def email(context: DeliveryContext, now: datetime, kind: Kind = mention.KIND) -> Delivery:
    return decide_email("dlv_1", context, kind=kind, now=now, jitter=JITTER)


def test_ntf_01_obstacles_come_in_their_order(
    context: DeliveryContext, person: Callable[..., Any], now: datetime
) -> None:
    nothing = Preferences(person_id="per_bo", channels={mention.KIND: frozenset()})
    worst = DeliveryContext(
        person=person(active=False, email=""),
        preferences=nothing,
        own=True,
        readable=False,
        read=True,
        muted=True,
    )
    cases = [
        (worst, Reason.SENDER),
        (replace(worst, own=False), Reason.PERSON_DEACTIVATED),
        (replace(worst, own=False, person=person(email="")), Reason.ACCESS_LOST),
        (replace(worst, own=False, readable=True, person=person(email="")), Reason.PREFERENCE_OFF),
        (replace(context, muted=True, read=True), Reason.CONVERSATION_MUTED),
        (replace(context, read=True), Reason.ALREADY_READ),
        (replace(context, person=person(email="")), Reason.NO_ADDRESS),
    ]
    for case, reason in cases:
        outcome = email(case, now)
        assert (outcome.state, outcome.reason) == (State.DROPPED, reason)
        assert outcome.next_attempt_at is None


def test_ntf_03_the_badge_is_never_deferred(context: DeliveryContext, now: datetime) -> None:
    quiet = replace(context, preferences=Preferences(person_id="per_bo", quiet_hours=QUIET))
    in_app = decide_in_app("dlv_2", quiet, kind=mention.KIND, now=now)
    assert (in_app.state, in_app.reason) == (State.DELIVERED, Reason.STORED)
    assert email(quiet, now).state is State.DEFERRED


def test_ntf_04_the_release_is_spread_and_never_early(
    context: DeliveryContext, now: datetime
) -> None:
    quiet = replace(context, preferences=Preferences(person_id="per_bo", quiet_hours=QUIET))
    end = now + timedelta(hours=1)
    releases = {
        decide_email(
            f"dlv_{number}", quiet, kind=mention.KIND, now=now, jitter=JITTER
        ).next_attempt_at
        for number in range(200)
    }
    assert all(release and end <= release < end + JITTER for release in releases)
    assert len(releases) > 150


def test_the_persons_own_choice_of_zone_comes_before_the_directorys(
    context: DeliveryContext, now: datetime
) -> None:
    for zone, state in (("", State.DEFERRED), ("America/New_York", State.PENDING)):
        hours = replace(QUIET, time_zone=zone)
        chosen = Preferences(person_id="per_bo", quiet_hours=hours)
        assert email(replace(context, preferences=chosen), now).state is state


def test_someone_whom_directory_has_not_announced_is_waited_for(
    context: DeliveryContext, now: datetime
) -> None:
    unknown = email(replace(context, person=None), now)
    assert (unknown.state, unknown.reason) == (State.PENDING, Reason.QUEUED)
    assert unknown.next_attempt_at == now + timedelta(minutes=1)


def test_the_defaults_mail_all_but_direct_messages(context: DeliveryContext, now: datetime) -> None:
    mailed = {kind for kind in KINDS if email(context, now, kind).state is State.PENDING}
    assert mailed == {kind for kind in KINDS if Channel.EMAIL in kind.channels}
    assert direct_message.KIND not in mailed
    assert all(Channel.IN_APP in kind.channels for kind in KINDS)


@given(st.text(max_size=40))
def test_a_share_is_a_share(delivery_id: str) -> None:
    assert 0 <= share(delivery_id) < 1
    assert share(delivery_id) == share(delivery_id)


@given(attempts=st.integers(1, 60), answer=st.sampled_from(Answer), hours=st.floats(0, 48))
def test_ntf_08_every_answer_ends_or_comes_again_within_a_day(
    attempts: int, answer: Answer, hours: float
) -> None:
    now = datetime.fromisoformat("2036-03-03T04:00:00+00:00")
    begun = now - timedelta(hours=hours)
    taken = Delivery(
        id="dlv_1",
        state=State.PENDING,
        reason=Reason.QUEUED,
        at=begun,
        next_attempt_at=now,
        attempts=attempts,
        first_attempt_at=begun,
        lease="lse_1",
    )
    after = settled(taken, answer, policy=POLICY, now=now)
    assert after.lease == ""
    assert (after.next_attempt_at is not None) == after.state.is_open
    if after.next_attempt_at is not None:
        assert now < after.next_attempt_at <= begun + POLICY.give_up_after
        assert after.next_attempt_at - now <= POLICY.max_pause
    if answer is Answer.ACCEPTED:
        assert (after.state, after.reason) == (State.DELIVERED, Reason.ACCEPTED_BY_SERVER)


def test_ntf_08_the_pause_grows_to_its_limit(now: datetime) -> None:
    delivery = Delivery(id="dlv_1", state=State.PENDING, reason=Reason.QUEUED, at=now)
    pauses = [
        retry_pause(replace(delivery, attempts=attempts), policy=POLICY)
        for attempts in range(1, 15)
    ]
    assert timedelta(seconds=15) <= pauses[0] <= timedelta(seconds=30)
    assert all(POLICY.max_pause / 2 <= pause <= POLICY.max_pause for pause in pauses[8:])


def conversation(**fields: Any) -> Conversation:
    fields = {"direct": False, "name": "采购", "open_history": False} | fields
    return Conversation(id="cnv_1", tenant_id="ten_a", version=1, **fields)


def members(**intervals: tuple[int, int]) -> dict[str, Member]:
    return {
        name: Member(
            conversation_id="cnv_1",
            person_id=name,
            active=last == 0,
            intervals=((first, last),),
            version=1,
        )
        for name, (first, last) in intervals.items()
    }


def addressed(
    *person_ids: str,
    everybody: bool = False,
    seq: int = 5,
    fresh: bool = True,
    of: Conversation | None = None,
    known: dict[str, Member] | None = None,
    belong: tuple[str, ...] = (),
) -> dict[str, tuple[Kind, bool]]:
    departments = frozenset({"dep_1"} if belong else ())
    message = SentMessage(
        event_id="evt_1",
        tenant_id="ten_a",
        message_id="msg_1",
        conversation_id="cnv_1",
        sender_id="ann",
        seq=seq,
        root_seq=0,
        text="",
        addressing=Addressing(
            person_ids=frozenset(person_ids), everybody=everybody, department_ids=departments
        ),
        fresh=fresh,
        urgent=False,
    )
    audience = Audience(
        message=message,
        conversation=of or conversation(),
        members=known or members(ann=(1, 0), bo=(1, 0), cy=(1, 4), dee=(6, 0)),
        in_departments=frozenset(belong),
    )
    found = recipients(audience, rules=KINDS.message_rules, sender_name="Ann")
    assert [each.person_id for each in found] == sorted(each.person_id for each in found)
    return {each.person_id: (each.kind, each.readable) for each in found}


def test_msg_13_all_is_who_was_a_member_then_without_the_sender() -> None:
    assert addressed(everybody=True) == {"bo": (mention.KIND, True)}
    assert addressed(everybody=True, seq=4) == {
        "bo": (mention.KIND, True),
        "cy": (mention.KIND, False),
    }


def test_msg_14_a_later_member_may_be_named_but_reads_only_an_open_history() -> None:
    assert addressed("dee", "cy", "nobody") == {"dee": (mention.KIND, False)}
    assert addressed("dee", of=conversation(open_history=True)) == {"dee": (mention.KIND, True)}


def test_msg_11_an_edit_is_no_second_direct_message() -> None:
    direct = conversation(direct=True, name="")
    pair = members(ann=(1, 0), bo=(1, 0))
    assert addressed(of=direct, known=pair) == {"bo": (direct_message.KIND, True)}
    assert addressed("bo", of=direct, known=pair) == {"bo": (mention.KIND, True)}
    assert addressed(of=direct, known=pair, fresh=False) == {}


def test_msg_13_a_department_is_who_was_a_member_then_and_belongs_to_it() -> None:
    everyone = ("ann", "bo", "cy", "dee", "stranger")
    assert addressed(belong=everyone) == {"bo": (mention.KIND, True)}
    assert addressed(belong=everyone, seq=4) == {
        "bo": (mention.KIND, True),
        "cy": (mention.KIND, False),
    }
    assert addressed("dee", belong=("bo",)) == {
        "bo": (mention.KIND, True),
        "dee": (mention.KIND, False),
    }
