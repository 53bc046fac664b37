"""Presence, consumed by every process that serves requests."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from google.protobuf.message import DecodeError
from plexus.messaging.v1.events_pb2 import PresenceChanged
from plexus.topics import MESSAGING_PRESENCE
from plexuskit.backoff import pause
from plexuskit.config import KafkaSection
from plexuskit.kafka import InvalidRecord, KafkaUnavailable, Record, subscription, tail
from plexuskit.runtime import Runtime
from plexuskit.timestamps import instant_of

from messaging.presence.events import PRESENCE_STATES
from messaging.presence.operations.presence import Presences

log = structlog.get_logger()

CHECK: Final = "presence"
BACK: Final = timedelta(minutes=2)
"""Age from which a new process reads: as old as the topic holds, older than a signal lives."""

_BACK_OFF: Final = (0.5, 5.0)
_STATES: Final = {number: state for state, number in PRESENCE_STATES.items()}
_TYPE: Final = PresenceChanged.DESCRIPTOR.full_name


async def follow_presence(presences: Presences, *, kafka: KafkaSection, runtime: Runtime) -> None:
    """Consume presence of everyone until cancelled; without Kafka all presence expires."""
    failures = 0
    while True:
        try:
            since = runtime.clock.now() - BACK
            async with tail(kafka, PRESENCE.topics, since=since) as batches:
                failures = 0
                runtime.health.set(CHECK, ok=True, required=False)
                async for records in batches:
                    receive_all(presences, records)
                    await asyncio.sleep(0)
        except KafkaUnavailable as error:
            log.warning("presence.tail_lost", error=str(error))
            runtime.health.set(CHECK, ok=False, detail=str(error), required=False)
        await asyncio.sleep(pause(failures, _BACK_OFF))
        failures += 1


def receive_all(presences: Presences, records: Sequence[Record]) -> None:
    """Apply presence records; typing signals and unreadable records are ignored."""
    for record in records:
        try:
            if record.envelope.type != _TYPE:
                continue
            presence = PresenceChanged.FromString(record.envelope.fact).presence
        except (InvalidRecord, DecodeError) as error:
            log.warning("presence.unreadable", offset=record.offset, error=str(error))
            continue
        state = _STATES.get(presence.state)
        if state is not None:
            at = instant_of(presence.seen_at)
            presences.receive(presence.person_id, state=state, at=at)


PRESENCE: Final = subscription(MESSAGING_PRESENCE, PresenceChanged).read_by(receive_all)
SUBSCRIPTIONS: Final = (PRESENCE,)
