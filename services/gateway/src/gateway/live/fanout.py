"""Fan-out from Kafka to streams: every event is encoded once and sent to all who may see it.

A message sent through this gateway is delivered when messaging has acknowledged it, if it directly
follows the last one delivered; Kafka's copy then counts as a repeat.

Numbers are dense per conversation: a repeated one is skipped; a missing one means that the members
may have changed, so the gateway queries the owner about that conversation before it delivers
anything more of it (see doubts). A fact of a type unknown to this gateway counts as seen, and
clients are notified to fetch it. Kafka positions are taken before a person's readable conversations
are queried, so nothing falls between the owner's answer and the first event.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

import structlog
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import GATEWAY_FANOUT, MESSAGING_CONVERSATION_V1
from plexus_access.clearing import cleared
from plexus_access.masks import NONE, Masks
from plexuskit import fault, kafka
from plexuskit.backoff import pause
from plexuskit.config import KafkaSection
from plexuskit.ids import is_id
from plexuskit.items import item_failed
from plexuskit.kafka import InvalidRecord, KafkaUnavailable, Record, tail
from plexuskit.kafka.tracing import processing
from plexuskit.metrics import counter
from plexuskit.service import Health

from gateway.live import wire
from gateway.live.channels import Channels
from gateway.live.doubts import Doubts, Memberships
from gateway.live.facts import FURTHER, Meaning, UnreadableFact, meaning_of
from gateway.live.send_buffer import SendBuffer
from gateway.live.subscribers import RELOADED, SubscriberRegistry
from gateway.live.subscriptions import Channel, Step, Subscription
from gateway.live.visibility import Visibility
from gateway.live.wire import Chunk

log = structlog.get_logger()

DELIVERED = counter("plexus_gateway_deliveries_total", "Events put into streams")
BROKEN_KEYS = counter(
    "plexus_gateway_broken_keys_total",
    "Records of conversations left out because their key is not the id of their conversation",
)

GAP: Final = "GAP"
CHECK: Final = "fanout"
FIRST: Final = 1

# Maximum size of a chunk of a conversation; well below a stream's bound.
MAX_CHUNK: Final = 256 * 1024
_BACK_OFF: Final = (0.2, 5.0)
NOTHING: Final[frozenset[str]] = frozenset()


class Fact(NamedTuple):
    """A fact as it is delivered, and as it was read; None when it cannot be."""

    envelope: Envelope | None
    event: bytes


class Segment:
    """Consecutive changes of a conversation that go to the same people."""

    __slots__ = ("after", "envelopes", "further", "needs", "seqs", "size", "through")

    def __init__(self, after: int) -> None:
        self.after = self.through = after
        self.envelopes: list[bytes] = []
        self.seqs: list[int] = []
        # Permissions beside reading messages, of each change and of all of them.
        self.needs: list[frozenset[str]] = []
        self.further: frozenset[str] = NOTHING
        self.size = 0

    def add(
        self, envelope: bytes, *, change_no: int, seq: int, needs: frozenset[str] = NOTHING
    ) -> None:
        """Add the next change.

        Args:
            envelope: serialized.
            change_no: its number.
            seq: of the message that it is about, or 0.
            needs: permissions that it takes beside reading messages.
        """
        self.envelopes.append(envelope)
        self.seqs.append(seq)
        self.needs.append(needs)
        if needs:
            self.further |= needs
        self.through = change_no
        self.size += len(envelope)


View = tuple[tuple[bool, ...], Masks, bool]
"""Changes of a segment visible to a person, their visible columns, and whether changes that require
more than reading messages are reduced to their numbers."""


class FanOut:
    """Applies records to rooms and puts them into streams."""

    def __init__(
        self,
        channels: Channels,
        subscribers: SubscriberRegistry,
        *,
        doubts: Doubts,
        memberships: Memberships,
        visibility: Visibility,
        stale: Callable[[], bool],
        beat: Callable[[], int],
    ) -> None:
        """Set up the targets of records.

        Args:
            channels: the conversations.
            subscribers: people with streams here.
            doubts: queries about conversations with missing events.
            memberships: receive every change of a conversation's members.
            visibility: decides which streams of a person receive an event.
            stale: whether its roles and policies are too old to show anything.
            beat: returns the current beat, at which a conversation's number changes.
        """
        self._channels = channels
        self._subscribers = subscribers
        self._doubts = doubts
        self._memberships = memberships
        self._visibility = visibility
        self._stale = stale
        # Something was not delivered because of that.
        self._withheld = False
        self._beat = beat
        self.positioned = asyncio.Event()

    async def follow(self, section: KafkaSection, *, health: Health) -> None:
        """Apply records until cancelled; while Kafka is down streams stay, and events are late."""
        failures = 0
        while True:
            try:
                async with tail(section, FANOUT.topics) as batches:
                    failures = 0
                    self.begin()
                    health.set(CHECK, ok=True, required=False)
                    async for records in batches:
                        with processing(records):
                            self.apply(records)
                        # A backlog comes without a pause of its own; streams must be written.
                        await asyncio.sleep(0)
            except KafkaUnavailable as error:
                log.warning("live.tail_lost", error=str(error))
                self._memberships.lost()
                health.set(CHECK, ok=False, detail=str(error), required=False)
            await asyncio.sleep(pause(failures, _BACK_OFF))
            failures += 1

    def begin(self) -> None:
        """Start at new positions: the owner is queried about everything before them."""
        self._channels.forget_numbers()
        self._doubts.begin()
        self._subscribers.mark_everything_stale(reason=RELOADED)
        self._memberships.missed()
        self.positioned.set()

    def apply(self, records: Sequence[Record]) -> None:
        """Apply records in order per key."""
        fault.point("gateway.before_apply")
        if self._withheld and not self._stale():
            self._withheld = False
            self._subscribers.mark_everything_stale(reason=RELOADED)
        runs: dict[str, list[Fact]] = {}
        for record in records:
            if record.topic != MESSAGING_CONVERSATION_V1.name:
                self._deliver_personal(record)
                continue
            fact = Fact(_envelope(record), record.value)
            if _is_keyed(record, fact.envelope):
                runs.setdefault(record.key, []).append(fact)
        for conversation_id, run in runs.items():
            self._apply_alone(self._channels.get(conversation_id), run)
        fault.point("gateway.after_apply")

    def receive(self, events: Sequence[bytes]) -> None:
        """Deliver messages that were just stored, before they arrive from Kafka.

        Only messages that directly follow the last one applied: then all earlier changes have been
        applied, including joins and leaves (MSG-14). The rest waits for Kafka.

        Args:
            events: serialized Envelopes, in order per conversation.
        """
        runs: dict[Channel, list[Fact]] = {}
        for event in events:
            envelope = Envelope.FromString(event)
            channel = self._channels.find(envelope.scope)
            if channel is None or not channel.through:
                continue
            run = runs.setdefault(channel, [])
            if envelope.change_no == channel.through + len(run) + 1:
                run.append(Fact(envelope, event))
        for channel, run in runs.items():
            if run:
                self._apply_alone(channel, run)

    def _apply_alone(self, channel: Channel, run: Sequence[Fact]) -> None:
        """Apply facts of one conversation; an unexpected failure concerns no other one (GW-8)."""
        try:
            self._apply_run(channel, run)
        except Exception as error:  # noqa: BLE001 - its people load the conversation again
            item_failed(error, of="gateway.fanout")
            self._lose(channel)

    def _apply_run(self, channel: Channel, run: Sequence[Fact]) -> None:
        channel.beat = self._beat()
        segment: Segment | None = None
        for envelope, event in run:
            if envelope is None:
                # The pending segment came first, and goes to the members of that time.
                if segment is not None:
                    self._deliver(channel, segment)
                    segment = None
                self._lose(channel)
                continue
            change_no = envelope.change_no
            if channel.through and change_no <= channel.through:
                continue

            meaning = _meaning(envelope)
            gap = meaning is None or (channel.through and change_no != channel.through + 1)
            about = meaning or Meaning()
            # New members see the fact itself; removed members see the facts before it.
            if segment is not None and (
                gap or about.joined or about.left or segment.size > MAX_CHUNK
            ):
                self._deliver(channel, segment)
                segment = None
            channel.through = change_no
            if gap:
                log.warning("live.gap", conversation_id=channel.id, change_no=change_no)
                self._doubts.note(
                    channel,
                    tenant_id=envelope.tenant_id,
                    version=envelope.membership_version,
                    reason=GAP,
                )
            if about.joined or about.left or about.history is not None:
                self._apply_membership(channel, about, envelope)
            segment = segment or Segment(change_no - 1)
            # Only the owner knows the message of a fact without content or of an unknown type:
            # recipients learn no more than that there is something to fetch.
            whole = about.known and not envelope.omitted
            segment.add(
                event if whole else _only_number(envelope),
                change_no=change_no,
                seq=about.seq,
                needs=FURTHER.get(envelope.type, NOTHING) if whole else NOTHING,
            )
        if segment is not None:
            self._deliver(channel, segment)

    def _lose(self, channel: Channel) -> None:
        """Record that unknown facts were lost; the next number reveals it again."""
        self._doubts.note(channel, tenant_id="", version=0, reason=GAP)

    def _apply_membership(self, channel: Channel, meaning: Meaning, envelope: Envelope) -> None:
        if meaning.history is not None and channel.learn_history(everything=meaning.history):
            self._doubts.note(
                channel,
                tenant_id=envelope.tenant_id,
                version=envelope.membership_version,
                reason=RELOADED,
            )
        if meaning.pair is not None:
            self._subscribers.paired(*meaning.pair)
        for person_id, stays in meaning.joined:
            self._subscribers.joined(channel, person_id, stays, change_no=envelope.change_no)
        for person_id in meaning.left:
            self._subscribers.left(channel, person_id, change_no=envelope.change_no)
        if meaning.joined or meaning.left:
            begins = envelope.change_no == FIRST
            self._doubts.step(
                channel,
                Step(
                    envelope.tenant_id,
                    envelope.membership_version,
                    meaning.joined,
                    meaning.left,
                    begins=begins,
                ),
            )
            self._memberships.step(
                envelope.tenant_id,
                channel.id,
                version=envelope.membership_version,
                joined=[person_id for person_id, _ in meaning.joined],
                left=meaning.left,
                begins=begins,
            )

    def _deliver(self, channel: Channel, segment: Segment) -> None:
        """Put a segment into the streams of all who may see it: one chunk for each view of it."""
        if not channel.subscriptions:
            return
        if self._stale():
            # Heartbeats carry the conversation's position; clients fetch from its owner.
            self._withheld = True
            return
        lowest = min(filter(None, segment.seqs), default=0)
        whole = self._chunk(channel, segment, segment.envelopes)
        views: dict[View, Chunk] = {}
        streams = 0
        for subscription in channel.subscriptions.values():
            if not subscription.live:
                continue
            listeners = subscription.person.streams
            masks = (
                NONE if listeners.columns is None else self._visibility.masks(listeners, channel.id)
            )
            if (not lowest or subscription.sees_from(lowest)) and not masks:
                chunk = whole
            else:
                chunk = self._view(subscription, segment, masks, views)
            readers = listeners.readers
            if listeners.gate is not None:
                readers = self._visibility.readers(listeners, channel.id, segment.through)
            limited: Collection[SendBuffer] = ()
            if segment.further:
                limited = self._visibility.limited(listeners, channel.id, segment.further)
            for stream in readers:
                if stream in limited:
                    stream.put(self._view(subscription, segment, masks, views, numbered=True))
                else:
                    stream.put(chunk)
                streams += 1
        DELIVERED.inc(streams * len(segment.envelopes))

    def _view(
        self,
        subscription: Subscription,
        segment: Segment,
        masks: Masks,
        views: dict["View", Chunk],
        *,
        numbered: bool = False,
    ) -> Chunk:
        """Return the part of a segment that one person may see; `through` advances over the rest.

        People who see the same messages and columns share one encoded chunk. `numbered` reduces
        changes that require more than reading messages to their numbers.
        """
        mask = tuple([subscription.sees(seq) for seq in segment.seqs])
        if not subscription.sure and not all(mask):
            # The policy may show it, and this gateway cannot decide: let the person fetch.
            return wire.resync([subscription.channel.id], reason=RELOADED)
        key = (mask, masks, numbered)
        chunk = views.get(key)
        if chunk is None:
            seen = [
                _only_number(Envelope.FromString(each)) if numbered and needs else each
                for each, needs, visible in zip(segment.envelopes, segment.needs, mask, strict=True)
                if visible
            ]
            if masks:
                seen = [cleared(Envelope, each, masks) for each in seen]
            chunk = views[key] = self._chunk(subscription.channel, segment, seen)
        return chunk

    def _chunk(self, channel: Channel, segment: Segment, envelopes: Sequence[bytes]) -> Chunk:
        return wire.events(
            channel.id, after=segment.after, through=segment.through, envelopes=envelopes
        )

    def _deliver_personal(self, record: Record) -> None:
        """Put a record of a person's own topic into that person's streams."""
        person = self._subscribers.get(record.key)
        if person is None or not person.streams:
            return
        if self._stale():
            self._withheld = True
            return
        envelope = _envelope(record)
        if envelope is None:
            self._subscribers.broken(person, reason=GAP)
        elif envelope.tenant_id == person.tenant_id:
            chunks: dict[bytes, Chunk] = {}
            receiving = self._visibility.receivers(person.streams, envelope, record.value)
            for stream, event in receiving:
                chunk = chunks.get(event)
                if chunk is None:
                    chunk = chunks[event] = wire.personal(event)
                stream.put(chunk)
            DELIVERED.inc(len(receiving))


def _only_number(envelope: Envelope) -> bytes:
    return Envelope(
        event_id=envelope.event_id,
        tenant_id=envelope.tenant_id,
        scope=envelope.scope,
        change_no=envelope.change_no,
        type=envelope.type,
        omitted=True,
    ).SerializeToString()


def _envelope(record: Record) -> Envelope | None:
    try:
        return record.envelope
    except InvalidRecord:
        log.warning("live.record_unreadable", topic=record.topic, offset=record.offset)
        return None


def _is_keyed(record: Record, envelope: Envelope | None) -> bool:
    """Return whether the key names a conversation, that of the fact if it can be read.

    A record without such a key is reported by its position and left out: its key is nothing that
    messaging could be asked about, and the next fact of its conversation shows the gap.
    """
    if is_id(record.key) and (envelope is None or envelope.scope == record.key):
        return True
    BROKEN_KEYS.inc()
    log.error(
        "live.key_broken", topic=record.topic, partition=record.partition, offset=record.offset
    )
    return False


def _meaning(envelope: Envelope) -> Meaning | None:
    try:
        return meaning_of(envelope)
    except UnreadableFact:
        log.warning("live.fact_unreadable", conversation_id=envelope.scope, type=envelope.type)
        return None


FANOUT: Final = kafka.subscription(GATEWAY_FANOUT).read_by(FanOut.apply)
