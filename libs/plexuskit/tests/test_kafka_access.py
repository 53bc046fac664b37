"""Read and write access to topics, on a real broker with the rules of the catalogue (GW-12)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)
from plexus.topics import (
    CONSUMERS,
    DIRECTORY_ACCESS_V1,
    SEARCH_MESSAGES,
    TASKS_TASK_V1,
    TOPICS,
)
from plexus_testkit.found import FoundKafka
from plexus_testkit.probes import healthy
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.kafka import (
    KafkaUnavailable,
    Outgoing,
    Record,
    check_topics,
    consumer,
    dlq_depth,
    dlq_list,
    dlq_redrive,
    lag,
    producer,
    provision,
    subscription,
    tail,
)
from plexuskit.kafka.acl_protocol import ALLOW, LITERAL, CreateRules, Rule
from plexuskit.kafka.authorize import authorize, derived_password
from plexuskit.kafka.clients import admin, partitions_of, reader
from plexuskit.kafka.grants import (
    OPERATOR,
    PROVISIONING,
    Grant,
    Operation,
    Resource,
    grants,
    services_of,
    user_of,
    users,
)
from plexuskit.kafka.names import group_name, topic_name
from plexuskit.kafka.provision import MAX_LETTER_BYTES
from plexuskit.runtime import Runtime

SectionOf = Callable[[str], KafkaSection]
Provisioned = Callable[..., Awaitable[Any]]
SERVICES = services_of()
LETTERS = [consumer.dlq for consumer in CONSUMERS if consumer.dlq]


@pytest.fixture(autouse=True)
def guarded(kafka_server: FoundKafka) -> FoundKafka:
    """The Kafka of this run, which must know users; one that is given may not."""
    if kafka_server.accounts is None:
        pytest.skip("PLEXUS_TEST_KAFKA_URL has no administrator; see docs/operations/README.md")
    return kafka_server


async def refusal_of(work: Awaitable[Any]) -> BaseException | None:
    """Return the broker's refusal, None if there was none."""
    try:
        await work
    except KafkaUnavailable as unavailable:
        return unavailable.__cause__
    except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as refused:
        return refused
    return None


async def write(section: KafkaSection, topic: str) -> None:
    """Write one record."""
    record: Outgoing = (topic, "key", b"fact", {})
    async with producer(section, max_bytes=MAX_LETTER_BYTES) as out:
        await out.send_batch([record])


async def read(section: KafkaSection, topic: str) -> None:
    """Read the one record of a topic of one partition."""
    place = TopicPartition(topic_name(section, topic), 0)
    async with admin(section) as administration:
        await partitions_of(administration, [place.topic])
    async with reader(section, offset_reset="none") as client, asyncio.timeout(60):
        client.assign([place])
        client.seek(place, 0)
        while not await client.getmany(place, timeout_ms=500):
            pass


async def commit(section: KafkaSection, group: str, topic: str) -> None:
    """Commit an offset for a group."""
    place = TopicPartition(topic_name(section, topic), 0)
    named = group_name(section, group)
    async with reader(section, group=named) as client, asyncio.timeout(60):
        client.assign([place])
        await client.commit({place: 0})


async def taken_of(
    section: KafkaSection, work: Callable[[KafkaSection, str], Awaitable[None]]
) -> set[str]:
    """Return the topics with which a user may do something; all others refuse it by name."""
    taken = set()
    for name in [*(topic.name for topic in TOPICS), *LETTERS]:
        refused = await refusal_of(work(section, name))
        if refused is None:
            taken.add(name)
        else:
            assert isinstance(refused, TopicAuthorizationFailedError), name
    return taken


@pytest.mark.rule("GW-12")
async def test_a_service_writes_its_own_topics_and_the_letters_of_its_groups_alone(
    kafka_section_of: SectionOf, kafka_topics: Provisioned
) -> None:
    await kafka_topics()

    taken = await asyncio.gather(*(taken_of(kafka_section_of(each), write) for each in SERVICES))

    for service, found in zip(SERVICES, taken, strict=True):
        own = {topic.name for topic in TOPICS if topic.owner == service}
        letters = {each.dlq for each in CONSUMERS if each.dlq and each.service == service}
        assert found == own | letters, service


