"""Facts and decisions from a real Kafka become entries, each once."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from audit import queries
from audit.domain.entries import Entry
from audit.store import EntryFilter, Store
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.authz.v1.options_pb2 import Requirement
from plexus.directory.v1 import events_pb2, people_pb2
from plexus.messaging.v1 import events_pb2 as messaging_events
from plexus.messaging.v1.messages_pb2 import Message
from plexus.topics import TOPICS
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.kafka import dlq_depth, producer
from plexuskit.mongo import Database

TOPIC_OF = {fact: topic.name for topic in TOPICS for fact in topic.facts}
Publish = Callable[..., Awaitable[None]]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "what somebody said"


async def entries(store: Store, *, count: int) -> list[Entry]:
    """Wait until a ledger has that many entries; return them, the oldest first."""

    async def there() -> list[Entry]:
        page = await queries.list_audit_entries(
            store, wanted=EntryFilter(tenant_id="ten_a"), page_size=1_000, page_token=""
        )
        found = sorted(page.items, key=lambda entry: entry.no)
        return found if len(found) >= count else []

    found = await eventually(there, within=30)
    assert len(found) == count
    return found


async def verified(store: Store) -> int:
    found = await queries.verify_audit(
        store, tenant_id="ten_a", from_no=0, through_no=0, anchors={}, maximum=10_000
    )
    assert found.finding is None
    return found.verified


async def test_gw_07_a_fact_is_told_with_who_what_and_what_it_changed(
    publish: Publish, recording: Any, store: Store, facts: Any
) -> None:
    deactivated = people_pb2.Person.STATE_DEACTIVATED
    async with recording():
        await publish(
            facts.person("per_bo", roles=["member"], department_ids=["dep_1"], email="bo@x.example")
        )
        await entries(store, count=1)
        await publish(
            facts.person(
                "per_bo", version=2, hours=1, state=deactivated, department_ids=["dep_1"],
                email="b@x.example",
            ),
            traceparent=TRACE,
        )  # fmt: skip
        _, second = await entries(store, count=2)

    what = second.what
    assert (what.action, what.actor_id, what.object) == (
        "PersonDeactivated", "per_ann", "person:per_bo",
    )  # fmt: skip
    assert (what.version_before, what.version_after) == (1, 2)
    assert what.occurred_at == facts.at(1)
    assert what.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert what.details == {"fields": "email", "+state": "deactivated", "-state": "active"}


async def test_gw_07_a_decision_is_told_with_its_rule_and_reason(
    publish: Publish, recording: Any, store: Store, facts: Any
) -> None:
    async with recording():
        await publish(
            facts.decided(reason="exit interview"),
            facts.decided(allowed=False, outcome="PERMISSION_MISSING", rule="", object=""),
            facts.decided(outcome="PERSON_NOT_FOUND"),
            facts.decided(outcome="", effect=Requirement.EFFECT_PRIVILEGED_READ),
        )
        found = await entries(store, count=4)
        by_outcome = {entry.what.outcome: entry for entry in found}
        first, second = by_outcome["OK"], by_outcome["PERMISSION_MISSING"]

    assert first.what.action == "DirectoryService/DeactivatePerson"
    assert (first.what.decision.value, first.what.outcome) == ("ALLOWED", "OK")
    assert (first.what.rule, first.what.access_version) == ("role:admin@tenant:ten_a", 3)
    assert first.what.reason == "exit interview"
    assert first.what.details == {"permission": "people.manage", "effect": "change"}
    assert (second.what.decision.value, second.what.object) == ("REFUSED", "tenant:ten_a")
    assert by_outcome["PERSON_NOT_FOUND"].what.decision.value == "REFUSED"
    assert by_outcome[""].what.decision.value == "ALLOWED"


async def test_gw_07_repeats_and_several_processes_leave_each_event_once(
    publish: Publish, recording: Any, store: Store, facts: Any
) -> None:
    told = [facts.person(f"per_{n}", version=v) for v in (1, 2, 3) for n in range(20)]
    decisions = [facts.decided() for _ in range(40)]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(recording())
        await publish(*told[:30], *decisions)
        # Another one comes, so partitions move in the middle of it.
        await stack.enter_async_context(recording())
        await publish(*told, *decisions[:20])
        await entries(store, count=100)

    async with recording():
        await publish(*told[:5], facts.person("per_last"))
        await entries(store, count=101)

    assert await verified(store) == 101


async def test_gw_07_a_fact_that_only_the_next_build_knows_is_kept_for_it(
    publish: Publish, recording: Any, store: Store, facts: Any, kafka_section: KafkaSection
) -> None:
    newer = facts.person("per_bo", version=2)
    topic, newer.type = TOPIC_OF[newer.type], "plexus.directory.v1.PersonMoved"
    async with recording():
        await publish(facts.person("per_bo"))
        async with producer(kafka_section) as out:
            await out.send_batch([(topic, newer.scope, newer.SerializeToString(), {})])
        await publish(facts.person("per_bo", version=3))
        await entries(store, count=2)

    assert await dlq_depth(kafka_section, "audit.facts") == 1


async def test_gw_07_what_people_say_is_in_no_entry_and_no_history(
    publish: Publish, recording: Any, store: Store, facts: Any, db: Database
) -> None:
    said = messaging_events.MessagePosted(message=Message(id="msg_1", text=SECRET))
    task = {"title": SECRET, "description": SECRET, "owner_id": "per_ann", "key": "T-1"}
    async with recording():
        await publish(
            facts.conversation("cnv_1", ["per_ann", "per_bo"]),
            facts.fact(said, entity="cnv_1", version=2, hours=1),
            facts.left("cnv_1", ["per_bo"], version=3, hours=2),
            facts.task("tsk_1", **task),
            facts.task("tsk_1", version=2, **{**task, "title": f"{SECRET}!"}),
        )
        told = await entries(store, count=4)

    details = {entry.what.action: dict(entry.what.details) for entry in told}
    assert details["MembersRemoved"] == {"-member": "person:per_bo", "left": "false"}
    assert details["TaskChanged"] == {"fields": "title"}
    for name in await db.collection_names():
        async for document in db.collection(name, schema_version=1).find({}):
            assert SECRET not in str(document)


async def test_a_fact_that_breaks_its_contract_stops_nothing(
    publish: Publish, recording: Any, store: Store, facts: Any, kafka_section: KafkaSection
) -> None:
    broken = facts.person("per_broken", version=1)
    broken.fact = b"\xff\xff"
    timeless = facts.person("per_timeless")
    timeless.occurred_at.CopyFrom(Timestamp(seconds=-(10**15)))
    versionless = facts.fact(
        events_pb2.PersonChanged(person=people_pb2.Person(id="per_x")),
        entity="per_x", version=1, hours=0,
    )  # fmt: skip
    async with recording():
        await publish(broken, timeless, versionless, facts.person("per_bo"))
        (only,) = await entries(store, count=1)

        async def three_letters() -> bool:
            return await dlq_depth(kafka_section, "audit.facts") == 3

        await eventually(three_letters, within=30)

    assert only.what.object == "person:per_bo"
