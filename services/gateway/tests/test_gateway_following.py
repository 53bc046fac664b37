"""The copy of the relations while Kafka is away: owners are asked again and again (GW-3, GW-4)."""

import asyncio

import pytest
from gateway.access import Following, Projection, following
from plexus.authz.v1.authority_pb2 import SnapshotResponse
from plexuskit.config import KafkaSection
from plexuskit.service import Health
from plexuskit.testing.servers.ports import free_port
from plexuskit.testing.wait import eventually


class Owner:
    """Counts how often it is asked, and knows nothing."""

    def __init__(self):
        self.asked = 0

    async def snapshot(self, request):
        self.asked += not request.topics or request.topics[0].startswith("directory.person")
        yield SnapshotResponse()


@pytest.fixture
def no_kafka():
    return KafkaSection(url=f"127.0.0.1:{free_port()}")


async def test_gw_04_without_kafka_owners_are_asked_for_as_long_as_it_is_away(
    no_kafka, monkeypatch
):
    monkeypatch.setattr(following, "ASKED_EVERY", 0.05)
    monkeypatch.setattr(following, "BACK_OFF", (0.001, 0.01))
    directory, messaging, tasks, health = Owner(), Owner(), Owner(), Health()
    feed = Following(
        Projection(),
        directory=directory.snapshot,
        messaging=messaging.snapshot,
        tasks=tasks.snapshot,
        health=health,
    )
    running = [
        asyncio.create_task(feed.follow(no_kafka)),
        asyncio.create_task(feed.follow_members()),
    ]
    try:
        # More often than there are doublings of the pause.
        await eventually(lambda: directory.asked >= 15, within=30)
        await eventually(lambda: messaging.asked and tasks.asked)
        assert next(each for each in health.checks() if each.name == following.CHECK).ok
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
