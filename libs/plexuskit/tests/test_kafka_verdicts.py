"""The class of an exception, decided without Kafka."""

import errno

import grpc
import pytest
from plexuskit.errors import DependencyDown, DocumentRefused, InvalidArgument
from plexuskit.grpc import RemoteFailure, RemoteRefusal
from plexuskit.kafka import InvalidRecord, KafkaUnavailable, Record
from plexuskit.kafka.evidence import Hold, Patience
from plexuskit.kafka.verdicts import Verdict, back_off, verdict

RECORD = Record(topic="messaging.conversation.v1", partition=0, offset=1, key="k", value=b"")
INVALID = InvalidRecord(RECORD, "no")
PATIENCE = Patience(attempts=5, over=300, spacing=600, degraded_after=600)


def answered(code: grpc.StatusCode) -> RemoteRefusal:
    return RemoteRefusal(code=code, reason=code.name, domain="d", text="", metadata={})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DependencyDown(), Verdict.DEPENDENCY),
        (KafkaUnavailable(), Verdict.DEPENDENCY),
        (ConnectionResetError(), Verdict.DEPENDENCY),
        (TimeoutError(errno.ETIMEDOUT, "of a socket"), Verdict.DEPENDENCY),
        (answered(grpc.StatusCode.RESOURCE_EXHAUSTED), Verdict.DEPENDENCY),
        (answered(grpc.StatusCode.UNAUTHENTICATED), Verdict.DEPENDENCY),
        (RemoteFailure(answered(grpc.StatusCode.INTERNAL)), Verdict.UNKNOWN),
        (RemoteFailure(answered(grpc.StatusCode.UNKNOWN)), Verdict.UNKNOWN),
        (answered(grpc.StatusCode.NOT_FOUND), Verdict.UNKNOWN),
        (TimeoutError(), Verdict.UNKNOWN),
        (InvalidArgument(field="f", problem="is wrong"), Verdict.UNKNOWN),
        (ValueError(), Verdict.UNKNOWN),
        (INVALID, Verdict.RECORD),
        (DocumentRefused(), Verdict.RECORD),
        (ExceptionGroup("", [ValueError(), INVALID]), Verdict.RECORD),
        (ExceptionGroup("", [INVALID, ExceptionGroup("", [DependencyDown()])]), Verdict.DEPENDENCY),
    ],
)
def test_an_exception_is_classified_by_what_it_says(error: Exception, expected: Verdict) -> None:
    assert verdict(error) is expected


def failing(*times: float) -> Hold:
    hold = Hold(offset=1)
    for now in times:
        hold.failed_alone(reason="why", now=now)
    return hold


def test_a_record_is_set_aside_only_after_enough_attempts_over_enough_time() -> None:
    few = failing(0, 100, 200, 300)
    assert not few.is_proved(PATIENCE, last_set_aside=None, now=10_000)
    soon = failing(0, 1, 2, 3, 4)
    assert not soon.is_proved(PATIENCE, last_set_aside=None, now=299)
    assert soon.is_proved(PATIENCE, last_set_aside=None, now=300)


def test_a_broken_dependency_in_between_begins_the_evidence_anew() -> None:
    hold = failing(0, 50, 100, 150)
    hold.proves_nothing(reason="away")
    for now in (200, 250, 300, 350, 400):
        hold.failed_alone(reason="why", now=now)
    assert not hold.is_proved(PATIENCE, last_set_aside=None, now=499)
    assert hold.is_proved(PATIENCE, last_set_aside=None, now=500)


def test_at_most_one_record_of_a_partition_is_set_aside_in_ten_minutes() -> None:
    hold = failing(400, 450, 500, 600, 700)
    assert not hold.is_proved(PATIENCE, last_set_aside=200, now=799)
    assert hold.is_proved(PATIENCE, last_set_aside=200, now=800)


def test_back_off_doubles_with_jitter_and_stays_far_below_the_poll_interval() -> None:
    for times, whole in [(1, 0.5), (2, 1), (4, 4), (7, 30), (10_000, 30)]:
        pauses = {back_off(times) for _ in range(50)}
        assert len(pauses) > 1
        assert all(whole / 2 <= pause <= whole for pause in pauses)
    assert 0.05 <= back_off(10_000, max_pause=0.1) <= 0.1
    assert PATIENCE.max_pause == 30
