import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.search.v1.search_service_pb2_grpc import SearchServiceStub
from plexus_testkit.variables import kafka_variables
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.grpc import open_channel
from search.config import Settings
from search.store import Store, connect


def environment(settings: Settings, kafka: KafkaSection, *, prefix: str) -> dict[str, str]:
    return {
        **os.environ,
        "SEARCH_OPENSEARCH__URL": settings.opensearch.url,
        "SEARCH_OPENSEARCH__INDEX_PREFIX": prefix,
        **kafka_variables("search", kafka),
        "SEARCH_GRPC__PORT": str(settings.grpc.port),
        "SEARCH_OPS__PORT": "0",
        "SEARCH_CALLER__KEYS_FILE": str(settings.caller.keys_file),
        **{
            f"SEARCH_PEERS__{name.upper()}": target
            for name, target in settings.peers.model_dump().items()
        },
    }


@asynccontextmanager
async def running(
    *arguments: str, env: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "search", *arguments, env=env
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_process_provisions_serves_indexes_and_stops_when_told(
    settings: Settings,
    own_store: Store,
    kafka_section_of: Callable[[str], KafkaSection],
    kafka_topics: Callable[..., Awaitable[Any]],
    signed_in: Callable[..., Any],
) -> None:
    await kafka_topics("messaging.conversation.v1", "tasks.task.v1", "directory.person.v1")
    prefix = f"{own_store.section.index_prefix}run-"
    env = environment(settings, kafka_section_of("search"), prefix=prefix)
    for _ in range(2):
        async with running("--provision", env=env) as process, asyncio.timeout(30):
            assert await process.wait() == 0

    section = own_store.section.model_copy(update={"index_prefix": prefix})
    async with (
        running(env=env) as process,
        connect(section) as client,
        open_channel(f"127.0.0.1:{settings.grpc.port}") as channel,
    ):
        store = Store(client, section)
        await eventually(store.progress, within=30)
        response = await SearchServiceStub(channel).Search(
            SearchRequest(query="nothing"),
            metadata=signed_in("ann"),
            timeout=20,
            wait_for_ready=True,
        )
        assert response.total == 0

        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await process.wait() == 0
