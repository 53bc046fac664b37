"""Instants and durations of the contracts as Python's own, and back.

An instant is aware and in UTC. The contracts have nanoseconds, Python microseconds and MongoDB
milliseconds: reading truncates, and `requested_instant` truncates to the database's precision.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from plexuskit.clock import to_milliseconds
from plexuskit.errors import InvalidArgument

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_SECONDS: Final = 86_400


class InstantOutOfRange(ValueError):  # noqa: N818 - named after the fact that prevents
    """A timestamp before the year 1 or after 9999, which no `datetime` can hold."""


def timestamp(at: datetime) -> Timestamp:
    """Return an aware instant as the contracts have it."""
    since = at - _EPOCH
    seconds = since.days * _DAY_SECONDS + since.seconds
    return Timestamp(seconds=seconds, nanos=since.microseconds * 1_000)


def optional_timestamp(at: datetime | None) -> Timestamp | None:
    """Return an instant that may be absent as the contracts have it."""
    return None if at is None else timestamp(at)


def instant_of(stamp: Timestamp) -> datetime:
    """Return a timestamp as an aware instant in UTC, cut to microseconds.

    Raises InstantOutOfRange.
    """
    try:
        return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1_000)
    except OverflowError as error:
        raise InstantOutOfRange(f"{stamp.seconds} s since 1970 are no instant") from error


def optional_instant(message: Message, field: str) -> datetime | None:
    """Return the instant in a field of a message; None where the field is unset.

    Raises InstantOutOfRange.
    """
    return instant_of(getattr(message, field)) if message.HasField(field) else None


def requested_instant(stamp: Timestamp, *, field: str) -> datetime:
    """Return an instant of a request, cut to milliseconds.

    Args:
        stamp: as the caller sent it.
        field: its path in the request, for the refusal.

    Raises InvalidArgument for an instant that no calendar has.
    """
    try:
        return to_milliseconds(instant_of(stamp))
    except InstantOutOfRange:
        raise InvalidArgument(field=field, problem="is no instant that a calendar has") from None


def requested_field(request: Message, field: str) -> datetime | None:
    """Return the instant in a field of a request as `requested_instant` does; None if unset."""
    if not request.HasField(field):
        return None
    return requested_instant(getattr(request, field), field=field)


def duration(length: timedelta) -> Duration:
    """Return a length of time as the contracts have it."""
    made = Duration()
    made.FromTimedelta(length)
    return made


def timedelta_of(length: Duration) -> timedelta:
    """Return a duration as Python's, cut to microseconds."""
    cut: timedelta = length.ToTimedelta()
    return cut