@pytest.mark.rule("GW-12")
async def test_a_service_reads_what_it_consumes_alone(
    kafka_section: KafkaSection, kafka_section_of: SectionOf
) -> None:
    # One partition each, so that the record of each topic is in a known place.
    await provision(kafka_section, [replace(topic, partitions=1) for topic in TOPICS])
    records: list[Outgoing] = [
        (name, "key", b"fact", {}) for name in [*(topic.name for topic in TOPICS), *LETTERS]
    ]
    async with producer(kafka_section, max_bytes=MAX_LETTER_BYTES) as out:
        await out.send_batch(records)

    taken = await asyncio.gather(*(taken_of(kafka_section_of(each), read) for each in SERVICES))

    for service, found in zip(SERVICES, taken, strict=True):
        consumed = {n for each in CONSUMERS if each.service == service for n in each.topics}
        assert found == consumed, service


@pytest.mark.rule("GW-12")
async def test_no_other_service_moves_the_offsets_of_a_group(
    kafka_section_of: SectionOf, kafka_topics: Provisioned
) -> None:
    await kafka_topics()
    group, topic = SEARCH_MESSAGES.group, SEARCH_MESSAGES.topics[0]

    outcomes = {
        service: await refusal_of(commit(kafka_section_of(service), group, topic))
        for service in ("search", "notify", "audit", "tasks")
    }

    assert outcomes.pop("search") is None
    assert {type(refused) for refused in outcomes.values()} <= {
        GroupAuthorizationFailedError,
        TopicAuthorizationFailedError,
    }


@pytest.mark.rule("GW-12")
async def test_a_client_without_a_user_or_with_a_wrong_password_gets_nothing(
    kafka_server: FoundKafka, kafka_section: KafkaSection, kafka_topics: Provisioned
) -> None:
    await kafka_topics(DIRECTORY_ACCESS_V1.name)
    url, prefix = kafka_server.url, kafka_section.topic_prefix
    strangers = [
        KafkaSection(url=url, topic_prefix=prefix),
        KafkaSection(url=url, topic_prefix=prefix, user="plexus-directory", password="guessed"),
        KafkaSection(url=url, topic_prefix=prefix, user="nobody", password="guessed"),
        KafkaSection(
            url=url, topic_prefix=prefix, user="admin", password="guessed", mechanism="PLAIN"
        ),
    ]

    for section in strangers:
        for work in (check_topics(section), write(section, DIRECTORY_ACCESS_V1.name)):
            with pytest.raises(KafkaUnavailable):
                await work


@pytest.mark.rule("GW-12")
async def test_no_service_creates_topics_or_changes_rules(
    kafka_section_of: SectionOf, kafka_section: KafkaSection
) -> None:
    section = kafka_section_of("directory")
    everything: Rule = (
        int(Resource.TOPIC),
        topic_name(section, TASKS_TASK_V1.name),
        LITERAL,
        f"User:{user_of('directory')}",
        "*",
        int(Operation.WRITE),
        ALLOW,
    )

    with pytest.raises(KafkaUnavailable):
        await provision(section, [DIRECTORY_ACCESS_V1], [])
    with pytest.raises(KafkaUnavailable):
        await authorize(section, {user_of("tasks"): "taken over"})
    async with admin(section) as client:
        answer = await client._send_request(CreateRules([everything]))
    assert [code for code, *_ in answer.creation_responses] == [31]  # cluster authorization failed
    assert (await check_topics(kafka_section)).existing == ()


