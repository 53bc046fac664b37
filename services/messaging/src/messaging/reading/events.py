"""Read cursors as messages of the contract, and their facts."""

from datetime import datetime

from plexus.messaging.v1 import (
    events_pb2,
    messages_pb2,
)
from plexuskit.timestamps import timestamp


def cursor_to_proto(
    *, conversation_id: str, person_id: str, through_seq: int, root_seq: int, read_at: datetime
) -> messages_pb2.Cursor:
    """Return a read cursor as protobuf."""
    return messages_pb2.Cursor(
        conversation_id=conversation_id,
        person_id=person_id,
        through_seq=through_seq,
        read_at=timestamp(read_at),
        root_seq=root_seq,
    )


def cursor_advanced(cursor: messages_pb2.Cursor) -> events_pb2.CursorAdvanced:
    """Return the fact that a person read further."""
    return events_pb2.CursorAdvanced(cursor=cursor)
