import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from notify.config import PeersSection, Settings
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.notify.v1 import events_pb2
from plexus.notify.v1 import notify_service_pb2 as pb
from plexus.notify.v1.notify_service_pb2_grpc import NotifyServiceStub
from plexus_testkit.variables import kafka_variables
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import KafkaSection
from plexuskit.grpc import open_channel
from plexuskit.kafka import producer, tail
from plexuskit.mongo import Database


def environment(
    settings: Settings, *, kafka: KafkaSection, peers: PeersSection, smtp: int
) -> dict[str, str]:
    return {
        **os.environ,
        "NOTIFY_MONGO__URL": settings.mongo.url,
        "NOTIFY_MONGO__DATABASE": settings.mongo.database,
        **kafka_variables("notify", kafka),
        "NOTIFY_GRPC__PORT": str(settings.grpc.port),
        "NOTIFY_CALLER__KEYS_FILE": str(settings.caller.keys_file),
        "NOTIFY_PEERS__DIRECTORY": peers.directory,
        "NOTIFY_PEERS__MESSAGING": peers.messaging,
        "NOTIFY_PEERS__TASKS": peers.tasks,
        "NOTIFY_SMTP__URL": f"smtp://127.0.0.1:{smtp}",
        "NOTIFY_SMTP__SENDER": "plexus@example.com",
        "NOTIFY_DELIVERY__POLL_SECONDS": "0.1",
        "NOTIFY_REMINDERS__BEFORE": "PT2H",
    }


@asynccontextmanager
async def running(
    *arguments: str, environment: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "notify", *arguments, env=environment
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
    told = environment(settings, kafka=settings.kafka, peers=settings.peers, smtp=1)
    for _ in range(2):
        async with running("--provision", environment=told) as process:
            async with asyncio.timeout(60):
                assert await process.wait() == 0
    assert set(await db.collection_names()) == {
        "claims",
        "conversation_members",
        "conversations",
        "cursors",
        "mutes",
        "notifications",
        "outbox",
        "people",
        "preferences",
        "reminders",
        "tasks",
    }


async def test_the_whole_process_hears_shows_mails_reminds_and_publishes(
    settings: Settings,
    kafka_section: KafkaSection,
    kafka_section_of: Callable[[str], KafkaSection],
    kafka_topics: Callable[..., Awaitable[Any]],
    peers: tuple[Any, PeersSection],
    caller_at: Callable[..., Any],
    facts: Any,
    sink: Any,
) -> None:
    await kafka_topics()
    authority, addresses = peers
    hidden = facts.message("撤回前的话", seq=2, mentions=("bo",))
    authority.hidden.add(hidden.id)
    soon = facts.due(SystemClock().now() + timedelta(hours=1))
    events: list[Envelope] = []

    async with (
        running(
            environment=environment(
                settings, kafka=kafka_section_of("notify"), peers=addresses, smtp=sink.port
            )
        ) as process,
        tail(kafka_section, ["notify.notification.v1"]) as records,
        producer(kafka_section) as out,
        open_channel(f"127.0.0.1:{settings.grpc.port}") as channel,
    ):

        async def publish(*published: Any) -> None:
            await out.send_batch([(each.topic, each.key, each.value, {}) for each in published])

        async def read() -> None:
            async for batch in records:
                events.extend(record.envelope for record in batch)

        reading = asyncio.create_task(read())
        await publish(*(facts.person(name) for name in ("ann", "bo")))
        await publish(facts.conversation("ann", "bo"))
        bo = caller_at(NotifyServiceStub(channel), "bo")
        await bo.GetPreferences(pb.GetPreferencesRequest())
        await asyncio.sleep(0)
        await publish(
            facts.posted(facts.message(mentions=("bo",))),
            facts.posted(hidden),
            facts.task_created(facts.task(owner_id="per_bo", assignee_ids=["per_bo"], due=soon)),
        )

        async def all_settled() -> Any:
            inbox = await bo.ListNotifications(pb.ListNotificationsRequest())
            reasons = sorted(each.deliveries[1].reason for each in inbox.notifications)
            return inbox if len(reasons) == 4 and "QUEUED" not in reasons else None

        inbox = await eventually(all_settled, within=90)
        auditor = caller_at(NotifyServiceStub(channel), "auditor")
        status = await auditor.GetNotifyStatus(pb.GetNotifyStatusRequest())
        await eventually(lambda: len(events) >= 8, within=30)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await process.wait() == 0
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    by_reason = sorted((each.kind, each.deliveries[1].reason) for each in inbox.notifications)
    assert by_reason == [
        (1, "ACCEPTED_BY_SERVER"),
        (1, "ACCESS_LOST"),
        (3, "ACCEPTED_BY_SERVER"),
        (4, "ACCEPTED_BY_SERVER"),
    ]
    assert sink.recipients == ["bo@example.com"] * 3
    assert (status.notifications, status.deliveries, status.dead_letters) == (4, 8, 0)
    assert inbox.unread == 4
    for notification in inbox.notifications:
        own = [event for event in events if event.scope == notification.id]
        assert [event.change_no for event in own] == [1, 2]
        last = events_pb2.NotificationChanged.FromString(own[-1].fact).notification
        assert last == notification
    refs = {(ref.kind, ref.container_id, ref.seq) for ref in authority.asked}
    assert refs == {("message", "cnv_group", 1), ("message", "cnv_group", 2), ("task", "", 0)}
