"""A gateway in this process, before a real messaging process, MongoDB and Kafka.

Directory stands at the outer seam: it knows everybody and publishes the key that tests sign tokens
with.
"""

import asyncio
import hashlib
import json
import os
import secrets
import signal
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from gateway import app
from gateway.config import HttpSection, LimitsSection, LiveSection, PeersSection, Settings
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey
from plexus.authz.v1 import authority_pb2, authority_pb2_grpc
from plexus.directory.v1 import session_service_pb2, session_service_pb2_grpc
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.session_service_pb2 import (
    Frame,
    Hello,
    Reauthenticate,
    SendItem,
    SessionRequest,
    SessionResponse,
)
from plexus.gateway.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1 import conversations_pb2, messaging_service_pb2
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub
from plexus_access.api_tokens import new_token
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection, KafkaSection
from plexuskit.grpc import CallerVerifier, open_channel, serve
from plexuskit.grpc.options import channel_options
from plexuskit.kafka import provision
from plexuskit.kafka.authorize import authorize
from plexuskit.kafka.grants import user_of
from plexuskit.service import Runtime
from plexuskit.testing.fixtures import kafka_names
from plexuskit.testing.servers import FoundKafka
from plexuskit.testing.servers.kafka import NativeKafka
from plexuskit.testing.servers.mongo import drop_database
from plexuskit.testing.servers.ports import free_port
from plexuskit.testing.variables import kafka_variables
from plexuskit.testing.wait import eventually

TENANT = "ten_acme"


class Directory(
    authority_pb2_grpc.AuthorityServicer, session_service_pb2_grpc.SessionServiceServicer
):
    """Knows everybody; ends the sessions that a test names."""

    def __init__(self) -> None:
        self.key = OKPKey.generate_key("Ed25519", {"kid": "k1", "use": "sig", "alg": "EdDSA"})
        self.ended: set[str] = set()
        # What a gateway is told of people and their roles at its start.
        self.facts: list[Envelope] = []
        self.api_tokens: dict[bytes, session_service_pb2.ResolveApiTokenResponse] = {}

    def api_token(self, person_id: str, *scopes: str) -> str:
        """Give an API token that directory knows; its id is `tok_` and the person."""
        token = new_token()
        found = session_service_pb2.ResolveApiTokenResponse(tenant_id=TENANT, roles=["member"])
        found.api_token.id = f"tok_{person_id}"
        found.api_token.person_id = person_id
        found.api_token.scopes.extend(scopes)
        found.api_token.expires_at.FromDatetime(SystemClock().now() + timedelta(days=1))
        self.api_tokens[hashlib.sha256(token.encode()).digest()] = found
        return token

    async def ResolveApiToken(  # noqa: N802 - the contract's name
        self, request: session_service_pb2.ResolveApiTokenRequest, _: Any
    ) -> session_service_pb2.ResolveApiTokenResponse:
        return self.api_tokens[request.token_hash]

    async def Recheck(  # noqa: N802 - the contract's name
        self, request: authority_pb2.RecheckRequest, _: Any
    ) -> authority_pb2.RecheckResponse:
        verdict = authority_pb2.Verdict(readable=True, version=1)
        return authority_pb2.RecheckResponse(verdicts=[verdict] * len(request.refs))

    async def Snapshot(  # noqa: N802 - the contract's name
        self, _: authority_pb2.SnapshotRequest, __: Any
    ) -> AsyncIterator[authority_pb2.SnapshotResponse]:
        yield authority_pb2.SnapshotResponse(facts=self.facts)

    async def GetSigningKeys(  # noqa: N802 - the contract's name
        self, _: session_service_pb2.GetSigningKeysRequest, __: Any
    ) -> session_service_pb2.GetSigningKeysResponse:
        keys = {"keys": [self.key.as_dict(private=False)]}
        return session_service_pb2.GetSigningKeysResponse(jwks_json=json.dumps(keys))

    async def FindEndedSessions(  # noqa: N802 - the contract's name
        self, request: session_service_pb2.FindEndedSessionsRequest, _: Any
    ) -> session_service_pb2.FindEndedSessionsResponse:
        return session_service_pb2.FindEndedSessionsResponse(
            ended_session_ids=self.ended & set(request.session_ids)
        )

    def token(
        self,
        person_id: str,
        *,
        session_id: str = "",
        roles: tuple[str, ...] = ("member",),
        life: timedelta = timedelta(minutes=15),
    ) -> str:
        """Give an access token as directory signs them."""
        now = int(SystemClock().now().timestamp())
        claims = {
            "iss": "plexus",
            "aud": "plexus-gateway",
            "sub": person_id,
            "tenant": TENANT,
            "sid": session_id or f"ses_{person_id}",
            "jti": secrets.token_hex(8),
            "roles": list(roles),
            "iat": now - 1,
            "nbf": now - 1,
            "exp": int(now + life.total_seconds()),
        }
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}
        with warnings.catch_warnings():
            # RFC 9864 prefers another name for the algorithm.
            warnings.simplefilter("ignore", SecurityWarning)
            return jws.serialize_compact(header, json.dumps(claims), self.key, algorithms=["EdDSA"])


