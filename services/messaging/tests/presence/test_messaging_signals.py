"""SignalService over real sockets, MongoDB and Kafka: several processes, and none at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from messaging import app
from messaging.app import SERVICE
from messaging.config import PeersSection, Settings
from messaging.conversations.operations.members import add_members, remove_members
from messaging.log.domain.states import Role
from messaging.messages.operations.messages import send_message
from messaging.presence.api import SignalApi
from messaging.presence.consumers import follow_presence
from messaging.presence.operations.presence import Presences
from messaging.presence.operations.signals import Signals
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import signal_service_pb2 as pb
from plexus.messaging.v1.events_pb2 import PresenceChanged, Typing
from plexus.messaging.v1.signal_service_pb2_grpc import (
    SignalServiceStub,
    add_SignalServiceServicer_to_server,
)
from plexus_testkit.companies import Company
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection, KafkaSection, MongoSection
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    open_channel,
    refused,
    serve,
)
from plexuskit.kafka import Outgoing, best_effort_producer, tail
from plexuskit.mongo import Database
from plexuskit.service import Runtime

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
TOPIC = "messaging.signal.v1"
ONLINE, AWAY, OFFLINE = pb.Presence.STATE_ONLINE, pb.Presence.STATE_AWAY, pb.Presence.STATE_OFFLINE
Provisioned = Callable[..., Awaitable[object]]
SectionOf = Callable[[str], KafkaSection]


class Outlet:
    """Keeps what leaves."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    def offer(self, record: Outgoing) -> None:
        self.records.append(record)

    @property
    def typing(self) -> list[Typing]:
        return [
            Typing.FromString(envelope.fact)
            for envelope in map(Envelope.FromString, (value for _, _, value, _ in self.records))
            if envelope.type.endswith("Typing")
        ]

    @property
    def states(self) -> list[int]:
        return [
            PresenceChanged.FromString(envelope.fact).presence.state
            for envelope in map(Envelope.FromString, (value for _, _, value, _ in self.records))
            if envelope.type.endswith("PresenceChanged")
        ]


class Process:
    """One process of messaging that serves signals."""

    def __init__(self, stub: SignalServiceStub, signed: Callable[[str], Any]) -> None:
        self._stub = stub
        self._signed = signed

    async def type_in(self, who: str, conversation: str, **fields: Any) -> None:
        request = pb.SignalTypingRequest(conversation_id=conversation, **fields)
        await self._stub.SignalTyping(request, metadata=self._signed(who))

    async def publish(self, who: str, state: Any) -> None:
        request = pb.SignalPresenceRequest(state=state)
        await self._stub.SignalPresence(request, metadata=self._signed(who))

    async def look(self, who: str, *people: str) -> dict[str, int]:
        request = pb.ListPresenceRequest(person_ids=people)
        answer = await self._stub.ListPresence(request, metadata=self._signed(who))
        return {each.person_id: each.state for each in answer.presences}


@pytest.fixture
def processes(store, caller_keys_of, caller_keys, runtime):
    """Start a process on an outlet and a Kafka of the test's own, as often as asked."""

    def signed(name: str) -> Any:
        context = CallerContext(
            kind=CallerContext.KIND_PERSON,
            tenant_id="ten_acme",
            person_id=name,
            session_id=f"ses_{name}",
            roles=["member"],
        )
        tokens = CallerTokens(CallerSigner(caller_keys), context, clock=SystemClock())
        return ((METADATA_KEY, tokens.for_audience(SERVICE)),)

    @asynccontextmanager
    async def start(*, outlet: Any = None, kafka: KafkaSection | None = None) -> AsyncIterator[Any]:
        presences = Presences()
        async with AsyncExitStack() as stack:
            if kafka is not None:
                outlet = outlet or await stack.enter_async_context(
                    best_effort_producer(kafka, runtime=runtime)
                )
                following = follow_presence(presences, kafka=kafka, runtime=runtime)
                await stack.enter_async_context(runtime.background("presence", following))
            api = SignalApi(store, Signals(outlet), presences, clock=runtime.clock)
            port = await stack.enter_async_context(
                serve(
                    GrpcSection(port=0, drain_seconds=0.1),
                    service=SERVICE,
                    servicers=[(add_SignalServiceServicer_to_server, api)],
                    verifier=CallerVerifier(caller_keys_of("messaging"), SERVICE),
                    runtime=runtime,
                )
            )
            channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}"))
            yield Process(SignalServiceStub(channel), signed)

    return start


