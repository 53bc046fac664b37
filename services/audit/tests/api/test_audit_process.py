import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from audit.config import Settings
from plexus.audit.v1.audit_service_pb2 import VerifyAuditRequest
from plexus.audit.v1.audit_service_pb2_grpc import AuditServiceStub
from plexus.topics import AUDIT_DECISIONS, AUDIT_FACTS
from plexus_testkit.variables import kafka_variables
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.grpc import open_channel
from plexuskit.kafka import producer


@asynccontextmanager
async def running(
    *arguments: str, settings: Settings, kafka: KafkaSection
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        **os.environ,
        "AUDIT_MONGO__URL": settings.mongo.url,
        "AUDIT_MONGO__DATABASE": settings.mongo.database,
        **kafka_variables("audit", kafka),
        "AUDIT_GRPC__PORT": str(settings.grpc.port),
        "AUDIT_OPS__PORT": "0",
        "AUDIT_CALLER__KEYS_FILE": str(settings.caller.keys_file),
        **{f"AUDIT_PEERS__{k.upper()}": v for k, v in settings.peers.model_dump().items()},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "audit", *arguments, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.usefixtures("told_auditors")
async def test_the_process_provisions_records_serves_and_stops_when_told(
    settings: Settings,
    kafka_section: KafkaSection,
    kafka_section_of: Callable[[str], KafkaSection],
    kafka_topics: Callable[..., Awaitable[Any]],
    token: Callable[..., Any],
    facts: Any,
) -> None:
    await kafka_topics(*AUDIT_FACTS.topics, *AUDIT_DECISIONS.topics)
    async with running(
        "--provision", settings=settings, kafka=kafka_section_of("audit")
    ) as process:
        async with asyncio.timeout(30):
            assert await process.wait() == 0

    told = facts.person("per_bo")
    async with producer(kafka_section) as out:
        await out.send_batch([("directory.person.v1", "per_bo", told.SerializeToString(), {})])
    async with (
        running(settings=settings, kafka=kafka_section_of("audit")) as process,
        open_channel(f"127.0.0.1:{settings.grpc.port}") as channel,
    ):
        stub = AuditServiceStub(channel)

        async def verified() -> int:
            response = await stub.VerifyAudit(
                VerifyAuditRequest(), metadata=token("ann"), timeout=20, wait_for_ready=True
            )
            return int(response.verified)

        assert await eventually(verified, within=30) == 1

        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await process.wait() == 0
