"""What an exception says about the records, decided without Kafka."""

import errno

import pytest
from plexuskit.errors import DependencyDown, InvalidArgument
from plexuskit.kafka import InvalidRecord, KafkaUnavailable, Record
from plexuskit.kafka.verdicts import Failures, Verdict, back_off, is_dead, retry_pause, verdict

RECORD = Record(topic="messaging.conversation.v1", partition=0, offset=1, key="k", value=b"")
INVALID = InvalidRecord(RECORD, "no")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DependencyDown(), Verdict.DOWN),
        (KafkaUnavailable(), Verdict.DOWN),
        (ConnectionResetError(), Verdict.DOWN),
        (TimeoutError(errno.ETIMEDOUT, "of a socket"), Verdict.DOWN),
        (TimeoutError(), Verdict.FAILED),
        (InvalidArgument(field="f", problem="is wrong"), Verdict.FAILED),
        (ValueError(), Verdict.FAILED),
        (INVALID, Verdict.INVALID),
        (ExceptionGroup("", [ValueError(), INVALID]), Verdict.INVALID),
        (ExceptionGroup("", [INVALID, ExceptionGroup("", [DependencyDown()])]), Verdict.DOWN),
    ],
)
def test_an_exception_is_judged_by_what_it_says(error: Exception, expected: Verdict) -> None:
    assert verdict(error) is expected


def test_the_first_record_that_fails_alone_dies_after_its_attempts() -> None:
    assert not is_dead(Failures(4, since=0), attempts=5, deaths_in_a_row=0, now=100)
    assert is_dead(Failures(5, since=0), attempts=5, deaths_in_a_row=0, now=0)


def test_without_a_success_in_between_each_next_death_waits_longer() -> None:
    waits = []
    for deaths in (1, 2, 3, 20):
        seconds = next(
            now
            for now in range(100)
            if is_dead(Failures(99, since=0), attempts=5, deaths_in_a_row=deaths, now=now)
        )
        waits.append(seconds)
    assert waits == [1, 2, 4, 30]


def test_back_off_doubles_with_jitter_and_stays_far_below_the_poll_interval() -> None:
    for times, whole in [(1, 0.5), (2, 1), (4, 4), (7, 30), (10_000, 30)]:
        pauses = {back_off(times) for _ in range(50)}
        assert len(pauses) > 1
        assert all(whole / 2 <= pause <= whole for pause in pauses)
    assert 0.025 <= retry_pause(0) <= 0.05
    assert 1 <= retry_pause(10_000) <= 2
