"""Rooms, people and a fan-out for tests, before an owner that answers when a test wants."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import grpc
from gateway.access import Access, Projection
from gateway.config import LimitsSection
from gateway.identity import Identity
from gateway.live import visibility
from gateway.live.channels import Channels
from gateway.live.doubts import Answer, Doubts, Memberships
from gateway.live.fanout import FanOut
from gateway.live.send_buffer import Bounds, SendBuffer, Ticker
from gateway.live.subscribers import SubscriberRegistry
from gateway.live.subscriptions import ranges_of
from plexus.authz.v1.authority_pb2 import Container, Interval
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.session_service_pb2 import Frame, SessionResponse
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.conversations_pb2 import Member
from plexus.messaging.v1.messages_pb2 import Message, MessageParts
from plexuskit.clock import SystemClock
from plexuskit.errors import DependencyDown
from plexuskit.grpc import RemoteFailure, RemoteRefusal
from plexuskit.kafka import Record

TENANT = "ten_acme"
ROOM = "cnv_1"


class Owner:
    """Messaging at the seam: its answers, and their timing."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Container]] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.asked = 0
        self.asked_channels: list[str] = []
        # Version of the membership of every conversation, as far as the answers go.
        self.version = 1_000
        self.down = False
        # A messaging of a release without queries of single conversations.
        self.old = False

    async def readable(self, tenant_id: str, person_id: str) -> Sequence[Container]:
        assert tenant_id == TENANT
        self.asked += 1
        answer = list(self.answers.get(person_id, []))
        await self.open.wait()
        if self.down:
            raise DependencyDown(dependency="messaging")
        return answer

    async def members(self, conversation_id: str) -> Answer:
        self.asked_channels.append(conversation_id)
        version = self.version
        containers = {
            person_id: container
            for person_id, held in self.answers.items()
            for container in held
            if container.id == conversation_id
        }
        everything = any(not container.intervals for container in containers.values())
        members = {each: ranges_of(held.intervals) for each, held in containers.items()}
        await self.open.wait()
        if self.old:
            raise RemoteFailure(
                RemoteRefusal(
                    code=grpc.StatusCode.UNIMPLEMENTED, reason="", domain="", text="", metadata={}
                )
            )
        if self.down:
            raise DependencyDown(dependency="messaging")
        return Answer(TENANT, version, everything, (), members)

    def member(self, person_id: str, *intervals: tuple[int, int], channel: str = ROOM) -> None:
        self.answers[person_id] = [
            Container(
                kind="conversation",
                id=channel,
                intervals=[Interval(first_seq=first, last_seq=last) for first, last in intervals],
            )
        ]


