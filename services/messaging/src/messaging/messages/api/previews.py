"""Request and response of send previews."""

from collections.abc import Sequence
from datetime import datetime

from plexus.messaging.v1 import messages_pb2, messaging_service_pb2
from plexuskit.timestamps import timestamp

from messaging.contract.api import from_timestamp
from messaging.messages.domain.availability import Addressed, OffHours
from messaging.messages.queries.sends import Preview

pb = messaging_service_pb2


def to_addressed(mentions: Sequence[messages_pb2.Mention]) -> Addressed:
    """Read the addressees of a message."""
    return Addressed(
        person_ids=frozenset(each.person_id for each in mentions if each.person_id),
        department_ids=frozenset(each.department_id for each in mentions if each.department_id),
        everybody=any(each.all for each in mentions),
    )


def sending_at(request: pb.PreviewSendRequest, *, now: datetime) -> datetime:
    """Read when it would be sent; unset: now.

    Raises:
        InvalidArgument: no plausible time.
    """
    return from_timestamp(request.send_at, field="send_at") if request.HasField("send_at") else now


def to_preview(preview: Preview, *, people: Sequence[OffHours]) -> pb.PreviewSendResponse:
    """Return a preview with those of its people whom the caller may read."""
    return pb.PreviewSendResponse(
        audience=preview.audience,
        off_hours=preview.off_hours,
        people=[
            pb.OffHours(
                person_id=each.person_id,
                time_zone=each.time_zone,
                local_time=each.local.strftime("%H:%M"),
                works_again_at=timestamp(each.works_again_at),
            )
            for each in people
        ],
    )
