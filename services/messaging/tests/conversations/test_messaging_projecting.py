"""People and departments from directory: its topics, its snapshot, and repeats of both."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from messaging.app import Store
from messaging.conversations.consumers import Handlers, following_directory
from messaging.conversations.domain.people import Department, Person
from messaging.conversations.domain.working_hours import DEFAULT, WorkingHours
from plexus.authz.v1 import authority_pb2, authority_pb2_grpc
from plexus.directory.v1 import events_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_testkit.wait import eventually
from plexuskit.config import CallerSection, GrpcSection, KafkaSection
from plexuskit.grpc import CallerSigner, CallerVerifier, channel, serve
from plexuskit.kafka import Record, dlq_depth, producer
from plexuskit.mongo import Database
from plexuskit.runtime import Runtime

TENANT = "ten_acme"
PEOPLE, DEPARTMENTS = "directory.person.v1", "directory.department.v1"
Provisioned = Callable[..., Awaitable[object]]


def told(fact: Any, entity: Any) -> Envelope:
    return Envelope(
        event_id=f"evt_{entity.id}_{entity.version}",
        tenant_id=TENANT,
        scope=entity.id,
        change_no=entity.version,
        entity_id=entity.id,
        entity_version=entity.version,
        type=fact.DESCRIPTOR.full_name,
        fact=fact.SerializeToString(),
    )


def person(name: str, *, version: int = 1, **fields: Any) -> Envelope:
    fields = {
        "time_zone": "Asia/Shanghai",
        "state": people_pb2.Person.STATE_ACTIVE,
        "kind": people_pb2.Person.KIND_HUMAN,
    } | fields
    message = people_pb2.Person(id=name, tenant_id=TENANT, version=version, **fields)
    return told(events_pb2.PersonChanged(person=message), message)


def department(name: str, *path: str, version: int = 1) -> Envelope:
    message = people_pb2.Department(id=name, tenant_id=TENANT, path=[*path, name], version=version)
    return told(events_pb2.DepartmentAdded(department=message), message)


def records(topic: str, *events: Envelope) -> list[Record]:
    return [
        Record(topic=topic, partition=0, offset=n, key=each.scope, value=each.SerializeToString())
        for n, each in enumerate(events)
    ]


class Directory(authority_pb2_grpc.AuthorityServicer):
    """Directory's contract at the outer seam: it returns the facts that a test provides."""

    def __init__(self) -> None:
        self.facts: dict[str, list[Envelope]] = {PEOPLE: [], DEPARTMENTS: []}
        self.asked: list[str] = []
        self.knows_snapshots = True

    async def Snapshot(  # noqa: N802 - the contract's name
        self, request: authority_pb2.SnapshotRequest, _: Any
    ) -> AsyncIterator[authority_pb2.SnapshotResponse]:
        self.asked += request.topics
        if self.knows_snapshots:
            for topic in request.topics:
                yield authority_pb2.SnapshotResponse(facts=self.facts[topic])
        yield authority_pb2.SnapshotResponse()


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def following(
    store: Store,
    directory: Directory,
    caller_keys_of: Callable[[str], CallerSection],
    kafka_section_of: Callable[[str], KafkaSection],
    runtime: Runtime,
) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Run the consumer before the directory of the test."""

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with (
            serve(
                GrpcSection(port=0, drain_seconds=0.1),
                service="directory",
                servicers=[(authority_pb2_grpc.add_AuthorityServicer_to_server, directory)],
                verifier=CallerVerifier(caller_keys_of("directory"), "directory"),
                runtime=runtime,
            ) as port,
            channel(
                f"127.0.0.1:{port}",
                audience="directory",
                signer=CallerSigner(caller_keys_of("messaging")),
                service="messaging",
            ) as to_directory,
            following_directory(
                store,
                authority_pb2_grpc.AuthorityStub(to_directory),
                probe=lambda: store.db.probe("messaging"),
                kafka=kafka_section_of("messaging"),
                runtime=runtime,
            ),
        ):
            yield

    return run


async def test_msg_04_an_older_state_never_wins_and_an_equal_one_is_written_again(
    store: Store, db: Database
) -> None:
    handlers = Handlers(store)
    night = people_pb2.WorkingHours(weekdays=[1])
    night.windows.add(start_minute=1320, end_minute=360)
    newest = person("ann", version=3, working_hours=night, department_ids=["dep_a"])
    await handlers.people(records(PEOPLE, person("ann", version=2), newest, person("ann")))
    await handlers.departments(
        records(DEPARTMENTS, department("dep_b", "dep_a", version=2), department("dep_b"))
    )

    expected = Person(
        id="ann",
        tenant_id=TENANT,
        active=True,
        is_app=False,
        time_zone="Asia/Shanghai",
        hours=WorkingHours((1,), ((1320, 360),)),
        department_ids=("dep_a",),
        version=3,
    )
    assert await store.people.find(["ann", "nobody"]) == {"ann": expected}
    assert await store.people.find_departments(["dep_b"]) == {
        "dep_b": Department(id="dep_b", tenant_id=TENANT, path=("dep_a", "dep_b"), version=2)
    }

    # A projection of an earlier release lacked the departments.
    people = db.collection("people", schema_version=1)
    await people.update({"_id": "ann"}, {"$set": {"department_ids": []}})
    await handlers.people(records(PEOPLE, newest))
    assert await store.people.find(["ann"]) == {"ann": expected}


async def test_ntf_03_facts_from_before_there_were_working_hours_mean_the_default(
    store: Store,
) -> None:
    await Handlers(store).people(records(PEOPLE, person("ann")))
    assert (await store.people.find(["ann"]))["ann"].hours == DEFAULT


async def test_gw_03_the_departments_of_a_person_are_those_above_too(store: Store) -> None:
    handlers = Handlers(store)
    await handlers.departments(
        records(
            DEPARTMENTS,
            department("dep_a"),
            department("dep_b", "dep_a"),
            department("dep_c", "dep_a", "dep_b"),
            department("dep_x"),
        )
    )
    await handlers.people(
        records(
            PEOPLE,
            person("ann", department_ids=["dep_c", "dep_x"]),
            person("bob"),
            person("cem", department_ids=["dep_new"]),
        )
    )
    assert set(await store.people.above("ann")) == {"dep_a", "dep_b", "dep_c", "dep_x"}
    assert await store.people.above("bob") == ()
    assert await store.people.above("cem") == ("dep_new",)
    assert await store.people.above("nobody") == ()
    assert await store.people.below(["dep_b"]) == {"dep_b", "dep_c"}


async def test_a_projection_fills_from_the_snapshot_and_goes_on_with_the_topics(
    store: Store,
    directory: Directory,
    following: Any,
    runtime: Runtime,
    kafka_section: KafkaSection,
    kafka_topics: Provisioned,
) -> None:
    await kafka_topics(PEOPLE, DEPARTMENTS)
    # Facts that the topics no longer hold.
    directory.facts[PEOPLE] = [person("ann", version=7, department_ids=["dep_a"]), person("bob")]
    directory.facts[DEPARTMENTS] = [department("dep_a")]
    async with producer(kafka_section) as out, following():

        async def publish(topic: str, *events: Envelope) -> None:
            batch = [(topic, each.scope, each.SerializeToString(), {}) for each in events]
            await out.send_batch(batch)

        async def known() -> bool:
            people = await store.people.find(["ann", "bob"])
            return len(people) == 2 and bool(await store.people.find_departments(["dep_a"]))

        await eventually(known, within=30)
        assert directory.asked == [DEPARTMENTS, PEOPLE]
        await publish(PEOPLE, person("ann", version=6), person("cem"))
        await publish(DEPARTMENTS, department("dep_b", "dep_a"))

        async def caught_up() -> bool:
            people = await store.people.find(["cem"])
            return bool(people) and bool(await store.people.find_departments(["dep_b"]))

        await eventually(caught_up, within=40)
        assert (await store.people.find(["ann"]))["ann"].version == 7
        assert _check(runtime, "snapshot.directory")


async def test_what_cannot_be_read_is_a_dead_letter_and_a_missing_directory_no_stop(
    store: Store,
    caller_keys_of: Callable[[str], CallerSection],
    runtime: Runtime,
    kafka_section: KafkaSection,
    kafka_section_of: Callable[[str], KafkaSection],
    kafka_topics: Provisioned,
) -> None:
    await kafka_topics(PEOPLE, DEPARTMENTS)
    broken = person("bad")
    broken.fact = b"\xff\xff"
    async with (
        producer(kafka_section) as out,
        channel(
            "127.0.0.1:9",
            audience="directory",
            signer=CallerSigner(caller_keys_of("messaging")),
            service="messaging",
        ) as nowhere,
        following_directory(
            store,
            authority_pb2_grpc.AuthorityStub(nowhere),
            probe=lambda: store.db.probe("messaging"),
            kafka=kafka_section_of("messaging"),
            runtime=runtime,
        ),
    ):
        await out.send_batch(
            [(PEOPLE, each.scope, each.SerializeToString(), {}) for each in (broken, person("ann"))]
        )

        async def ann_is_known() -> bool:
            return bool(await store.people.find(["ann"]))

        async def buried() -> bool:
            return await dlq_depth(kafka_section, "messaging.people") == 1

        await eventually(ann_is_known, within=40)
        await eventually(buried, within=30)
        assert not _check(runtime, "snapshot.directory")
        assert runtime.health.ready


def _check(runtime: Runtime, name: str) -> bool:
    return next(each.ok for each in runtime.health.checks() if each.name == name)
