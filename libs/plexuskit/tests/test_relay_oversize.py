"""A fact too large for a record blocks no other fact, and its content can still be read."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from plexus.authz.v1.authority_pb2 import ReadFactsRequest, ReadFactsResponse
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import SEARCH_MESSAGES
from plexus_testkit.probes import healthy
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.errors import DependencyDown, InvalidArgument
from plexuskit.kafka import Record, consumer, dlq_depth, dlq_list, subscription, topic_name
from plexuskit.kafka.clients import admin
from plexuskit.mongo import Collection, Database
from plexuskit.relay import read_facts
from plexuskit.relay.publisher import OMITTED
from plexuskit.runtime import Runtime

from .relay_support import ENTRIES, Arrived, Relaying, entry, have_all, leads, write

TOPIC = "messaging.conversation.v1"
Provisioned = Callable[..., Awaitable[object]]


def large(conversation: str, change_no: int, *, size: int = 1_200_000) -> dict[str, Any]:
    """An entry as earlier versions of messaging took it."""
    event = Envelope(
        event_id=f"evt_{conversation}_{change_no}",
        scope=conversation,
        change_no=change_no,
        entity_id="msg_large",
        entity_version=1,
        type="plexus.messaging.v1.MessagePosted",
        fact=b"x" * size,
        chain_hash=b"h" * 32,
    )
    return {
        "_id": f"{conversation}:{change_no:012}",
        "conversation_id": conversation,
        "change_no": change_no,
        "event": event.SerializeToString(),
        "traceparent": "",
        "stored_at": datetime.now(UTC),
    }


class Owner:
    """The Authority of the owner of the entries."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.down = False

    async def ReadFacts(self, request: ReadFactsRequest) -> ReadFactsResponse:  # noqa: N802 - the contract's name
        if self.down:
            raise DependencyDown(dependency="messaging")
        return await read_facts(self.db, [ENTRIES], request)