class Messaging:
    """A messaging process that can be killed and started again on the same port."""

    def __init__(self, environment: dict[str, str], *, log: Path) -> None:
        self.port = free_port()
        self._environment = environment | {"MESSAGING_GRPC__PORT": str(self.port)}
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    def twin(self) -> "Messaging":
        """Give a second process on the same database, not started yet."""
        return Messaging(self._environment, log=self._log.with_suffix(".twin"))

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "messaging",
                env=os.environ | self._environment,
                stdout=log,
                stderr=log,
            )
        try:
            await eventually(self._answers, within=60)
        except BaseException:
            # Whatever stops the wait, a cancellation too: nobody else knows the process yet.
            await self.kill()
            raise

    async def kill(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()

    async def _answers(self) -> bool:
        async with open_channel(f"127.0.0.1:{self.port}") as channel, asyncio.timeout(60):
            await channel.channel_ready()
        return True


class World:
    """Everything that stands, and gateways and clients on request."""

    def __init__(
        self,
        *,
        directory: Directory,
        directory_port: int,
        messaging: Messaging,
        kafka: KafkaSection,
        own_kafka: KafkaSection,
        keys: CallerSection,
    ) -> None:
        self.directory = directory
        self.messaging = messaging
        self.kafka = kafka
        self.own_kafka = own_kafka
        self.keys = keys
        self.directory_port = directory_port
        self.limits = LimitsSection(enabled=False)

    def settings(self, *, port: int, messaging: str, **live: Any) -> Settings:
        nowhere = "127.0.0.1:9"
        return Settings(
            grpc=GrpcSection(port=port, drain_seconds=3),
            http=HttpSection(port=0),
            peers=PeersSection(
                directory=f"127.0.0.1:{self.directory_port}",
                messaging=messaging or f"127.0.0.1:{self.messaging.port}",
                tasks=nowhere,
                notify=nowhere,
                search=nowhere,
                audit=nowhere,
            ),
            kafka=self.own_kafka,
            caller=self.keys,
            live=LiveSection(**live),
            limits=self.limits,
        )

    @asynccontextmanager
    async def gateway(self, *, messaging: str = "", **live: Any) -> AsyncIterator["Gateway"]:
        """Run a gateway with live settings of the test's own."""
        runtime = Runtime(service="gateway", clock=SystemClock())
        port = free_port()
        async with app.api(self.settings(port=port, messaging=messaging, **live), runtime):
            gateway = Gateway(self, port, runtime)
            try:
                await eventually(lambda: _is_ok(runtime, "messaging_streams"), within=20)
                yield gateway
            finally:
                await gateway.close()
                runtime.stop()
                runtime.leave()
        await runtime.close()


def _is_ok(runtime: Runtime, check: str) -> bool:
    return any(each.name == check and each.ok for each in runtime.health.checks())


class Gateway:
    """A running gateway, and its clients."""

    def __init__(self, world: World, port: int, runtime: Runtime) -> None:
        self.world = world
        self.target = f"127.0.0.1:{port}"
        self.runtime = runtime
        self._stack = AsyncExitStack()
        self._channel: grpc.aio.Channel | None = None

    async def close(self) -> None:
        await self._stack.aclose()

    async def client(self, person_id: str, *, token: str = "", **options: Any) -> "Client":
        """Open a session and wait for its welcome."""
        client = self.unopened(person_id, token=token, **options)
        await client.open()
        await eventually(lambda: client.welcome)
        return client

    def unopened(self, person_id: str, *, token: str = "", **options: Any) -> "Client":
        channel = self._stack.push_async_exit  # closed with the gateway
        client = Client(
            self.target,
            person_id,
            token or self.world.directory.token(person_id),
            **options,
        )

        async def close(*_: object) -> None:
            await client.close()

        channel(close)
        return client


class Client:
    """A native client that keeps what it hears, and merges as the contract says."""

    def __init__(self, target: str, person_id: str, token: str, *, reading: bool = True) -> None:
        self.person_id = person_id
        # Its own connection with the smallest window: what is not read stays at the gateway.
        self.channel = grpc.aio.insecure_channel(
            target,
            options=[
                *channel_options(),
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.http2.bdp_probe", 0),
            ],
        )
        self.metadata = (("authorization", f"Bearer {token}"),)
        self.messaging = MessagingServiceStub(self.channel)
        self.call: Any = None
        self.frames: list[Frame] = []
        self.answers: dict[int, messaging_service_pb2.SendVerdict] = {}
        self.refs = 0
        self.error: grpc.aio.AioRpcError | None = None
        self.ended = asyncio.Event()
        self._reading = reading
        self._reader: asyncio.Task[None] | None = None

    async def open(self, *, device: str = "test") -> None:
        self.call = SessionServiceStub(self.channel).Session(metadata=self.metadata)
        # A refused call may have ended by now; the reader keeps what it ended with.
        with suppress(grpc.aio.AioRpcError):
            await self.call.write(SessionRequest(hello=Hello(device=device)))
        if self._reading:
            self.read_on()

    def read_on(self) -> None:
        self._reader = asyncio.create_task(self._read())

    async def close(self) -> None:
        if self.call is not None:
            self.call.cancel()
        if self._reader is not None:
            await asyncio.wait([self._reader])
        await self.channel.close()

    async def _read(self) -> None:
        try:
            response: SessionResponse
            async for response in self.call:
                for frame in response.frames:
                    self.frames.append(frame)
                    if frame.HasField("acknowledgement"):
                        ack = frame.acknowledgement
                        assert ack.client_ref not in self.answers
                        self.answers[ack.client_ref] = ack.verdict
        except grpc.aio.AioRpcError as error:
            self.error = error
        except asyncio.CancelledError:
            return
        finally:
            self.ended.set()

    async def create(self, *others: str, history: Any = 0) -> str:
        """Begin a group; gives its id."""
        answer = await self.messaging.CreateConversation(
            messaging_service_pb2.CreateConversationRequest(
                request_id=secrets.token_hex(8),
                kind=conversations_pb2.Conversation.KIND_GROUP,
                name="采购",
                member_ids=others,
                history=history,
            ),
            metadata=self.metadata,
        )
        return answer.conversation.id

    async def add(self, conversation_id: str, *people: str) -> None:
        await self.messaging.AddMembers(
            messaging_service_pb2.AddMembersRequest(
                request_id=secrets.token_hex(8),
                conversation_id=conversation_id,
                person_ids=people,
            ),
            metadata=self.metadata,
        )

    async def remove(self, conversation_id: str, *people: str) -> int:
        answer = await self.messaging.RemoveMembers(
            messaging_service_pb2.RemoveMembersRequest(
                request_id=secrets.token_hex(8),
                conversation_id=conversation_id,
                person_ids=people,
            ),
            metadata=self.metadata,
        )
        return answer.conversation.change_no

    async def changes(self, conversation_id: str, *, since: int = 0) -> list[Any]:
        """Fetch everything that changed after a number."""
        found: list[Any] = []
        while True:
            answer = await self.messaging.ListChanges(
                messaging_service_pb2.ListChangesRequest(
                    conversation_id=conversation_id, since=since, page_size=1000
                ),
                metadata=self.metadata,
            )
            found += answer.changes
            since = answer.through
            if not answer.has_more:
                return found

    def item(self, conversation_id: str, text: str, *, request_id: str = "") -> SendItem:
        self.refs += 1
        command = messaging_service_pb2.SendMessageRequest(
            conversation_id=conversation_id,
            request_id=request_id or secrets.token_hex(8),
            text=text,
        )
        return SendItem(
            client_ref=self.refs,
            conversation_id=conversation_id,
            command=command.SerializeToString(),
        )

    async def send_items(self, *items: SendItem) -> list[int]:
        await self.call.write(SessionRequest(sends=items))
        return [item.client_ref for item in items]

    async def send(self, conversation_id: str, *texts: str) -> list[int]:
        return await self.send_items(*(self.item(conversation_id, text) for text in texts))

    async def answered(self, refs: list[int], *, within: float = 20) -> list[Any]:
        await eventually(lambda: all(ref in self.answers for ref in refs), within=within)
        return [self.answers[ref] for ref in refs]

    async def reauthenticate(self, token: str) -> None:
        await self.call.write(SessionRequest(reauthenticate=Reauthenticate(access_token=token)))

    def of(self, kind: str) -> list[Any]:
        """Give the frames of one kind, in order."""
        return [getattr(f, kind) for f in self.frames if f.HasField(kind)]

    @property
    def welcome(self) -> Any:
        return next(iter(self.of("welcome")), None)

    def events(self, conversation_id: str) -> list[Any]:
        """Give the envelopes of a conversation, in the order that they came."""
        return [
            envelope
            for frame in self.of("events")
            if frame.conversation_id == conversation_id
            for envelope in frame.events
        ]

    def texts(self, conversation_id: str) -> list[str]:
        """Give what was said live, in the order that it came."""
        return [
            MessagePosted.FromString(envelope.fact).message.text
            for envelope in self.events(conversation_id)
            if envelope.type == "plexus.messaging.v1.MessagePosted"
        ]

    def through(self, conversation_id: str) -> int:
        """Give how far the live frames go without a hole, from the first one on."""
        held: int | None = None
        for frame in self.of("events"):
            if frame.conversation_id == conversation_id:
                assert held is None or frame.after <= held, "a hole without Resync"
                held = max(held or 0, frame.through)
        return held or 0


@pytest.fixture(scope="session")
def live_name() -> str:
    return f"t{secrets.token_hex(5)}"


@pytest.fixture(scope="session")
async def live_kafka(kafka_server: FoundKafka, live_name: str) -> AsyncIterator[KafkaSection]:
    async with kafka_names(kafka_server, prefix=f"{live_name}.") as section:
        await provision(section)
        yield section


@pytest.fixture(scope="session")
def live_database(mongo_url: str, live_name: str) -> Iterator[str]:
    yield live_name
    drop_database(mongo_url, live_name)


@asynccontextmanager
async def standing(
    kafka: KafkaSection,
    *,
    server: FoundKafka,
    mongo_url: str,
    database: str,
    keys_of: Callable[[str], CallerSection],
    log: Path,
) -> AsyncIterator[World]:
    """Start directory and messaging before a MongoDB and a Kafka."""

    def owned(service: str) -> KafkaSection:
        return server.section(user_of(service), topic_prefix=kafka.topic_prefix)

    directory = Directory()
    runtime = Runtime(service="directory", clock=SystemClock())
    servicers = [
        (authority_pb2_grpc.add_AuthorityServicer_to_server, directory),
        (session_service_pb2_grpc.add_SessionServiceServicer_to_server, directory),
    ]
    async with serve(
        GrpcSection(port=0, drain_seconds=0.1),
        service="directory",
        servicers=servicers,
        verifier=CallerVerifier(keys_of("directory"), "directory"),
        runtime=runtime,
    ) as port:
        messaging = Messaging(
            {
                "MESSAGING_MONGO__URL": mongo_url,
                "MESSAGING_MONGO__DATABASE": database,
                **kafka_variables("messaging", owned("messaging")),
                "MESSAGING_OPS__PORT": "0",
                "MESSAGING_LIMITS__SENDER_BURST": "1000000",
                "MESSAGING_CALLER__KEYS_FILE": str(keys_of("messaging").keys_file),
                "MESSAGING_PEERS__DIRECTORY": f"127.0.0.1:{port}",
            },
            log=log,
        )
        await messaging.start()
        try:
            yield World(
                directory=directory,
                directory_port=port,
                messaging=messaging,
                kafka=kafka,
                own_kafka=owned("gateway"),
                keys=keys_of("gateway"),
            )
        finally:
            await messaging.kill()
    await runtime.close()


@pytest.fixture(scope="session")
async def world(
    kafka_server: FoundKafka,
    mongo_url: str,
    live_kafka: KafkaSection,
    live_database: str,
    caller_keys_of: Callable[[str], CallerSection],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    async with standing(
        live_kafka,
        server=kafka_server,
        mongo_url=mongo_url,
        database=live_database,
        keys_of=caller_keys_of,
        log=tmp_path_factory.mktemp("messaging") / "log",
    ) as world:
        yield world


@pytest.fixture
async def own_kafka(tmp_path: Path) -> AsyncIterator[NativeKafka]:
    """A broker that the test may stop and start."""
    server = NativeKafka(data=tmp_path / "kafka", log=tmp_path / "kafka.log")
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)


@pytest.fixture
async def own_world(
    own_kafka: NativeKafka,
    mongo_url: str,
    unique_name: str,
    caller_keys_of: Callable[[str], CallerSection],
    tmp_path: Path,
) -> AsyncIterator[World]:
    """A world on a broker that the test may stop and start."""
    server = FoundKafka(own_kafka.url, own_kafka.administering, own_kafka.accounts)
    section = server.administering(topic_prefix=f"{unique_name}.")
    await authorize(section, {})
    await provision(section)
    try:
        async with standing(
            section,
            server=server,
            mongo_url=mongo_url,
            database=unique_name,
            keys_of=caller_keys_of,
            log=tmp_path / "messaging.log",
        ) as world:
            yield world
    finally:
        drop_database(mongo_url, unique_name)


@pytest.fixture
async def gateway(world: World) -> AsyncIterator[Gateway]:
    async with world.gateway(heartbeat_seconds=1, drain_seconds=0.5) as gateway:
        yield gateway
