"""Parts of requests and responses that every subject shares."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.messaging.v1 import (
    messaging_service_pb2,
)
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.grpc.status import CODES
from plexuskit.timestamps import requested_instant

_LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def page_size(asked: int, *, default: int, maximum: int) -> int:
    """Read a page size.

    Raises:
        InvalidArgument: negative or above the most.
    """
    if not 0 <= asked <= maximum:
        raise InvalidArgument(
            field="page_size", problem=f"takes 1 to {maximum}, or 0 for {default}"
        )
    return asked or default


def from_timestamp(stamp: Timestamp, *, field: str) -> datetime:
    """Read an instant, milliseconds kept.

    Raises:
        InvalidArgument: before 1970 or after 9999.
    """
    if not 0 <= stamp.seconds <= _LATEST:
        raise InvalidArgument(field=field, problem="is no plausible time")
    return requested_instant(stamp, field=field)


def to_refusal(refusal: Refusal) -> messaging_service_pb2.SendRefusal:
    """Return a refusal for use in a response, with the same fields as in a gRPC status."""
    retry = refusal.retry_after
    return messaging_service_pb2.SendRefusal(
        code=CODES[refusal.kind].value[0],
        reason=refusal.reason,
        message=refusal.message(),
        metadata=dict(refusal.metadata),
        retry_after_ms=0 if retry is None else int(retry.total_seconds() * 1000),
    )