async def test_the_operator_looks_after_letters_and_sends_them_again(
    kafka_server: FoundKafka,
    kafka_section: KafkaSection,
    kafka_topics: Provisioned,
    kafka_section_of: SectionOf,
) -> None:
    await kafka_topics()
    group, topic = SEARCH_MESSAGES.group, SEARCH_MESSAGES.topics[0]
    headers = {
        "plexus-dlq-topic": topic.encode(),
        "plexus-dlq-partition": b"0",
        "plexus-dlq-offset": b"0",
        "plexus-dlq-reason": b"told so",
        "plexus-dlq-attempts": b"5",
        "plexus-dlq-group": group.encode(),
    }
    async with producer(kafka_section_of("search"), max_bytes=MAX_LETTER_BYTES) as out:
        await out.send_batch([(SEARCH_MESSAGES.dlq, "cnv_a", b"fact", headers)])
    operator = kafka_server.section(OPERATOR, topic_prefix=kafka_section.topic_prefix)

    assert (await check_topics(operator)).missing == ()
    for each in CONSUMERS:
        if each.dlq:
            await lag(operator, each)
    (letter,) = await dlq_list(operator, group, 10)
    report = await dlq_redrive(operator, group, 10)

    assert (report.redriven, report.waiting) == (1 if letter.topic else 0, 0 if letter.topic else 1)
    assert letter.topic == topic
    assert await dlq_depth(kafka_section_of("search"), group) == 0


async def test_the_provisioning_user_writes_and_reads_nothing(
    kafka_server: FoundKafka, kafka_section: KafkaSection
) -> None:
    section = kafka_server.section(PROVISIONING, topic_prefix=kafka_section.topic_prefix)
    await provision(section)
    await provision(section)

    for topic in TOPICS:
        # It may write nothing, so it gets no producer's id either.
        written = await refusal_of(write(section, topic.name))
        assert isinstance(written, ClusterAuthorizationFailedError)
        fetched = await refusal_of(read(section, topic.name))
        assert isinstance(fetched, TopicAuthorizationFailedError)


async def test_rules_that_the_catalogue_no_longer_grants_are_removed_and_others_reported(
    kafka_section: KafkaSection, kafka_section_of: SectionOf, kafka_topics: Provisioned
) -> None:
    await kafka_topics(TASKS_TASK_V1.name, DIRECTORY_ACCESS_V1.name)
    stale = rule(kafka_section, user_of("tasks"), DIRECTORY_ACCESS_V1.name)
    strange = rule(kafka_section, "somebody", DIRECTORY_ACCESS_V1.name)
    async with admin(kafka_section) as client:
        await client._send_request(CreateRules([stale, strange]))
    await eventually(lambda: written(kafka_section_of("tasks"), DIRECTORY_ACCESS_V1.name))

    report = await authorize(kafka_section, {})
    again = await authorize(kafka_section, {})

    assert (report.added, report.removed, report.foreign) == ((), (stale,), (strange,))
    assert (again.added, again.removed) == ((), ())
    await eventually(lambda: refused(kafka_section_of("tasks"), DIRECTORY_ACCESS_V1.name))
    await write(kafka_section_of("tasks"), TASKS_TASK_V1.name)


def rule(section: KafkaSection, user: str, topic: str) -> Rule:
    """Return the rule that lets a user write a topic."""
    name = topic_name(section, topic)
    return (
        int(Resource.TOPIC),
        name,
        LITERAL,
        f"User:{user}",
        "*",
        int(Operation.WRITE),
        ALLOW,
    )


async def written(section: KafkaSection, topic: str) -> bool:
    """Return whether a record was accepted."""
    return await refusal_of(write(section, topic)) is None


async def unavailable(section: KafkaSection) -> bool:
    """Return whether no connection can be made any more."""
    try:
        await check_topics(section)
    except KafkaUnavailable:
        return True
    return False


async def refused(section: KafkaSection, topic: str) -> bool:
    """Return whether a record was refused because the user may not write."""
    found = await refusal_of(write(section, topic))
    return isinstance(found, TopicAuthorizationFailedError)


