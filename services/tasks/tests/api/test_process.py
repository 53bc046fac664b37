import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.tasks.v1 import events_pb2
from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexus.tasks.v1.tasks_pb2 import Due, Task
from plexus.tasks.v1.tasks_service_pb2_grpc import TasksServiceStub
from plexus_testkit.variables import kafka_variables
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, KafkaSection
from plexuskit.grpc import METADATA_KEY, CallerSigner, CallerTokens, open_channel
from plexuskit.kafka import tail
from plexuskit.mongo import Database
from tasks.config import Settings


def environment(settings: Settings, kafka: KafkaSection) -> dict[str, str]:
    return {
        **os.environ,
        "TASKS_MONGO__URL": settings.mongo.url,
        "TASKS_MONGO__DATABASE": settings.mongo.database,
        **kafka_variables("tasks", kafka),
        "TASKS_GRPC__PORT": str(settings.grpc.port),
        "TASKS_PEERS__DIRECTORY": settings.peers.directory,
        "TASKS_CALLER__KEYS_FILE": str(settings.caller.keys_file),
        "TASKS_SCHEDULER__POLL_SECONDS": "0.1",
    }


@asynccontextmanager
async def running(
    *arguments: str, environment: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tasks", *arguments, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_provisioning_is_an_errand_that_can_be_repeated(
    db: Database, settings: Settings
) -> None:
    for _ in range(2):
        async with running(
            "--provision", environment=environment(settings, settings.kafka)
        ) as process:
            async with asyncio.timeout(60):
                assert await process.wait() == 0

    assert set(await db.collection_names()) == {
        "counters",
        "history",
        "lanes",
        "outbox",
        "people",
        "projects",
        "requests",
        "tasks",
    }


async def test_msg_04_the_whole_process_serves_announces_and_publishes_in_order(
    settings: Settings,
    kafka_section: KafkaSection,
    kafka_section_of: Callable[[str], KafkaSection],
    kafka_topics: Callable[..., Awaitable[Any]],
    caller_keys_of: Callable[[str], CallerSection],
) -> None:
    await kafka_topics("tasks.task.v1", "tasks.project.v1", "directory.person.v1")
    context = CallerContext(
        kind=CallerContext.KIND_PERSON,
        tenant_id="ten_a",
        person_id="per_ann",
        session_id="ses_ann",
        roles=["member"],
    )
    tokens = CallerTokens(CallerSigner(caller_keys_of("gateway")), context, clock=SystemClock())
    metadata = ((METADATA_KEY, tokens.for_audience("tasks")),)
    events: list[Envelope] = []

    async with (
        running(environment=environment(settings, kafka_section_of("tasks"))) as process,
        tail(kafka_section, ["tasks.task.v1"]) as records,
        open_channel(f"127.0.0.1:{settings.grpc.port}") as channel,
    ):

        async def read() -> None:
            async for batch in records:
                events.extend(record.envelope for record in batch)

        reading = asyncio.create_task(read())
        stub = TasksServiceStub(channel)
        past = Timestamp()
        past.FromDatetime(SystemClock().now())
        task = (
            await stub.CreateTask(
                pb.CreateTaskRequest(title="Order desks", due=Due(at=past)),
                metadata=metadata,
                timeout=20,
                wait_for_ready=True,
            )
        ).task
        await eventually(lambda: len(events) >= 2, within=30)
        await stub.MoveTask(
            pb.MoveTaskRequest(task_id=task.id, state=Task.STATE_DOING),
            metadata=metadata,
            timeout=10,
        )
        await eventually(lambda: len(events) >= 3, within=30)

        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await process.wait() == 0
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    kinds = [event.type.rpartition(".")[2] for event in events]
    assert kinds == ["TaskCreated", "TaskOverdue", "TaskChanged"]
    assert [event.change_no for event in events] == [1, 2, 3]
    assert {event.scope for event in events} == {task.id}
    assert events_pb2.TaskChanged.FromString(events[2].fact).task.state == Task.STATE_DOING
