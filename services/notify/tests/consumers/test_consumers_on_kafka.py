import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from notify.domain.outcomes import Reason, State
from notify.store import Store
from plexus_testkit.variables import kafka_variables
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.kafka import dlq_depth, dlq_list
from plexuskit.mongo import Database

CHILD = Path(__file__).with_name("consumer_child.py")


def people_and_group(facts: Any) -> list[Any]:
    return [
        *(facts.person(name) for name in ("ann", "bo", "cy")),
        facts.conversation("ann", "bo", "cy"),
    ]


@pytest.fixture
def told(ledger: Callable[..., Any]) -> Callable[[int], Any]:
    """Wait until that many notifications are stored, and return them."""

    async def wait(count: int) -> Any:
        async def enough() -> Any:
            found = await ledger()
            return found if len(found) >= count else None

        return await eventually(enough, within=40)

    return wait


@pytest.fixture
def people_known(store: Store) -> Callable[[], Any]:
    """Wait until the facts of people have arrived: theirs is another topic."""

    async def all_there() -> bool:
        return len(await store.people.find(["per_ann", "per_bo", "per_cy"])) == 3

    return lambda: eventually(all_there, within=40)


async def test_ntf_02_what_is_published_twice_is_mailed_once(
    publish: Any,
    running: Any,
    facts: Any,
    people_known: Any,
    told: Any,
    sink: Any,
    sender: Any,
    ledger: Any,
) -> None:
    message = facts.posted(facts.message(mentions=("bo",)))
    task = facts.task_created(facts.task(assignee_ids=["per_cy"]))
    async with running():
        await publish(*people_and_group(facts))
        await people_known()
        await publish(message, message, task)
        await told(2)
        await publish(message, task, facts.posted(facts.message(seq=2, mentions=("cy",))))
        assert len(await told(3)) == 3

    await sender(sink.port).send_due()
    assert sorted((each.person_id, each.kind.name) for each in await ledger()) == [
        ("per_bo", "mention"),
        ("per_cy", "mention"),
        ("per_cy", "task_assigned"),
    ]
    assert sink.recipients == ["bo@example.com", "cy@example.com", "cy@example.com"]


async def test_ntf_02_a_kill_between_effect_and_commit_repeats_nothing(
    publish: Any,
    running: Any,
    facts: Any,
    told: Any,
    people_known: Any,
    db: Database,
    mongo_url: str,
    kafka_section_of: Callable[[str], KafkaSection],
    outbox: Any,
    sink: Any,
    sender: Any,
) -> None:
    await publish(*people_and_group(facts))
    await publish(facts.posted(facts.message(mentions=("bo", "cy"))))
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CHILD),
        mongo_url,
        db.name,
        env={**os.environ, **kafka_variables("notify", kafka_section_of("notify"))},
    )
    async with asyncio.timeout(60):
        assert await child.wait() == -signal.SIGKILL
    await told(2)

    async with running():
        await publish(facts.posted(facts.message(seq=2, mentions=("bo",))))
        assert len(await told(3)) == 3
        await people_known()
    assert len(await outbox()) == 3
    await sender(sink.port).send_due()
    assert len(sink.mails) == len({mail["Message-ID"] for mail in sink.mails})


async def test_architecture_what_cannot_be_decoded_is_a_dead_letter_and_the_rest_goes_on(
    publish: Any, running: Any, facts: Any, told: Any, kafka_section: KafkaSection
) -> None:
    broken = facts.posted(facts.message(mentions=("bo",)))
    event = broken.envelope
    event.fact = b"\xff\xff"
    object.__setattr__(broken, "value", event.SerializeToString())
    async with running():
        await publish(*people_and_group(facts))
        await publish(broken, facts.posted(facts.message(seq=2, mentions=("bo",))))
        (only,) = await told(1)

        async def buried() -> bool:
            return await dlq_depth(kafka_section, "notify.messages") == 1

        await eventually(buried, within=30)
    assert only.source.seq == 2
    (letter,) = await dlq_list(kafka_section, "notify.messages", 10)
    assert "MessagePosted" in letter.reason


async def test_ntf_07_cursors_of_another_topic_drop_the_mail_whichever_comes_first(
    publish: Any, running: Any, facts: Any, people_known: Any, told: Any, ledger: Any
) -> None:
    async with running():
        await publish(*people_and_group(facts), facts.cursor("cy", 1))
        await people_known()
        await publish(facts.posted(facts.message(mentions=("bo", "cy"))))
        await told(2)
        await publish(facts.cursor("bo", 1))

        async def all_read() -> bool:
            return all(each.read for each in await ledger())

        await eventually(all_read, within=30)
    for each in await ledger():
        assert (each.email.state, each.email.reason) == (State.DROPPED, Reason.ALREADY_READ)


async def test_ntf_01_what_is_muted_is_heard_of_on_its_own_topic(
    publish: Any,
    running: Any,
    facts: Any,
    people_known: Any,
    told: Any,
    store: Store,
    now: datetime,
) -> None:
    async with running():
        await publish(*people_and_group(facts), facts.draft("bo"), facts.muted("bo", None))
        await publish(facts.muted("bo", now + timedelta(hours=1), version=2))
        await people_known()

        async def muted() -> bool:
            return bool(await store.mutes.muted({("cnv_group", "per_bo")}, now=now))

        await eventually(muted, within=40)
        await publish(facts.posted(facts.message(everybody=True)))
        by_person = {each.person_id: each.in_app.reason for each in await told(2)}
    assert by_person == {"per_bo": Reason.CONVERSATION_MUTED, "per_cy": Reason.STORED}


async def test_msg_13_a_mention_of_a_department_waits_for_its_owner_and_is_told(
    publish: Any, running: Any, directory: Any, facts: Any, told: Any, kafka_section: KafkaSection
) -> None:
    directory.members = {"department:dep_a": {"per_bo", "per_outsider"}}
    directory.away = True
    async with running():
        await publish(facts.conversation("ann", "bo", "cy"))
        await publish(facts.posted(facts.message(departments=("dep_a",))))
        await eventually(lambda: directory.asked > 1, within=40)
        directory.away = False
        (only,) = await told(1)
    assert only.person_id == "per_bo"
    assert await dlq_depth(kafka_section, "notify.messages") == 0
