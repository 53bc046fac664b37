"""Sources of a current replica: directory's snapshot, its topics, and neither (GW-4, GW-10)."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import grpc
import pytest
from plexus.authz.v1.authority_pb2 import SnapshotResponse
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import DIRECTORY_ACCESS_V1
from plexus_access import repairing
from plexus_access.decisions import Asker, Decisions
from plexus_access.feeding import ASKED_EVERY, CHECK, EVENTS_CHECK, GOOD_FOR, OF_DIRECTORY
from plexus_access.owner import deciding
from plexus_access.refusals import AccessNotCurrent, PolicyForbids
from plexus_access.repairing import Repairs
from plexus_access.replica import Replica
from plexus_testkit import FrozenClock
from plexus_testkit.companies import Company
from plexus_testkit.wait import eventually
from plexuskit.config import CallerSection, KafkaSection
from plexuskit.errors import DependencyDown
from plexuskit.grpc import RemoteFailure, RemoteRefusal
from plexuskit.kafka import producer
from plexuskit.runtime import Runtime
from structlog.testing import capture_logs

TENANT = "ten_a"
FORBID = 'forbid(principal, action == Plexus::Action::"messages.send", resource);'
ANN = Asker(tenant_id=TENANT, person_id="per_ann")


@pytest.fixture
async def kafka(kafka_section, kafka_topics):
    await kafka_topics(*(topic.name for topic in OF_DIRECTORY))
    return kafka_section


@pytest.fixture
def company():
    found = Company()
    found.person(TENANT, "per_ann")
    return found


def check(runtime: Runtime, name: str):
    return next((each for each in runtime.health.checks() if each.name == name), None)


def access(runtime: Runtime):
    return check(runtime, CHECK)


def events_come(runtime: Runtime) -> bool:
    found = check(runtime, EVENTS_CHECK)
    return found is not None and found.ok


def refused(decisions: Decisions) -> type[Exception] | None:
    refusal = decisions.refusal(ANN, "messages.send")
    return None if refusal is None else type(refusal)


def settings(directory: str, *, caller: CallerSection, kafka: KafkaSection) -> SimpleNamespace:
    peers = SimpleNamespace(directory=directory)
    return SimpleNamespace(peers=peers, caller=caller, kafka=kafka, tls=None)


@pytest.fixture
def fed(kafka, kafka_section_of, company, runtime, caller_keys_of):
    """Begin a replica that directory and Kafka feed: `async with fed() as (decisions, …)`."""

    @asynccontextmanager
    async def begun():
        async with (
            company.directory() as address,
            deciding(
                settings(address, caller=caller_keys_of("tasks"), kafka=kafka_section_of("tasks")),
                service="tasks",
                runtime=runtime,
            ) as decisions,
            producer(kafka) as sending,
        ):
            yield decisions, sending

    return begun


@pytest.mark.rule("GW-10")
async def test_gw_10_a_replica_has_the_snapshot_and_follows_the_topics(fed, company):
    async with fed() as (decisions, sending):
        await eventually(lambda: refused(decisions) is None, within=30)

        fact = company.policy(TENANT, "silence", FORBID)
        await sending.send_batch([(DIRECTORY_ACCESS_V1.name, TENANT, fact.SerializeToString(), {})])

        await eventually(lambda: refused(decisions) is PolicyForbids, within=30)


@pytest.mark.rule("GW-4")
async def test_gw_04_without_kafka_directory_is_asked_and_its_answer_counts_for_a_minute(
    company, caller_keys_of
):
    clock = FrozenClock(datetime(2036, 1, 1, tzinfo=UTC))
    runtime = Runtime(service="tasks", clock=clock)
    async with AsyncExitStack() as replica:
        lines = replica.enter_context(capture_logs())

        def answers() -> int:
            return sum(line["event"] == "access.loaded" for line in lines)

        async with company.directory() as address:
            decisions = await replica.enter_async_context(
                deciding(
                    settings(
                        address,
                        caller=caller_keys_of("tasks"),
                        kafka=KafkaSection(url="127.0.0.1:9"),
                    ),
                    service="tasks",
                    runtime=runtime,
                )
            )
            await eventually(lambda: refused(decisions) is None, within=30)

            company.policy(TENANT, "silence", FORBID)
            clock.advance(timedelta(seconds=ASKED_EVERY + 1))
            await eventually(lambda: refused(decisions) is PolicyForbids, within=30)
            company.policy(TENANT, "silence", FORBID, removed=True)
            clock.advance(timedelta(seconds=ASKED_EVERY + 1))
            await eventually(lambda: refused(decisions) is None, within=30)
            # A fact counts before its answer has ended: the age of the answer does not yet.
            await eventually(lambda: answers() == 3, within=30)
            assert access(runtime).ok

        # Directory is gone too: its last answer counts no longer than a minute.
        clock.advance(timedelta(seconds=GOOD_FOR - 1))
        assert refused(decisions) is None
        clock.advance(timedelta(seconds=2))
        assert refused(decisions) is AccessNotCurrent
        await eventually(lambda: not access(runtime).ok, within=30)
        assert access(runtime).required
    await runtime.close()
    # Everything was requested once, one topic at a time; from then on only new facts.
    whole, new = company.asked[: len(OF_DIRECTORY)], company.asked[len(OF_DIRECTORY) :]
    assert not any(each.HasField("published_since") for each in whole)
    assert all(each.HasField("published_since") for each in new)


@pytest.mark.rule("GW-10")
async def test_gw_10_a_fact_that_is_left_out_is_read_alone_and_a_broken_record_by_its_topic(
    fed, company, runtime
):
    async with fed() as (decisions, sending):
        await eventually(lambda: events_come(runtime), within=60)
        await eventually(lambda: refused(decisions) is None, within=30)
        asked = len(company.asked)

        fact = company.policy(TENANT, "silence", FORBID)
        left_out = Envelope()
        left_out.CopyFrom(fact)
        left_out.fact, left_out.omitted = b"", True
        topic = DIRECTORY_ACCESS_V1.name
        await sending.send_batch([(topic, TENANT, left_out.SerializeToString(), {})])
        await eventually(lambda: refused(decisions) is PolicyForbids, within=30)
        assert len(company.asked) == asked
        assert [each.scope for each in company.facts_asked] == [fact.scope]

        # The policy is removed, and the record of it is broken.
        company.policy(TENANT, "silence", FORBID, removed=True)
        await sending.send_batch([(topic, TENANT, b"\xff", {})])
        await eventually(lambda: refused(decisions) is None, within=30)
        assert [list(each.topics) for each in company.asked[asked:]] == [[topic]]


@pytest.mark.rule("GW-10")
async def test_gw_10_a_fact_of_a_newer_directory_is_skipped(fed, company, runtime):
    async with fed() as (decisions, sending):
        await eventually(lambda: events_come(runtime), within=60)
        await eventually(lambda: refused(decisions) is None, within=30)
        asked = len(company.asked)
        newer = Envelope(
            tenant_id=TENANT,
            event_id="evt_x",
            type="plexus.directory.v1.PolicyTested",
            fact=b"\xff",
        )
        fact = company.policy(TENANT, "silence", FORBID)
        await sending.send_batch(
            [
                (DIRECTORY_ACCESS_V1.name, TENANT, each.SerializeToString(), {})
                for each in (newer, fact)
            ]
        )
        await eventually(lambda: refused(decisions) is PolicyForbids, within=30)
        assert len(company.asked) == asked
        assert not company.facts_asked


class Directory:
    """Directory's Authority, which fails as long as a test wants."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.failures = 0
        self.loaded: list[str] = []

    async def ReadFacts(self, _):  # noqa: N802 - the contract's name
        raise RemoteFailure(
            RemoteRefusal(
                code=grpc.StatusCode.UNIMPLEMENTED, reason="", domain="", text="", metadata={}
            )
        )

    async def Snapshot(self, request):  # noqa: N802 - the contract's name
        if self.failures:
            self.failures -= 1
            raise DependencyDown(dependency="directory")
        self.loaded += request.topics
        yield SnapshotResponse(facts=self.company.facts)


async def test_a_repair_is_tried_until_directory_answers_and_comes_once_in_a_while(
    company, monkeypatch
):
    monkeypatch.setattr(repairing, "_BACK_OFF", (0.001, 0.01))
    directory, replica = Directory(company), Replica()
    repairs = Repairs(replica, directory, every=3_600)
    directory.failures = 3
    fact = company.policy(TENANT, "silence", FORBID)
    repairs.omitted(DIRECTORY_ACCESS_V1.name, fact)
    running = asyncio.create_task(repairs.run())
    try:
        await eventually(lambda: replica.engine(TENANT) is not None)
        assert replica.engine(TENANT).state.policies.concern("messages.send")
        for _ in range(100):
            repairs.unreadable(DIRECTORY_ACCESS_V1.name)
            await asyncio.sleep(0)
        assert directory.loaded == [DIRECTORY_ACCESS_V1.name]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