async def test_a_consumer_without_a_rule_says_so_and_goes_on_once_it_has_it(
    kafka_section: KafkaSection,
    kafka_section_of: SectionOf,
    kafka_topics: Provisioned,
    posted: Callable[[int], Outgoing],
    runtime: Runtime,
) -> None:
    await kafka_topics(*SEARCH_MESSAGES.topics)
    handled: list[Record] = []

    async def handle(records: Sequence[Record]) -> None:
        handled.extend(records)

    def refused() -> bool:
        detail = {each.name: each.detail for each in runtime.health.checks()}
        return "TopicAuthorizationFailedError" in detail.get("consumer.search.messages", "")

    (topic,) = SEARCH_MESSAGES.topics
    async with consumer(
        kafka_section_of("tasks"),
        subscription(SEARCH_MESSAGES).of(handle),
        probe=healthy,
        runtime=runtime,
    ):
        await eventually(refused, within=30)
        async with admin(kafka_section) as client:
            read, join = (
                (int(kind), name, LITERAL, "User:plexus-tasks", "*", int(Operation.READ), ALLOW)
                for kind, name in (
                    (Resource.TOPIC, topic_name(kafka_section, topic)),
                    (Resource.GROUP, group_name(kafka_section, SEARCH_MESSAGES.group)),
                )
            )
            await client._send_request(CreateRules([read, join]))
        async with producer(kafka_section) as out:
            await out.send_batch([posted(1)])
        await eventually(lambda: handled, within=60)
    assert not refused()


async def test_a_new_password_replaces_the_one_before_and_open_connections_go_on(
    kafka_server: FoundKafka,
    kafka_section: KafkaSection,
    kafka_topics: Provisioned,
    kafka_section_of: SectionOf,
    tmp_path: Any,
) -> None:
    await kafka_topics(TASKS_TASK_V1.name)
    user = "plexus-test-rotated"
    file = tmp_path / "password"
    file.write_text("first\n")
    section = KafkaSection(
        url=kafka_server.url,
        topic_prefix=kafka_section.topic_prefix,
        user=user,
        password_file=file,
    )
    async with admin(kafka_section) as client:
        await client._send_request(CreateRules([rule(kafka_section, user, TASKS_TASK_V1.name)]))
    await authorize(kafka_section, {user: "first"})

    async with producer(section) as out:
        record: Outgoing = (TASKS_TASK_V1.name, "key", b"fact", {})
        await out.send_batch([record])
        await authorize(kafka_section, {user: "second"})
        await out.send_batch([record])

        # The brokers obey a moment after the controller has answered.
        await eventually(lambda: unavailable(section))
        file.write_text("second\n")
        await write(section, TASKS_TASK_V1.name)
    async with tail(kafka_section_of("search"), [TASKS_TASK_V1]):
        pass


class TestGrants:
    """Grants of the catalogue, without a broker."""

    def test_every_topic_has_one_writer_besides_the_operator(self) -> None:
        found = grants(KafkaSection())
        for topic in TOPICS:
            writers = {
                grant.user
                for grant in found
                if (grant.name, grant.operation) == (topic.name, Operation.WRITE)
            }
            assert writers - {OPERATOR} == {user_of(topic.owner)}

    def test_every_dead_letter_topic_is_written_by_its_service_alone(self) -> None:
        found = grants(KafkaSection())
        for each in CONSUMERS:
            if each.dlq:
                writers = {
                    grant.user
                    for grant in found
                    if (grant.name, grant.operation) == (each.dlq, Operation.WRITE)
                }
                assert writers == {user_of(each.service)}

    def test_names_carry_the_prefix(self) -> None:
        found = grants(KafkaSection(topic_prefix="uat."))
        assert all(grant.name.startswith("uat.") for grant in found)
        assert (
            Grant(user_of("search"), Resource.GROUP, "uat.search.messages", Operation.READ) in found
        )

    def test_nobody_but_the_listed_users_is_granted_anything(self) -> None:
        assert {grant.user for grant in grants(KafkaSection())} == set(users())

    def test_derived_passwords_differ_by_user_and_secret(self) -> None:
        passwords = {derived_password(secret, user) for secret in "ab" for user in users()}
        assert len(passwords) == 2 * len(users())
