"""What keeps a replica current: directory's snapshot, its topics, and neither (GW-4, GW-10)."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from plexus.topics import DIRECTORY_ACCESS_V1
from plexus_access.decisions import Asker, Decisions
from plexus_access.feeding import ASKED_EVERY, GOOD_FOR, OF_DIRECTORY
from plexus_access.owner import deciding
from plexus_access.refusals import AccessNotCurrent, PolicyForbids
from plexus_access.testing import Company
from plexuskit.config import KafkaSection
from plexuskit.kafka import producer
from plexuskit.runtime import Runtime
from plexuskit.testing import FrozenClock
from plexuskit.testing.wait import eventually

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


def refused(decisions: Decisions) -> type[Exception] | None:
    refusal = decisions.refusal(ANN, "messages.send")
    return None if refusal is None else type(refusal)


@pytest.mark.rule("GW-10")
async def test_gw_10_a_replica_has_the_snapshot_and_follows_the_topics(
    kafka, kafka_section_of, company, runtime, caller_keys_of
):
    async with (
        company.directory() as address,
        deciding(
            address,
            service="tasks",
            caller=caller_keys_of("tasks"),
            kafka=kafka_section_of("tasks"),
            tls=None,
            runtime=runtime,
        ) as decisions,
        producer(kafka) as sending,
    ):
        await eventually(lambda: refused(decisions) is None, within=20)

        fact = company.policy(TENANT, "silence", FORBID)
        await sending.send_batch([(DIRECTORY_ACCESS_V1.name, TENANT, fact.SerializeToString(), {})])

        await eventually(lambda: refused(decisions) is PolicyForbids, within=20)


@pytest.mark.rule("GW-4")
async def test_gw_04_without_kafka_directory_is_asked_and_its_answer_counts_for_a_minute(
    company, caller_keys_of
):
    clock = FrozenClock(datetime(2036, 1, 1, tzinfo=UTC))
    runtime = Runtime(service="tasks", clock=clock)
    async with AsyncExitStack() as replica:
        async with company.directory() as address:
            decisions = await replica.enter_async_context(
                deciding(
                    address,
                    service="tasks",
                    caller=caller_keys_of("tasks"),
                    kafka=KafkaSection(url="127.0.0.1:9"),
                    tls=None,
                    runtime=runtime,
                )
            )
            await eventually(lambda: refused(decisions) is None, within=20)

            company.policy(TENANT, "silence", FORBID)
            clock.advance(timedelta(seconds=ASKED_EVERY + 1))
            await eventually(lambda: refused(decisions) is PolicyForbids, within=20)

        # Directory is gone too: what it said last counts no longer than a minute.
        clock.advance(timedelta(seconds=GOOD_FOR - 1))
        assert refused(decisions) is PolicyForbids
        clock.advance(timedelta(seconds=2))
        assert refused(decisions) is AccessNotCurrent
    await runtime.close()
