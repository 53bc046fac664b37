"""A gateway in this process, before a real messaging process, MongoDB and Kafka.

Directory is a fake at the outer seam: it knows every person and publishes the key with which tests
sign tokens.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from plexus.authz.v1 import authority_pb2_grpc
from plexus.directory.v1 import session_service_pb2_grpc
from plexus_local.servers.kafka import NativeKafka
from plexus_local.servers.mongo import drop_database
from plexus_testkit.fixtures import kafka_names
from plexus_testkit.found import FoundKafka
from plexus_testkit.variables import kafka_variables
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection, KafkaSection
from plexuskit.grpc import CallerVerifier, serve
from plexuskit.kafka import provision
from plexuskit.kafka.authorize import authorize
from plexuskit.kafka.grants import user_of
from plexuskit.service import Runtime

from .owners_support import Directory, Messaging
from .world_support import Gateway, World


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