@pytest.mark.rule("MSG-21")
async def test_a_fact_that_is_too_large_is_sent_without_content_and_stops_no_other(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    before = OMITTED._value.get()
    await entries.insert(large("cnv_0", 1))
    async with relaying():
        await eventually(lambda: leads(db))
        await entries.insert(large("cnv_0", 2))
        await entries.insert_many([entry("cnv_0", number) for number in range(3, 51)])
        for conversation in range(1, 4):
            await entries.insert_many([entry(f"cnv_{conversation}", n) for n in range(1, 51)])
        await eventually(have_all(arrived, 50), within=60)

    assert arrived.firsts() == {f"cnv_{c}": list(range(1, 51)) for c in range(4)}
    found = {r.envelope.change_no: r.envelope for r in arrived.records if r.key == "cnv_0"}
    whole = Envelope.FromString(large("cnv_0", 2)["event"])
    assert found[2].omitted
    assert found[2].fact == b""
    assert (found[2].event_id, found[2].entity_id, found[2].chain_hash, found[2].type) == (
        whole.event_id,
        whole.entity_id,
        whole.chain_hash,
        whole.type,
    )
    assert not found[3].omitted
    assert OMITTED._value.get() - before == 2


@pytest.mark.rule("MSG-21")
async def test_what_the_broker_finds_too_large_is_left_out_alone(
    db: Database,
    entries: Collection,
    arrived: Arrived,
    relaying: Relaying,
    kafka_section: KafkaSection,
) -> None:
    name = topic_name(kafka_section, TOPIC)
    async with admin(kafka_section) as client:
        changed = ConfigResource(
            ConfigResourceType.TOPIC, name, configs={"max.message.bytes": "100000"}
        )
        await client.alter_configs([changed])
    async with relaying():
        await eventually(lambda: leads(db))
        await entries.insert_many(
            [entry("cnv_0", 1), large("cnv_0", 2, size=300_000), entry("cnv_0", 3)]
        )
        await write(entries, range(4, 11), conversations=1)
        await eventually(have_all(arrived, 10, conversations=1), within=60)

    assert arrived.firsts() == {"cnv_0": list(range(1, 11))}
    left_out = {r.envelope.change_no for r in arrived.records if r.envelope.omitted}
    assert left_out == {2}


@pytest.mark.rule("MSG-21")
async def test_a_consumer_reads_the_content_from_the_owner_and_waits_while_it_is_away(
    db: Database,
    entries: Collection,
    arrived: Arrived,
    relaying: Relaying,
    kafka_section: KafkaSection,
    kafka_topics: Provisioned,
    runtime: Runtime,
) -> None:
    await kafka_topics(TOPIC)
    owner = Owner(db)
    owner.down = True
    sizes: dict[int, int] = {}

    async def handle(records: Sequence[Record]) -> None:
        for record in records:
            assert not record.envelope.omitted
            sizes[record.envelope.change_no] = len(record.envelope.fact)

    async with relaying():
        await entries.insert_many([entry("cnv_0", 1), large("cnv_0", 2), entry("cnv_0", 3)])
        await eventually(have_all(arrived, 3, conversations=1), within=60)
    owners: Any = {TOPIC: owner}
    async with consumer(
        kafka_section,
        subscription(SEARCH_MESSAGES).of(handle),
        probe=healthy,
        runtime=runtime,
        owners=owners,
    ):
        await eventually(lambda: not _running(runtime), within=30)
        assert await dlq_depth(kafka_section, "search.messages") == 0
        owner.down = False
        await eventually(lambda: len(sizes) == 3, within=60)
    assert sizes == {1: 200, 2: 1_200_000, 3: 200}


async def test_a_fact_that_its_owner_does_not_have_any_more_is_set_aside(
    db: Database,
    entries: Collection,
    arrived: Arrived,
    relaying: Relaying,
    kafka_section: KafkaSection,
    kafka_topics: Provisioned,
    runtime: Runtime,
) -> None:
    await kafka_topics(TOPIC)
    handled: list[int] = []

    async def handle(records: Sequence[Record]) -> None:
        handled.extend(record.envelope.change_no for record in records)

    async with relaying():
        await entries.insert_many([large("cnv_0", 1), entry("cnv_0", 2)])
        await eventually(have_all(arrived, 2, conversations=1), within=60)
    await entries.delete({"_id": "cnv_0:000000000001"})
    owners: Any = {TOPIC: Owner(db)}
    async with consumer(
        kafka_section,
        subscription(SEARCH_MESSAGES).of(handle),
        probe=healthy,
        runtime=runtime,
        owners=owners,
    ):
        await eventually(lambda: handled == [2], within=60)
    (letter,) = await dlq_list(kafka_section, "search.messages", 5)
    assert letter.reason == "the fact is left out, and its owner does not have it"


async def test_facts_are_read_in_order_by_bounded_pages(db: Database, entries: Collection) -> None:
    await entries.insert_many([entry("cnv_0", number) for number in range(1, 251)])
    await entries.insert_many([large("cnv_1", number) for number in range(1, 8)])

    async def read(scope: str, first: int, last: int) -> ReadFactsResponse:
        request = ReadFactsRequest(
            topic=TOPIC, scope=scope, from_change_no=first, through_change_no=last
        )
        return await read_facts(db, [ENTRIES], request)

    page = await read("cnv_0", 3, 250)
    assert [fact.change_no for fact in page.facts] == list(range(3, 103))
    assert page.has_more
    last = await read("cnv_0", 203, 240)
    assert [fact.change_no for fact in last.facts] == list(range(203, 241))
    assert not last.has_more
    heavy = await read("cnv_1", 1, 7)
    assert [fact.change_no for fact in heavy.facts] == [1, 2, 3]
    assert heavy.has_more
    assert not (await read("cnv_2", 1, 7)).facts
    for first, end in ((0, 7), (5, 4), (-1, 3)):
        with pytest.raises(InvalidArgument):
            await read("cnv_0", first, end)


def _running(runtime: Runtime) -> bool:
    checks = {check.name: check.ok for check in runtime.health.checks()}
    return checks.get("consumer.search.messages", True)
