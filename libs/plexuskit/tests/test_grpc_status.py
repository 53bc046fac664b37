from datetime import timedelta

import grpc
import pytest
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from plexuskit.errors import DependencyDown, InvalidArgument, Kind, Refusal, VersionConflict
from plexuskit.grpc.status import (
    CODES,
    KINDS,
    Answer,
    RemoteFailure,
    RemoteRefusal,
    answer,
    failure,
    refused,
    translated,
)


class RoomFull(Refusal):
    kind = Kind.EXHAUSTED
    text = "Room {room} takes {limit} people at most."


def as_error(sent: Answer) -> grpc.aio.AioRpcError:
    """Return the client's view of a response."""
    return grpc.aio.AioRpcError(
        sent.code,
        initial_metadata=grpc.aio.Metadata(),
        trailing_metadata=grpc.aio.Metadata(*sent.trailing),
        details=sent.text,
    )


def plain_error(code: grpc.StatusCode, text: str = "") -> grpc.aio.AioRpcError:
    return as_error(Answer(code=code, text=text, trailing=()))


def details_of(sent: Answer) -> Status:
    ((key, packed),) = sent.trailing
    assert key == "grpc-status-details-bin"
    return Status.FromString(packed)


def test_every_kind_has_a_status_of_its_own() -> None:
    assert set(CODES) == set(Kind)
    # INTERNAL is written for one item, and read as a failure.
    assert set(KINDS.values()) == set(Kind) - {Kind.INTERNAL}
    assert all(KINDS[CODES[kind]] is kind for kind in set(Kind) - {Kind.INTERNAL})
    assert grpc.StatusCode.INTERNAL not in KINDS
    assert CODES[Kind.CONFLICT] is grpc.StatusCode.ABORTED
    assert CODES[Kind.EXHAUSTED] is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert CODES[Kind.INVALID] is grpc.StatusCode.INVALID_ARGUMENT


def test_gw_06_a_refusal_is_answered_with_reason_domain_and_metadata() -> None:
    sent = answer(RoomFull(room="A1", limit=5), domain="plexus.calendar")

    assert sent.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert sent.text == "Room A1 takes 5 people at most."
    status = details_of(sent)
    assert (status.code, status.message) == (8, sent.text)
    info = error_details_pb2.ErrorInfo()
    assert [detail.Unpack(info) for detail in status.details] == [True]
    assert (info.reason, info.domain) == ("ROOM_FULL", "plexus.calendar")
    assert dict(info.metadata) == {"room": "A1", "limit": "5"}


def test_an_invalid_field_is_named_in_a_bad_request() -> None:
    sent = answer(InvalidArgument(field="name", problem="is empty"), domain="plexus.tasks")

    bad_request = error_details_pb2.BadRequest()
    assert details_of(sent).details[1].Unpack(bad_request)
    (violation,) = bad_request.field_violations
    assert (violation.field, violation.description) == ("name", "is empty")


def test_msg_18_the_time_to_wait_travels_there_and_back() -> None:
    refusal = RoomFull(retry_after=timedelta(seconds=1, milliseconds=500), room="A1", limit=5)

    sent = answer(refusal, domain="plexus.calendar")

    retry = error_details_pb2.RetryInfo()
    assert details_of(sent).details[-1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 1500
    assert refused(as_error(sent)).retry_after == timedelta(milliseconds=1500)


def test_a_refusal_is_the_same_on_the_other_side() -> None:
    remote = refused(as_error(answer(RoomFull(room="A1", limit=5), domain="plexus.calendar")))

    assert isinstance(remote, Refusal)
    assert remote.kind is Kind.EXHAUSTED
    assert remote.reason == "ROOM_FULL"
    assert remote.metadata == {"room": "A1", "limit": "5"}
    assert remote.message() == "Room A1 takes 5 people at most."
    assert str(remote) == "ROOM_FULL: Room A1 takes 5 people at most."
    assert RemoteRefusal.reason == "REMOTE_REFUSAL"


def test_a_refusal_of_another_service_is_passed_on_unchanged() -> None:
    first = answer(RoomFull(room="A1", limit=5), domain="plexus.calendar")

    assert answer(refused(as_error(first)), domain="plexus.search") == first


def test_metadata_may_have_any_name() -> None:
    sent = failure(
        grpc.StatusCode.NOT_FOUND,
        reason="GONE",
        domain="plexus.tasks",
        text="{gone}",
        metadata={"retry_after": "soon", "self": "me", "code": "7"},
    )

    remote = refused(as_error(sent))

    assert remote.metadata == {"retry_after": "soon", "self": "me", "code": "7"}
    assert remote.message() == "{gone}"


def test_an_answer_without_details_is_named_after_its_code() -> None:
    remote = refused(plain_error(grpc.StatusCode.PERMISSION_DENIED, "no"))

    assert (remote.kind, remote.reason) == (Kind.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert remote.message() == "no"


def test_details_that_contradict_the_answer_do_not_count() -> None:
    sent = answer(RoomFull(room="A1", limit=5), domain="plexus.calendar")
    rewritten = Answer(code=grpc.StatusCode.UNAVAILABLE, text="proxy", trailing=sent.trailing)

    assert refused(as_error(rewritten)).reason == "UNAVAILABLE"


def test_long_texts_are_cut_so_that_the_trailers_stay_small() -> None:
    class Long(Refusal):
        kind = Kind.NOT_FOUND
        text = "长" * 5000

    sent = answer(Long(name="名" * 5000), domain="plexus.tasks")

    ((_, packed),) = sent.trailing
    assert sent.text.endswith("…")
    assert len(packed) < 2048
    assert refused(as_error(sent)).reason == "LONG"


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    ],
)
def test_no_answer_means_that_a_dependency_is_down(code: grpc.StatusCode) -> None:
    raised = translated(plain_error(code), dependency="directory")

    assert isinstance(raised, DependencyDown)
    assert raised.metadata == {"dependency": "directory", "cause": code.name}


def test_a_refused_context_of_our_own_is_no_fault_of_the_request() -> None:
    sent = failure(
        grpc.StatusCode.UNAUTHENTICATED,
        reason="CALLER_CONTEXT_EXPIRED",
        domain="plexus.directory",
        text="",
        metadata={},
    )

    assert isinstance(translated(as_error(sent), dependency="directory"), DependencyDown)


def test_a_refusal_stays_one_and_a_failure_stays_a_failure() -> None:
    conflict = answer(VersionConflict(expected_version=1, current_version=2), domain="plexus.tasks")
    raised = translated(as_error(conflict), dependency="tasks")
    assert isinstance(raised, RemoteRefusal)
    assert raised.kind is Kind.CONFLICT

    failed = failure(
        grpc.StatusCode.INTERNAL,
        reason="INTERNAL",
        domain="plexus.tasks",
        text="",
        metadata={"reference": "abc"},
    )
    raised = translated(as_error(failed), dependency="tasks")
    assert isinstance(raised, RemoteFailure)
    assert not isinstance(raised, Refusal)
    assert "abc" in str(raised)
