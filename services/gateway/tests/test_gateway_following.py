"""The copy of memberships while facts come, do not come, and come again (GW-3, GW-4)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from gateway.access import Projection, ProjectionUpdater
from gateway.access.projection import OF_MESSAGING
from plexus.authz.v1.authority_pb2 import Relation, SnapshotRequest, SnapshotResponse
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.tasks.v1 import events_pb2, tasks_pb2
from plexus.topics import TASKS_PROJECT_V1, TASKS_TASK_V1
from plexus_access.objects import Object
from plexus_local.servers.ports import free_port
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.kafka import Record, producer
from plexuskit.service import Health

TENANT = "ten_a"
ROOM, TASK = Object("conversation", "cnv_1"), Object("task", "tsk_1")


class Owner:
    """Counts requests of its snapshot."""

    def __init__(self, *relations: Relation) -> None:
        self.asked = 0
        self.relations = list(relations)
        self.open = asyncio.Event()
        self.open.set()

    async def snapshot(self, _: SnapshotRequest) -> AsyncIterator[SnapshotResponse]:
        self.asked += 1
        relations = list(self.relations)
        await self.open.wait()
        yield SnapshotResponse(relations=relations)


def related(object_: Object, *people: str, version: int) -> Relation:
    return Relation(
        tenant_id=TENANT,
        object=str(object_),
        relation="member",
        subjects=[f"person:{each}" for each in people],
        version=version,
    )


def task(version: int, *people: str) -> Envelope:
    fact = events_pb2.TaskChanged(
        task=tasks_pb2.Task(
            id=TASK.id,
            version=version,
            owner_id=people[0],
            creator_id=people[0],
            assignee_ids=people,
        )
    )
    return Envelope(
        event_id=f"evt_{version}",
        tenant_id=TENANT,
        scope=TASK.id,
        change_no=version,
        entity_id=TASK.id,
        entity_version=version,
        type=fact.DESCRIPTOR.full_name,
        fact=fact.SerializeToString(),
    )


def record(value: bytes) -> Record:
    return Record(topic=TASKS_TASK_V1.name, partition=0, offset=1, key=TASK.id, value=value)


class House:
    """A projection and its sources."""

    def __init__(self, *, every: float = 0.01) -> None:
        self.projection, self.health = Projection(), Health()
        self.messaging, self.tasks = Owner(), Owner()
        self.following = ProjectionUpdater(
            self.projection,
            messaging=self.messaging.snapshot,
            tasks=self.tasks.snapshot,
            health=self.health,
            every=every,
        )

    def people(self, object_: Object) -> frozenset[str]:
        engine = self.projection.engine(TENANT)
        assert engine is not None
        return engine.state.members[object_].people

    def is_stale(self, object_: Object) -> bool:
        engine = self.projection.engine(TENANT)
        return engine is not None and engine.state.is_stale(object_)


@pytest.fixture
def no_kafka() -> KafkaSection:
    return KafkaSection(url=f"127.0.0.1:{free_port()}")


@pytest.mark.rule("GW-4")
async def test_gw_04_without_kafka_no_snapshot_is_asked_for_and_owners_decide_alone(
    no_kafka: KafkaSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.projection_updater.BACK_OFF", (0.001, 0.01))
    house, tries = House(), 0

    def count(*_: object, **__: object) -> None:
        nonlocal tries
        tries += 1

    monkeypatch.setattr(house.health, "set", count)
    running = [
        asyncio.create_task(house.following.follow(no_kafka)),
        asyncio.create_task(house.following.follow_members()),
    ]
    try:
        # Kafka was tried again and again, for longer than any interval.
        await eventually(lambda: tries >= 10, within=30)
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    assert (house.messaging.asked, house.tasks.asked) == (0, 0)
    assert not house.projection.knows("task")
    assert not house.projection.knows("conversation")


async def test_a_kafka_that_is_away_is_shown_and_leaves_the_gateway_ready(
    no_kafka: KafkaSection,
) -> None:
    house = House()
    running = asyncio.create_task(house.following.follow(no_kafka))
    try:
        await eventually(lambda: [each.name for each in house.health.checks()], within=30)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    (check,) = house.health.checks()
    assert (check.name, check.ok, check.required) == ("task_events", False, False)


@pytest.mark.rule("GW-3")
async def test_gw_03_facts_of_tasks_come_on_top_of_their_snapshot(
    kafka_section: KafkaSection, kafka_section_of: object, kafka_topics: object
) -> None:
    await kafka_topics(TASKS_TASK_V1.name, TASKS_PROJECT_V1.name)
    house = House()
    house.tasks.relations = [related(TASK, "ann", "bob", version=4)]
    house.tasks.open.clear()
    running = asyncio.create_task(house.following.follow(kafka_section_of("gateway")))
    try:
        await eventually(lambda: house.tasks.asked, within=60)
        # Bob is removed while the snapshot from before that is in transit.
        async with producer(kafka_section) as out:
            value = task(5, "ann").SerializeToString()
            await out.send_batch([(TASKS_TASK_V1.name, TASK.id, value, {})])
        await eventually(lambda: house.projection.engine(TENANT) is not None, within=30)
        house.tasks.open.set()
        await eventually(lambda: house.projection.knows("task"), within=30)
        assert house.people(TASK) == {"ann"}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_what_is_missing_of_a_task_is_asked_of_its_owner_and_loads_nothing() -> None:
    house = House()
    house.following.take([record(task(1, "ann").SerializeToString())])
    omitted = task(2, "ann", "bob")
    omitted.fact, omitted.omitted = b"", True

    house.following.take([record(omitted.SerializeToString())])
    assert house.is_stale(TASK)
    house.following.take([record(task(3, "ann", "bob").SerializeToString())])
    assert not house.is_stale(TASK)

    house.following.take([record(b"\xff")])
    assert house.is_stale(TASK)
    assert house.tasks.asked == 0


def test_a_fact_of_a_newer_tasks_service_is_skipped() -> None:
    house = House()
    house.following.take([record(task(1, "ann").SerializeToString())])
    newer = task(2, "bob")
    newer.type = "plexus.tasks.v1.TaskEstimated"

    house.following.take([record(newer.SerializeToString())])

    assert house.people(TASK) == {"ann"}
    assert not house.is_stale(TASK)


async def test_a_flood_of_losses_loads_the_memberships_once_in_a_while() -> None:
    house = House(every=3_600)
    running = asyncio.create_task(house.following.follow_members())
    try:
        for _ in range(100):
            house.following.missed()
            await asyncio.sleep(0)
        await eventually(lambda: house.messaging.asked)
        for _ in range(100):
            house.following.missed()
            await asyncio.sleep(0)
        assert house.messaging.asked == 1
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.rule("MSG-14")
async def test_msg_14_what_came_since_facts_flow_again_is_applied_on_the_snapshot() -> None:
    house = House()
    step = house.following.step
    step(TENANT, ROOM.id, version=1, joined=["ann", "bob"], left=[], begins=True)
    house.following.lost()
    # Number 5, which removed bob, is missed.
    house.following.missed()
    step(TENANT, ROOM.id, version=7, joined=["cem"], left=[], begins=False)
    house.messaging.relations = [related(ROOM, "ann", version=5)]
    running = asyncio.create_task(house.following.follow_members())
    try:
        await eventually(lambda: house.projection.knows("conversation"))
        assert house.people(ROOM) == {"ann", "cem"}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.rule("MSG-14")
def test_msg_14_the_owners_answer_about_one_conversation_ends_its_doubt() -> None:
    house = House()
    step = house.following.step
    step(TENANT, ROOM.id, version=1, joined=["ann"], left=[], begins=True)
    house.following.gap("", ROOM.id)
    step(TENANT, ROOM.id, version=7, joined=["cem"], left=[], begins=False)
    assert house.is_stale(ROOM)

    house.following.restored(TENANT, ROOM.id, version=5, people=["ann", "bob"])
    step(TENANT, ROOM.id, version=7, joined=["cem"], left=[], begins=False)

    assert not house.is_stale(ROOM)
    assert house.people(ROOM) == {"ann", "bob", "cem"}
    assert house.messaging.asked == 0
    assert not house.projection.knows(next(iter(OF_MESSAGING)))