class House:
    """Rooms, people and a fan-out without Kafka; streams are read at once."""

    def __init__(self, *, every: float = 0.01) -> None:
        self.owner = Owner()
        self.channels = Channels()
        self.subscribers = SubscriberRegistry(
            self.channels, ask=self.owner.readable, may_read=lambda *_: True, every=every
        )
        self.memberships = Mock(spec=Memberships)
        self.doubts = Doubts(
            self.subscribers, ask=self.owner.members, memberships=self.memberships, every=every
        )
        clock = SystemClock()
        access = Access(
            Projection(), messaging=Mock(), tasks=Mock(), limits=LimitsSection(), clock=clock
        )
        self.visibility = visibility.Visibility(access, clock=clock)
        self.fanout = FanOut(
            self.channels,
            self.subscribers,
            doubts=self.doubts,
            memberships=self.memberships,
            visibility=self.visibility,
            stale=lambda: self.stale,
            beat=lambda: 1,
        )
        self.stale = False
        self.ticker = Ticker(max_linger=0)
        self._offset = 0

    async def listen(self, person_id: str) -> "Listener":
        identity = Identity(
            tenant_id=TENANT,
            person_id=person_id,
            session_id=f"ses_{person_id}",
            roles=frozenset({"member"}),
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            token_id="t",
        )
        person = await self.subscribers.enter(identity)
        send_buffer = SendBuffer(bounds=Bounds(frames=100, bytes=100_000), ticker=self.ticker)
        self.visibility.admit(visibility.Listener(send_buffer, identity), person.streams)
        return Listener(send_buffer)

    def record(
        self, fact: Any, change_no: int, *, channel: str = ROOM, membership: int = 0
    ) -> Record:
        """Make a record; `membership` is the version that the fact was decided under."""
        self._offset += 1
        envelope = Envelope(
            event_id=f"evt_{self._offset}",
            tenant_id=TENANT,
            scope=channel,
            change_no=change_no,
            type=fact.DESCRIPTOR.full_name,
            fact=fact.SerializeToString(),
            membership_version=membership,
        )
        return Record(
            topic="messaging.conversation.v1",
            partition=0,
            offset=self._offset,
            key=channel,
            value=envelope.SerializeToString(),
        )

    def posted(
        self, change_no: int, *, seq: int = 0, channel: str = ROOM, membership: int = 0
    ) -> Record:
        message = Message(conversation_id=channel, seq=seq or change_no, text=f"{change_no}")
        return self.record(
            events_pb2.MessagePosted(message=message),
            change_no,
            channel=channel,
            membership=membership,
        )

    def newer(self, change_no: int, *, channel: str = ROOM, membership: int = 0) -> Record:
        """Make a record of a fact that only a later build knows."""
        record = self.posted(change_no, channel=channel, membership=membership)
        envelope = record.envelope
        envelope.type = "plexus.messaging.v1.MessageTranslated"
        envelope.entity_id = "msg_secret"
        return replace(record, value=envelope.SerializeToString())

    def unreadable(self, *, channel: str = ROOM) -> Record:
        """Make a record that is no envelope."""
        return replace(self.posted(1, channel=channel), value=b"\xff")

    def reacted(self, change_no: int, *, seq: int) -> Record:
        parts = MessageParts(conversation_id=ROOM, seq=seq, change_no=change_no)
        fact = events_pb2.MessageReacted(parts=parts, emoji="ok", person_id="bo")
        return self.record(fact, change_no)

    def omitted(self, record: Record) -> Record:
        envelope = record.envelope
        envelope.fact, envelope.omitted, envelope.entity_id = b"", True, "msg_large"
        return replace(record, value=envelope.SerializeToString())

    def edited(self, change_no: int, *, seq: int) -> Record:
        message = Message(conversation_id=ROOM, seq=seq)
        return self.record(events_pb2.MessageEdited(message=message), change_no)

    def added(self, change_no: int, person_id: str, *intervals: tuple[int, int]) -> Record:
        fact = events_pb2.MembersAdded(
            members=[_member(person_id, intervals)], membership_version=change_no
        )
        return self.record(fact, change_no, membership=change_no)

    def removed(self, change_no: int, person_id: str) -> Record:
        member = Member(conversation_id=ROOM, person_id=person_id)
        fact = events_pb2.MembersRemoved(members=[member], membership_version=change_no)
        return self.record(fact, change_no, membership=change_no)


def _member(person_id: str, intervals: Sequence[tuple[int, int]]) -> Member:
    return Member(
        conversation_id=ROOM,
        person_id=person_id,
        active=True,
        intervals=[Interval(first_seq=first, last_seq=last) for first, last in intervals],
    )


class Listener:
    """A stream that a test reads."""

    def __init__(self, send_buffer: SendBuffer) -> None:
        self.send_buffer = send_buffer

    async def frames(self) -> list[Frame]:
        """Return the pending frames; nothing is pending if nothing came."""
        found: list[Frame] = []
        while self.send_buffer.waiting_bytes:
            response = SessionResponse.FromString(await self.send_buffer.take())
            found += response.frames
        return found

    async def next_frame(self) -> Frame:
        """Wait for one response with one frame."""
        async with asyncio.timeout(60):
            (frame,) = SessionResponse.FromString(await self.send_buffer.take()).frames
        return frame


def numbers(frames: Sequence[Frame]) -> list[int]:
    return [each.change_no for f in frames if f.HasField("events") for each in f.events.events]


def stretches(frames: Sequence[Frame]) -> list[tuple[int, int]]:
    return [(f.events.after, f.events.through) for f in frames if f.HasField("events")]