async def refusal(call: Awaitable[object]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return str(getattr(refused(raised.value), "reason", ""))


async def test_msg_14_only_a_member_is_heard_to_type(processes, group, log, say) -> None:
    room, outlet = await group("ann", "bob"), Outlet()
    for number in range(3):
        await send_message(log, new_message=say(room, "ann", f"root {number}"))
    async with processes(outlet=outlet) as process:
        await process.type_in("ann", room, root_seq=3)
        assert await refusal(process.type_in("eve", room)) == "CONVERSATION_NOT_FOUND"
        assert await refusal(process.type_in("ann", "cnv_none")) == "CONVERSATION_NOT_FOUND"

    (told,) = outlet.typing
    assert (told.person_id, told.conversation_id, told.root_seq) == ("ann", room, 3)
    topic, key, value, _ = outlet.records[0]
    assert (topic, key) == (TOPIC, room)
    assert Envelope.FromString(value).membership_version == 1


async def test_msg_15_nobody_is_heard_to_type_in_a_thread_that_they_cannot_see(
    processes, group, log, say, person, people
) -> None:
    room, outlet = await group("ann", "bob"), Outlet()
    await send_message(log, new_message=say(room, "ann", "root"))
    await send_message(log, new_message=say(room, "ann", "reply", reply_to_seq=1))
    await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["carol"],
        role=Role.MEMBER,
        now=NOW,
    )
    async with processes(outlet=outlet) as process:
        assert await refusal(process.type_in("ann", room, root_seq=3)) == "MESSAGE_NOT_FOUND"
        assert await refusal(process.type_in("ann", room, root_seq=2)) == "MESSAGE_NOT_FOUND"
        assert await refusal(process.type_in("carol", room, root_seq=1)) == "MESSAGE_NOT_FOUND"
    assert not outlet.records


