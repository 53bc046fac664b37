"""Typing and presence: who receives them, and who never does (MSG-14, GW-2)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from gateway.access import Access, Projection
from gateway.config import LimitsSection
from gateway.identity import Identity
from gateway.live import visibility
from gateway.live.channels import Channels
from gateway.live.doubts import Doubts, Memberships
from gateway.live.fanout import FanOut
from gateway.live.presence import OFFLINE, ONLINE, PresencePublisher, Presences, State
from gateway.live.send_buffer import Bounds, SendBuffer, Ticker
from gateway.live.signals import Signals
from gateway.live.subscribers import SubscriberRegistry
from plexus.authz.v1.authority_pb2 import Container, Interval
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.session_service_pb2 import SessionResponse, Signal
from plexus.messaging.v1 import conversations_pb2, events_pb2
from plexus.messaging.v1.messaging_service_pb2 import CreateConversationRequest
from plexus.messaging.v1.signal_service_pb2 import (
    ListPresenceRequest,
    Presence,
    SignalPresenceRequest,
    SignalTypingRequest,
)
from plexus.messaging.v1.signal_service_pb2_grpc import SignalServiceStub
from plexus_testkit import FrozenClock
from plexus_testkit.wait import eventually
from plexuskit.errors import DependencyDown
from plexuskit.kafka import Record

TENANT = "ten_acme"
ROOM = "cnv_1"
AWAY = Presence.STATE_AWAY


class House:
    """Rooms, people and signals without Kafka; `pairs` have direct conversations."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.members: set[str] = set()
        self.pairs: list[tuple[str, str]] = []
        self.channels = Channels()
        self.subscribers = SubscriberRegistry(
            self.channels, ask=self._readable, may_read=lambda *_: True
        )
        access = Access(
            Projection(),
            messaging=Mock(),
            tasks=Mock(),
            directory=Mock(),
            limits=LimitsSection(),
            clock=clock,
        )
        self.visibility = visibility.Visibility(access, clock=clock)
        self.fanout = FanOut(
            self.channels,
            self.subscribers,
            doubts=Mock(spec=Doubts),
            memberships=Mock(spec=Memberships),
            visibility=self.visibility,
            stale=lambda: False,
            beat=lambda: 1,
        )
        self.here: set[str] = set()
        self.presences = Presences(contradict=lambda person, _: person in self.here)
        self.signals = Signals(
            self.channels, self.subscribers, self.presences, visibility=self.visibility, clock=clock
        )
        self.ticker = Ticker(max_linger=0)

    async def _readable(self, _: str, person_id: str) -> list[Container]:
        found = [
            Container(
                kind="conversation",
                id="cnv_" + "_".join(pair),
                peer_id=(set(pair) - {person_id}).pop(),
            )
            for pair in self.pairs
            if person_id in pair
        ]
        if person_id in self.members:
            intervals = [Interval(first_seq=1)]
            found.append(Container(kind="conversation", id=ROOM, intervals=intervals))
        return found

    async def listen(self, person_id: str) -> "Listener":
        person = await self.subscribers.enter(identity(person_id))
        send_buffer = SendBuffer(bounds=Bounds(frames=100, bytes=100_000), ticker=self.ticker)
        self.visibility.admit(visibility.Listener(send_buffer, identity(person_id)), person.streams)
        return Listener(send_buffer)

    def type(self, person_id: str, *, version: int = 0, ago: timedelta = timedelta()) -> None:
        fact = events_pb2.Typing(conversation_id=ROOM, person_id=person_id)
        self._apply(fact, key=ROOM, version=version, at=self.clock.now() - ago)

    def notify(self, person_id: str, state: State) -> None:
        told = Presence(person_id=person_id, state=state)
        told.seen_at.FromDatetime(self.clock.now())
        fact = events_pb2.PresenceChanged(presence=told)
        self._apply(fact, key=person_id, version=0, at=self.clock.now())

    def _apply(self, fact: Any, *, key: str, version: int, at: datetime) -> None:
        envelope = Envelope(
            event_id="evt_1",
            tenant_id=TENANT,
            scope=key,
            type=fact.DESCRIPTOR.full_name,
            fact=fact.SerializeToString(),
            membership_version=version,
        )
        envelope.occurred_at.FromDatetime(at)
        value = envelope.SerializeToString()
        self.signals.apply(
            [Record(topic="messaging.signal.v1", partition=0, offset=1, key=key, value=value)]
        )

    def removed(self, change_no: int, person_id: str) -> None:
        member = conversations_pb2.Member(conversation_id=ROOM, person_id=person_id)
        fact = events_pb2.MembersRemoved(members=[member])
        envelope = Envelope(
            event_id=f"evt_{change_no}",
            tenant_id=TENANT,
            scope=ROOM,
            change_no=change_no,
            type=fact.DESCRIPTOR.full_name,
            fact=fact.SerializeToString(),
        )
        record = Record(
            topic="messaging.conversation.v1",
            partition=0,
            offset=change_no,
            key=ROOM,
            value=envelope.SerializeToString(),
        )
        self.fanout.apply([record])

    def after(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        for gone in self.presences.expire(now=self.clock.now()):
            self.signals._show(gone)


class Listener:
    """A stream that a test reads."""

    def __init__(self, send_buffer: SendBuffer) -> None:
        self.send_buffer = send_buffer

    async def signals(self) -> list[Signal]:
        """Return the pending signals."""
        found: list[Signal] = []
        while self.send_buffer.waiting_bytes:
            response = SessionResponse.FromString(await self.send_buffer.take())
            found += [frame.signal for frame in response.frames if frame.HasField("signal")]
        return found

    async def typing(self) -> list[str]:
        return [signal.typing.person_id for signal in await self.signals()]

    async def presence(self) -> list[tuple[str, int]]:
        return [(each.presence.person_id, each.presence.state) for each in await self.signals()]


def identity(person_id: str) -> Identity:
    return Identity(
        tenant_id=TENANT,
        person_id=person_id,
        session_id=f"ses_{person_id}",
        roles=frozenset({"member"}),
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        token_id="t",
    )


@pytest.fixture
async def house(clock: FrozenClock) -> House:
    return House(clock)


async def test_msg_14_typing_is_heard_by_the_other_members_on_every_device_and_by_nobody_else(
    house: House,
) -> None:
    house.members = {"ana", "bo"}
    phone, desk = await house.listen("ana"), await house.listen("ana")
    bo, tablet = await house.listen("bo"), await house.listen("bo")
    eve = await house.listen("eve")

    house.type("ana")

    assert await bo.typing() == await tablet.typing() == ["ana"]
    assert not await phone.typing()
    assert not await desk.typing()
    assert not await eve.typing()


async def test_msg_14_who_was_removed_hears_no_typing(house: House) -> None:
    house.members = {"ana", "bo", "cy"}
    bo, cy = await house.listen("bo"), await house.listen("cy")
    house.removed(5, "bo")
    house.type("ana", version=5)

    assert not await bo.typing()
    assert await cy.typing() == ["ana"]


async def test_msg_14_typing_that_overtakes_a_removal_is_heard_by_nobody(house: House) -> None:
    house.members = {"ana", "bo", "cy"}
    bo, cy = await house.listen("bo"), await house.listen("cy")
    house.removed(5, "dan")
    house.type("ana", version=6)

    assert not await bo.typing()
    assert not await cy.typing()


async def test_typing_of_a_while_ago_is_not_told(house: House) -> None:
    house.members = {"ana", "bo"}
    bo = await house.listen("bo")
    house.type("ana", ago=timedelta(seconds=7))
    assert not await bo.typing()


async def test_gw_02_presence_is_told_to_direct_partners_only_and_only_when_it_changes(
    house: House,
) -> None:
    house.members = {"ana", "bo", "cy"}
    house.pairs = [("ana", "bo")]
    ana, bo, cy = [await house.listen(each) for each in ("ana", "bo", "cy")]

    house.notify("ana", ONLINE)
    house.notify("ana", ONLINE)
    house.notify("ana", AWAY)

    assert await bo.presence() == [("ana", ONLINE), ("ana", AWAY)]
    assert not await ana.presence()
    assert not await cy.presence()


async def test_who_reconnects_within_ten_seconds_was_never_gone(house: House) -> None:
    house.pairs = [("ana", "bo")]
    bo = await house.listen("bo")
    house.notify("ana", ONLINE)
    await bo.presence()

    house.notify("ana", OFFLINE)
    house.after(9)
    house.notify("ana", ONLINE)
    house.after(30)
    assert not await bo.presence()

    house.notify("ana", OFFLINE)
    house.after(9)
    assert not await bo.presence()
    house.after(1)
    assert await bo.presence() == [("ana", OFFLINE)]


async def test_who_is_silent_for_ninety_seconds_is_gone(house: House) -> None:
    house.pairs = [("ana", "bo")]
    bo = await house.listen("bo")
    house.notify("ana", AWAY)
    house.after(60)
    house.notify("ana", AWAY)
    house.after(89)
    assert await bo.presence() == [("ana", AWAY)]
    house.after(1)
    assert await bo.presence() == [("ana", OFFLINE)]
    house.notify("ana", ONLINE)
    assert await bo.presence() == [("ana", ONLINE)]


async def test_who_leaves_elsewhere_and_has_a_stream_here_is_not_gone(house: House) -> None:
    house.pairs = [("ana", "bo")]
    house.here = {"ana"}
    bo = await house.listen("bo")
    house.notify("ana", ONLINE)
    house.notify("ana", OFFLINE)
    house.after(20)
    assert await bo.presence() == [("ana", ONLINE)]


async def test_a_direct_conversation_that_begins_makes_both_watch(house: House) -> None:
    bo = await house.listen("bo")
    house.subscribers.paired("ana", "bo")
    house.notify("ana", ONLINE)
    assert await bo.presence() == [("ana", ONLINE)]

    person = house.subscribers.get("bo")
    assert person is not None
    house.subscribers.leave(person)
    assert not house.subscribers.with_direct("ana")


async def test_the_herald_tells_the_newest_and_tries_again_while_messaging_is_away() -> None:
    said: list[tuple[str, State]] = []
    down = asyncio.Event()

    async def say(who: Identity, state: State) -> None:
        if not down.is_set():
            raise DependencyDown(dependency="messaging")
        said.append((who.person_id, state))

    presence_publisher = PresencePublisher()
    presence_publisher.arrived(identity("ana"))
    presence_publisher.arrived(identity("bo"))
    resync_timer = asyncio.create_task(presence_publisher.run(say))
    await asyncio.sleep(0)
    presence_publisher.left(identity("ana"), announce=True)
    down.set()
    await eventually(lambda: {who for who, _ in said} == {"ana", "bo"}, within=30)

    assert said.count(("ana", OFFLINE)) == 1
    assert ("ana", ONLINE) not in said
    assert presence_publisher.contradict("bo", AWAY)
    assert not presence_publisher.contradict("ana", AWAY)
    await eventually(lambda: ("bo", AWAY) in said, within=30)
    presence_publisher.left(identity("bo"), announce=False)
    assert not presence_publisher.contradict("bo", AWAY)
    resync_timer.cancel()
    await asyncio.wait([resync_timer])
    assert ("bo", OFFLINE) not in said


# --- with a real messaging process and Kafka -----------------------------------------------------


class Voice:
    """Presence signals of one client."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._stub = SignalServiceStub(client.channel)

    async def type_in(self, conversation_id: str) -> None:
        request = SignalTypingRequest(conversation_id=conversation_id)
        await self._stub.SignalTyping(request, metadata=self._client.metadata)

    async def notify(self, state: State) -> None:
        request = SignalPresenceRequest(state=state)
        await self._stub.SignalPresence(request, metadata=self._client.metadata)

    async def look(self, *people: str) -> dict[str, int]:
        request = ListPresenceRequest(person_ids=people)
        answer = await self._stub.ListPresence(request, metadata=self._client.metadata)
        return {each.person_id: each.state for each in answer.presences}


def typists(client: Any, conversation_id: str) -> list[str]:
    return [
        signal.typing.person_id
        for signal in client.of("signal")
        if signal.typing.conversation_id == conversation_id
    ]


def shown(client: Any, person_id: str) -> list[int]:
    return [
        signal.presence.state
        for signal in client.of("signal")
        if signal.presence.person_id == person_id
    ]


async def until(condition: Callable[[], Any], again: Callable[[], Awaitable[None]]) -> None:
    """Repeat a signal until it arrives: signals may be lost."""

    async def heard() -> bool:
        await again()
        return bool(condition())

    await eventually(heard, within=30, every=0.3)


async def test_msg_14_typing_reaches_the_members_through_kafka_and_not_who_was_removed(
    gateway: Any,
) -> None:
    ana, bo, eve = [await gateway.client(each) for each in ("s_ana", "s_bo", "s_eve")]
    channel = await ana.create("s_bo", "s_cy")
    await eventually(lambda: bo.events(channel), within=30)

    await until(lambda: typists(bo, channel), lambda: Voice(ana).type_in(channel))
    assert set(typists(bo, channel)) == {"s_ana"}
    assert not typists(ana, channel)
    assert not eve.of("signal")

    await ana.remove(channel, "s_bo")
    cy = await gateway.client("s_cy")
    before = len(typists(bo, channel))
    await until(lambda: typists(cy, channel), lambda: Voice(ana).type_in(channel))
    assert len(typists(bo, channel)) == before
    assert not bo.of("resync")


async def test_presence_follows_streams_through_messaging(gateway: Any) -> None:
    ana = await gateway.client("p_ana")
    request = CreateConversationRequest(
        kind=conversations_pb2.Conversation.KIND_DIRECT, member_ids=["p_bo"]
    )
    await ana.messaging.CreateConversation(request, metadata=ana.metadata)

    bo = await gateway.client("p_bo")
    await eventually(lambda: ONLINE in shown(ana, "p_bo"), within=30)

    async def is_listed() -> bool:
        return await Voice(ana).look("p_bo", "p_stranger") == {"p_bo": ONLINE}

    await eventually(is_listed, within=30)
    await Voice(bo).notify(AWAY)
    await eventually(lambda: shown(ana, "p_bo") == [ONLINE, AWAY], within=30)

    await bo.close()
    await eventually(lambda: shown(ana, "p_bo") == [ONLINE, AWAY, OFFLINE], within=30)
    assert await Voice(ana).look("p_bo") == {"p_bo": OFFLINE}
