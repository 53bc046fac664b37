"""Signals of typing and presence as facts."""

from datetime import datetime

from plexus.messaging.v1 import (
    events_pb2,
    signal_service_pb2,
)
from plexuskit.timestamps import timestamp

from messaging.presence.domain import State

PRESENCE_STATES = {
    State.ONLINE: signal_service_pb2.Presence.STATE_ONLINE,
    State.AWAY: signal_service_pb2.Presence.STATE_AWAY,
    State.OFFLINE: signal_service_pb2.Presence.STATE_OFFLINE,
}


def typing(
    *, conversation_id: str, person_id: str, root_seq: int, stopped: bool
) -> events_pb2.Typing:
    """Return the signal that a person is typing, or has stopped."""
    return events_pb2.Typing(
        conversation_id=conversation_id, person_id=person_id, root_seq=root_seq, stopped=stopped
    )


def presence_changed(
    person_id: str, *, state: State, seen_at: datetime
) -> events_pb2.PresenceChanged:
    """Return the signal that a person is there, away, or leaving."""
    presence = signal_service_pb2.Presence(
        person_id=person_id, state=PRESENCE_STATES[state], seen_at=timestamp(seen_at)
    )
    return events_pb2.PresenceChanged(presence=presence)
