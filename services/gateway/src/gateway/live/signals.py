"""Fan-out of signals to streams: typing and presence.

A tail of its own, apart from the facts: lost signals stay lost, and clients need not fetch anything
because of them.

Typing goes to the other active members of its conversation who have streams here. Presence goes to
people who have a direct conversation with the person: that set is small, it never shrinks, and this
gateway knows it without a query; sending presence to everyone who shares a large group would make a
hundred million frames a day for 10,000 people. Clients that show other people call ListPresence.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from google.protobuf.message import DecodeError, Message
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.events_pb2 import PresenceChanged, Typing
from plexus.messaging.v1.signal_service_pb2 import Presence
from plexus.topics import GATEWAY_SIGNALS
from plexus_access.clearing import clearing_of
from plexus_access.masks import NONE, Masks
from plexuskit import kafka
from plexuskit.backoff import pause
from plexuskit.clock import Clock
from plexuskit.config import KafkaSection
from plexuskit.items import item_failed
from plexuskit.kafka import InvalidRecord, KafkaUnavailable, Record, tail
from plexuskit.metrics import counter
from plexuskit.service import Health
from plexuskit.timestamps import instant_of

from gateway.live import wire
from gateway.live.channels import Channels
from gateway.live.presence import LASTS, Presences
from gateway.live.subscribers import SubscriberRegistry
from gateway.live.visibility import CONVERSATIONS, Listeners, Visibility
from gateway.live.wire import Chunk

log = structlog.get_logger()

SIGNALLED = counter("plexus_gateway_signals_total", "Signals put into streams", ("kind",))

CHECK: Final = "signals"
TYPING_LASTS: Final = timedelta(seconds=6)
SWEEP_SECONDS: Final = 1.0

_TYPING: Final = Typing.DESCRIPTOR.full_name
_PRESENCE: Final = PresenceChanged.DESCRIPTOR.full_name
_BACK_OFF: Final = (0.2, 5.0)


class Signals:
    """Applies signals to rooms and people."""

    def __init__(
        self,
        channels: Channels,
        subscribers: SubscriberRegistry,
        presences: Presences,
        *,
        visibility: Visibility,
        clock: Clock,
    ) -> None:
        """Set up the recipients of signals.

        Args:
            channels: the conversations.
            subscribers: people with streams here.
            presences: presence of people.
            visibility: decides which streams of a person receive a signal.
            clock: time for expiry.
        """
        self._channels = channels
        self._subscribers = subscribers
        self._presences = presences
        self._visibility = visibility
        self._clock = clock

    async def follow(self, section: KafkaSection, *, health: Health) -> None:
        """Apply signals until cancelled; while Kafka is down there are none."""
        failures = 0
        while True:
            try:
                since = self._clock.now() - LASTS
                async with tail(section, SIGNALS.topics, since=since) as batches:
                    failures = 0
                    health.set(CHECK, ok=True, required=False)
                    async for records in batches:
                        self.apply(records)
                        await asyncio.sleep(0)
            except KafkaUnavailable as error:
                log.warning("signals.tail_lost", error=str(error))
                health.set(CHECK, ok=False, detail=str(error), required=False)
            await asyncio.sleep(pause(failures, _BACK_OFF))
            failures += 1

    async def sweep(self) -> None:
        """Report people whose presence has expired, once a second until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for gone in self._presences.expire(now=self._clock.now()):
                self._show(gone)

    def apply(self, records: Sequence[Record]) -> None:
        """Apply records; one that cannot be read is skipped."""
        for record in records:
            try:
                envelope = record.envelope
                if envelope.type == _TYPING:
                    self._type(envelope)
                elif envelope.type == _PRESENCE:
                    self._receive(PresenceChanged.FromString(envelope.fact).presence)
            except (InvalidRecord, DecodeError) as error:
                log.warning("signals.unreadable", offset=record.offset, error=str(error))
            except Exception as error:  # noqa: BLE001 - one record fails alone (GW-8)
                item_failed(error, of="gateway.signals")

    def _type(self, envelope: Envelope) -> None:
        """Send typing to a conversation's other members, unless its members may have changed."""
        typing = Typing.FromString(envelope.fact)
        channel = self._channels.find(typing.conversation_id)
        if channel is None or not channel.subscriptions:
            return
        # A change of its members is known to messaging and not here yet.
        if 0 < channel.through < envelope.membership_version:
            return
        if self._clock.now() - instant_of(envelope.occurred_at) > TYPING_LASTS:
            return
        signal = _Signal(typing, wire.typing)
        streams = 0
        for subscription in channel.subscriptions.values():
            person = subscription.person
            if subscription.live and person.person_id != typing.person_id:
                readers = self._visibility.readers(person.streams, channel.id, channel.through)
                chunk = signal.shown_to(person.streams, self._visibility, channel.id)
                for stream in readers:
                    stream.put(chunk)
                streams += len(readers)
        SIGNALLED.labels("typing").inc(streams)

    def _receive(self, presence: Presence) -> None:
        shown = self._presences.receive(presence, now=self._clock.now())
        if shown is not None:
            self._show(shown)

    def _show(self, presence: Presence) -> None:
        watching = self._subscribers.with_direct(presence.person_id)
        if not watching:
            return
        signal = _Signal(presence, wire.presence)
        for person in watching:
            chunk = signal.shown_to(person.streams, self._visibility)
            person.notify(chunk, permission=CONVERSATIONS)
        SIGNALLED.labels("presence").inc(sum(len(person.streams) for person in watching))


class _Signal:
    """A signal as its recipients may see it: made once for each set of columns."""

    __slots__ = ("_chunks", "_made", "_message")

    def __init__(self, message: Message, made: Callable[[Any], Chunk]) -> None:
        self._message = message
        self._made = made
        self._chunks: dict[Masks, Chunk] = {}

    def shown_to(
        self, listeners: Listeners, visibility: Visibility, conversation_id: str = ""
    ) -> Chunk:
        """Return the signal without the columns that are hidden from a person (GW-3)."""
        masks = NONE if not listeners.columns else visibility.masks(listeners, conversation_id)
        chunk = self._chunks.get(masks)
        if chunk is None:
            message = type(self._message)()
            message.CopyFrom(self._message)
            if masks:
                clearing_of(masks).clear(message)
            chunk = self._chunks[masks] = self._made(message)
        return chunk


SIGNALS: Final = kafka.subscription(GATEWAY_SIGNALS, Typing, PresenceChanged).read_by(Signals.apply)
