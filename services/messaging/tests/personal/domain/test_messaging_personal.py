"""Domain rules of private objects, without a store: MSG-7, MSG-17, MSG-18."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messaging.conversations.domain.settings import ConversationSettings, SettingsChange, arranged
from messaging.messages.domain.refusals import TextTooLong
from messaging.personal.domain.drafts import Draft, DraftKey, check_words, newest
from messaging.personal.domain.refusals import (
    ScheduledMessageClaimed,
    ScheduledMessageEnded,
    ScheduleInThePast,
    ScheduleTooFar,
)
from messaging.personal.domain.scheduled import (
    FARTHEST,
    GRACE,
    SPREAD,
    Scheduled,
    State,
    cancelled,
    changed,
    check_time,
    claimed,
    failed,
    fires_at,
    is_past_grace,
    overdue,
    sent,
)
from plexus_testkit.clock import FrozenClock
from plexuskit.errors import InvalidArgument, VersionConflict

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def draft(words: bytes, at: datetime) -> Draft:
    return Draft(key=DraftKey("ann", "cnv_1"), tenant_id="ten_acme", words=words, written_at=at)


def kept_after(*arrivals: Draft) -> Draft:
    current = None
    for offered in arrivals:
        current, _ = newest(current, offered, now=NOW)
    return current


@given(
    st.lists(
        st.tuples(st.binary(max_size=2), st.integers(0, 3)), min_size=1, max_size=5, unique=True
    )
)
def test_the_newest_draft_wins_whatever_the_order_of_arrival(written):
    states = [draft(words, NOW - MINUTE * age) for words, age in written]

    ends = {
        (kept.words, kept.written_at)
        for kept in (kept_after(*order) for order in itertools.permutations(states))
    }

    assert len(ends) == 1
    ((_, at),) = ends
    assert at == max(state.written_at for state in states)


def test_a_draft_of_a_clock_that_is_ahead_is_written_now():
    ahead = kept_after(draft(b"fast clock", NOW + timedelta(hours=3)))
    assert ahead.written_at == NOW

    later, is_new = newest(ahead, draft(b"after it", NOW + MINUTE), now=NOW + MINUTE)
    assert (later.words, later.version, is_new) == (b"after it", 2, True)


def test_an_emptied_draft_is_not_brought_back_by_an_older_one():
    emptied = kept_after(draft(b"words", NOW - 2 * MINUTE), draft(b"", NOW))
    assert newest(emptied, draft(b"late", NOW - MINUTE), now=NOW) == (emptied, False)
    assert not emptied.has_words


def test_msg_18_a_draft_is_no_larger_than_a_message():
    check_words(text="字" * 51_200, spans=2_000, mentions=200, attachments=50)
    with pytest.raises(TextTooLong):
        check_words(text="字" * 51_201, spans=0, mentions=0, attachments=0)
    with pytest.raises(InvalidArgument):
        check_words(text="", spans=0, mentions=0, attachments=51)


def test_settings_that_set_nothing_anew_keep_their_version():
    nothing = ConversationSettings(conversation_id="cnv_1", person_id="ann")
    starred = arranged(nothing, SettingsChange(starred=True, folder=" 供应商 "), now=NOW)
    assert (starred.starred, starred.folder, starred.version) == (True, "供应商", 1)
    assert arranged(starred, SettingsChange(starred=True, folder="供应商"), now=NOW) is starred
    assert arranged(starred, SettingsChange(), now=NOW) is starred


def test_muted_until_a_time_that_is_over_is_not_muted():
    nothing = ConversationSettings(conversation_id="cnv_1", person_id="ann")
    muted = arranged(nothing, SettingsChange(muted_until=NOW + MINUTE), now=NOW)
    assert muted.muted_until == NOW + MINUTE
    assert arranged(muted, SettingsChange(muted_until=NOW), now=NOW).muted_until is None


def test_msg_18_a_folder_has_a_short_name():
    nothing = ConversationSettings(conversation_id="cnv_1", person_id="ann")
    with pytest.raises(InvalidArgument):
        arranged(nothing, SettingsChange(folder="x" * 101), now=NOW)


@pytest.fixture
def later() -> Scheduled:
    return Scheduled(
        id="sch_1",
        tenant_id="ten_acme",
        person_id="ann",
        conversation_id="cnv_1",
        words=b"hello",
        send_at=NOW + timedelta(hours=8),
        created_at=NOW,
    )


@given(st.text(min_size=1, max_size=30), st.sampled_from([0, 30]))
def test_msg_17_a_crowded_instant_is_spread_and_never_early(scheduled_id, minute):
    asked = NOW.replace(minute=minute)
    fires = fires_at(scheduled_id, send_at=asked)
    assert asked <= fires <= asked + SPREAD
    assert fires == fires_at(scheduled_id, send_at=asked), "every scheduler computes the same"


def test_msg_17_the_spread_uses_the_whole_half_minute_and_no_other_instant_is_moved():
    offsets = [fires_at(f"sch_{n}", send_at=NOW) - NOW for n in range(1_000)]
    buckets = {int(offset.total_seconds()) for offset in offsets}
    assert buckets == set(range(30))
    for asked in (NOW + MINUTE, NOW + timedelta(seconds=1), NOW + timedelta(milliseconds=1)):
        assert fires_at("sch_1", send_at=asked) == asked


@pytest.mark.parametrize(
    "local",
    [
        datetime(2026, 3, 29, 3, 0),  # noqa: DTZ001 - the first instant after Berlin's gap
        datetime(2026, 10, 25, 2, 30),  # noqa: DTZ001 - in Berlin's repeated hour
    ],
    ids=["spring", "autumn"],
)
def test_msg_17_a_time_is_an_instant_so_no_clock_change_moves_or_repeats_it(local):
    zone = ZoneInfo("Europe/Berlin")
    first = local.replace(tzinfo=zone, fold=0)
    instant = first.astimezone(UTC)
    clock = FrozenClock(instant - timedelta(hours=2))
    fires = fires_at("sch_1", send_at=instant)
    fired = 0
    for _ in range(4 * 60):
        before = clock.now()
        fired += before < fires <= clock.advance(MINUTE)

    assert fired == 1
    assert timedelta(0) <= fires - instant <= SPREAD


def test_msg_17_past_the_grace_of_a_day_the_author_is_asked(later):
    clock = FrozenClock(later.send_at)
    assert not is_past_grace(later, now=clock.advance(GRACE))
    assert is_past_grace(later, now=clock.advance(timedelta(milliseconds=1)))
    asked = overdue(later)
    assert (asked.state, asked.due_at, asked.version) == (State.OVERDUE, None, 2)


def test_msg_17_a_time_is_neither_too_near_nor_too_far():
    check_time(NOW + MINUTE, now=NOW, shortest=MINUTE)
    check_time(NOW + FARTHEST, now=NOW, shortest=MINUTE)
    with pytest.raises(ScheduleInThePast):
        check_time(NOW + MINUTE - timedelta(milliseconds=1), now=NOW, shortest=MINUTE)
    with pytest.raises(ScheduleTooFar):
        check_time(NOW + FARTHEST + MINUTE, now=NOW, shortest=MINUTE)


def change(current: Scheduled, **fields):
    given = {
        "conversation_id": current.conversation_id,
        "words": None,
        "authority": current.authority,
        "send_at": None,
        "expected_version": 0,
        "now": NOW,
        "shortest": MINUTE,
    }
    return changed(current, **(given | fields))


def test_msg_17_it_is_editable_until_it_is_claimed(later):
    edited = change(later, words=b"other", expected_version=1)
    assert (edited.words, edited.version) == (b"other", 2)
    assert change(edited, words=b"other") is edited
    with pytest.raises(VersionConflict):
        change(edited, words=b"third", expected_version=1)
    with pytest.raises(InvalidArgument):
        change(edited, conversation_id="cnv_2", words=b"elsewhere")

    taken = claimed(edited, lease="lse_1", until=NOW + MINUTE)
    with pytest.raises(ScheduledMessageClaimed):
        change(taken, words=b"third")
    with pytest.raises(ScheduledMessageClaimed):
        cancelled(taken, now=NOW)


def test_msg_17_a_failed_one_keeps_its_words_and_reason_until_it_gets_another_time(later):
    refused = failed(later, reason="CONVERSATION_NOT_FOUND")
    reworded = change(refused, words=b"other")
    assert (reworded.state, reworded.failure_reason) == (State.FAILED, "CONVERSATION_NOT_FOUND")

    again = change(reworded, send_at=NOW + timedelta(hours=1))
    assert (again.state, again.failure_reason, again.words) == (State.WAITING, "", b"other")
    assert again.due_at is not None


def test_msg_17_what_has_ended_stays_so(later):
    gone = cancelled(later, now=NOW)
    assert cancelled(gone, now=NOW) is gone
    told = sent(later, seq=7, now=NOW)
    assert (told.seq, told.ended_at, told.due_at) == (7, NOW, None)
    with pytest.raises(ScheduledMessageEnded):
        cancelled(told, now=NOW)
    with pytest.raises(ScheduledMessageEnded):
        change(gone, send_at=NOW + timedelta(hours=1))


def test_msg_17_a_take_over_does_not_show(later):
    taken = claimed(later, lease="lse_1", until=NOW + MINUTE)
    again = claimed(taken, lease="lse_2", until=NOW + 2 * MINUTE)
    assert again == replace(taken, lease="lse_2", lease_until=NOW + 2 * MINUTE)
    assert again.due_at == NOW + 2 * MINUTE