async def test_gw_13_a_person_is_heard_in_three_threads_of_a_conversation_at_once(
    processes, group, log, say
) -> None:
    rooms, outlet = [await group("ann", "bob") for _ in range(2)], Outlet()
    for number in range(9):
        await send_message(log, new_message=say(rooms[0], "ann", f"root {number}"))
    async with processes(outlet=outlet) as process:
        # Also concurrent ones, while the first of them are being looked up.
        calls = [process.type_in("ann", rooms[0], root_seq=number) for number in range(10)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        refused_with = [
            getattr(refused(each), "reason", "")
            for each in outcomes
            if isinstance(each, grpc.aio.AioRpcError)
        ]
        assert refused_with == ["TYPING_IN_TOO_MANY_THREADS"] * 7
        assert len(outlet.typing) == 3
        # Others, and other conversations, have their own.
        await process.type_in("bob", rooms[0], root_seq=9)
        await process.type_in("ann", rooms[1])

        async def heard_again() -> bool:
            try:
                await process.type_in("ann", rooms[0], root_seq=9)
            except grpc.aio.AioRpcError:
                return False
            return True

        await eventually(heard_again, within=5)


async def test_msg_14_a_removal_by_another_process_silences_at_once(
    processes, group, log, person
) -> None:
    room, outlet = await group("ann", "bob"), Outlet()
    async with processes(outlet=outlet) as process:
        await remove_members(
            log, actor=person("ann"), conversation_id=room, person_ids=["bob"], now=NOW
        )
        assert await refusal(process.type_in("bob", room)) == "CONVERSATION_NOT_FOUND"
    assert not outlet.records


async def test_signals_of_one_subject_leave_once_a_second_and_the_last_word_stands(
    processes, group
) -> None:
    room, outlet = await group("ann", "bob"), Outlet()
    async with processes(outlet=outlet) as process:
        for _ in range(5):
            await process.type_in("ann", room)
        await process.type_in("ann", room, stopped=True)
        await process.type_in("bob", room)
        assert [(each.person_id, each.stopped) for each in outlet.typing] == [
            ("ann", False),
            ("bob", False),
        ]
        await eventually(lambda: len(outlet.typing) == 3, within=5)
        assert (outlet.typing[2].person_id, outlet.typing[2].stopped) == ("ann", True)

        for state in (ONLINE, AWAY, ONLINE, AWAY):
            await process.publish("ann", state)
        await eventually(lambda: outlet.states == [ONLINE, AWAY], within=5)


async def test_presence_needs_a_state(processes) -> None:
    async with processes(outlet=Outlet()) as process:
        assert await refusal(process.publish("ann", 0)) == "INVALID_ARGUMENT"
        many = [f"per_{number}" for number in range(201)]
        assert await refusal(process.look("ann", *many)) == "INVALID_ARGUMENT"


async def test_every_process_tells_the_same_presence_also_one_that_starts_later(
    processes, group, kafka_section_of: SectionOf, kafka_topics: Provisioned
) -> None:
    await kafka_topics(TOPIC)
    kafka = kafka_section_of("messaging")
    await group("ann", "bob", "cem")
    everybody = ("ann", "bob", "cem")
    expected = {"ann": OFFLINE, "bob": ONLINE, "cem": AWAY}
    async with processes(kafka=kafka) as first, processes(kafka=kafka) as second:
        await first.publish("bob", ONLINE)
        await second.publish("cem", AWAY)

        async def agreed(process: Process) -> bool:
            return await process.look("ann", *everybody) == expected

        await eventually(lambda: agreed(first), within=30)
        await eventually(lambda: agreed(second), within=30)
        async with processes(kafka=kafka) as third:
            await eventually(lambda: agreed(third), within=30)


async def test_gw_02_presence_of_strangers_is_left_out(
    processes, group, log, person, kafka_section_of: SectionOf, kafka_topics: Provisioned
) -> None:
    await kafka_topics(TOPIC)
    kafka = kafka_section_of("messaging")
    room = await group("ann", "bob")
    async with processes(kafka=kafka) as process:
        await process.publish("bob", ONLINE)

        async def seen(by: str) -> dict[str, int]:
            return await process.look(by, "bob", "per_none")

        async def bob_is_online() -> bool:
            return await seen("ann") == {"bob": ONLINE}

        await eventually(bob_is_online, within=30)
        assert await seen("eve") == {}
        await remove_members(
            log, actor=person("ann"), conversation_id=room, person_ids=["bob"], now=NOW
        )
        assert await seen("ann") == {}


async def test_msg_02_without_kafka_signals_are_answered_at_once_and_dropped(
    processes, group
) -> None:
    rooms = [await group("ann", "bob") for _ in range(20)]
    async with processes(kafka=KafkaSection(url="127.0.0.1:9")) as process, asyncio.timeout(60):
        for number in range(200):
            await process.type_in("ann", rooms[number % 20])
            await process.publish("ann", ONLINE)
        assert await process.look("bob", "ann") == {"ann": OFFLINE}


async def test_what_leaves_is_on_the_topic_by_conversation_and_person(
    processes, group, kafka_section_of: SectionOf, kafka_topics: Provisioned
) -> None:
    await kafka_topics(TOPIC)
    kafka = kafka_section_of("messaging")
    room = await group("ann", "bob")
    async with tail(kafka, [TOPIC]) as seen, processes(kafka=kafka) as process:
        keys: set[str] = set()

        async def read() -> None:
            async for records in seen:
                keys.update(record.key for record in records)

        async def both_have_come() -> bool:
            # A signal that cannot leave within seconds is dropped; its client repeats it.
            await process.type_in("ann", room)
            await process.publish("ann", ONLINE)
            return keys == {room, "ann"}

        reading = asyncio.create_task(read())
        try:
            await eventually(both_have_come, within=60, every=0.5)
        finally:
            reading.cancel()


@pytest.fixture
async def directory() -> AsyncIterator[str]:
    async with Company().directory() as address:
        yield address


async def test_msg_02_the_api_role_is_ready_and_quick_while_kafka_is_down(
    mongo_url: str,
    db: Database,
    caller_keys_of: Callable[[str], CallerSection],
    runtime: Runtime,
    directory: str,
) -> None:
    settings = Settings(
        mongo=MongoSection(url=mongo_url, database=db.name),
        kafka=KafkaSection(url="127.0.0.1:9"),
        grpc=GrpcSection(port=0, drain_seconds=0.1),
        caller=caller_keys_of("messaging"),
        peers=PeersSection(directory=directory),
    )
    async with asyncio.timeout(60), app.api(settings, runtime):
        await eventually(lambda: runtime.health.ready, within=30)

        def shown() -> bool:
            return any(each.name == "presence" and not each.ok for each in runtime.health.checks())

        await eventually(shown, within=30)
        assert runtime.health.ready
