"""Speed and duration of the gateway's knowledge of ended sessions: GW-4."""

import asyncio
import gc
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from gateway.identity import EndedSessions, SessionWatcher
from plexus.authz.v1.authority_pb2 import SnapshotResponse
from plexus.directory.v1.events_pb2 import PersonDeactivated, SessionRevoked
from plexus.directory.v1.people_pb2 import Person
from plexus.directory.v1.session_service_pb2 import FindEndedSessionsResponse
from plexus_access.feeding import OF_DIRECTORY, Feed
from plexus_access.replica import Replica
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.errors import DependencyDown
from plexuskit.kafka import Record, producer
from plexuskit.outbox import envelope
from plexuskit.service import Health

TOPIC = "directory.person.v1"


@pytest.fixture
def ended(clock):
    return EndedSessions(clock=clock)


class Directory:
    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.asked: list[list[str]] = []
        self.down = False

    async def __call__(self, request: Any) -> FindEndedSessionsResponse:
        if self.down:
            raise DependencyDown(dependency="directory")
        self.asked.append(list(request.session_ids))
        return FindEndedSessionsResponse(
            ended_session_ids=[each for each in request.session_ids if each in self.ended]
        )


@pytest.fixture
def directory():
    return Directory()


@pytest.fixture
def watching(ended, directory):
    return SessionWatcher(ended, find_ended_sessions=directory, health=Health())


def use(ended: EndedSessions, clock: Any, *sessions: str, person: str = "per_ann") -> None:
    for session in sessions:
        ended.use(
            session_id=session,
            person_id=person,
            issued_at=clock.now(),
            until=clock.now() + timedelta(minutes=15),
        )


def feed(watching: SessionWatcher, runtime: Any) -> Feed:
    """Follow directory as a gateway does: one tail for its relations and its sessions."""
    authority = Mock()
    authority.Snapshot.side_effect = lambda _: nothing()
    return Feed(
        Replica(), authority, health=runtime.health, clock=runtime.clock, listeners=[watching]
    )


async def nothing() -> AsyncIterator[SnapshotResponse]:
    yield SnapshotResponse()


def fact(message: Any, clock: Any, *, number: int = 1) -> bytes:
    return envelope(
        fact=message,
        tenant_id="ten_acme",
        scope="per_ann",
        change_no=number,
        entity_id="per_ann",
        entity_version=number,
        actor_id="per_ann",
        now=clock.now(),
    ).SerializeToString()


def failing(health: Health) -> list[str]:
    return [check.name for check in health.checks() if not check.ok]


def record(value: bytes) -> Record:
    return Record(topic=TOPIC, partition=0, offset=1, key="per_ann", value=value)


async def test_gw_04_an_end_wakes_what_waits_for_it(ended):
    event, other = ended.ended_event("ses_1"), ended.ended_event("ses_2")
    assert ended.ended_event("ses_1") is event

    ended.end(["ses_1"])

    assert event.is_set()
    assert not other.is_set()
    assert ended.is_ended("ses_1")
    assert ended.ended_event("ses_1").is_set()


def test_events_live_as_long_as_somebody_waits(ended):
    kept = ended.ended_event("ses_1")
    for number in range(100):
        ended.ended_event(f"ses_{number}")
    gc.collect()
    assert len(ended._events) == 1
    assert kept is ended.ended_event("ses_1")


def test_gw_04_deactivation_ends_the_persons_sessions_and_nobody_elses(ended, clock):
    use(ended, clock, "ses_1", "ses_2")
    use(ended, clock, "ses_3", person="per_bob")

    ended.deactivate("per_ann", at=clock.now())

    assert ended.is_ended("ses_1")
    assert ended.is_ended("ses_2")
    assert not ended.is_ended("ses_3")


def test_gw_04_a_token_from_before_the_deactivation_ends_though_it_comes_later(ended, clock):
    before = clock.now()
    ended.deactivate("per_ann", at=before + timedelta(seconds=10))
    clock.advance(timedelta(seconds=20))

    ended.use(session_id="ses_old", person_id="per_ann", issued_at=before, until=clock.now())
    ended.use(session_id="ses_new", person_id="per_ann", issued_at=clock.now(), until=clock.now())

    assert ended.is_ended("ses_old")
    assert not ended.is_ended("ses_new")


def test_what_no_token_can_touch_any_more_is_forgotten(ended, clock):
    use(ended, clock, "ses_1", "ses_2")
    ended.end(["ses_1"])
    ended.deactivate("per_bob", at=clock.now())
    clock.advance(timedelta(minutes=19))
    ended.forget()
    assert ended.in_use() == ["ses_2"]

    clock.advance(timedelta(minutes=1))
    ended.forget()
    assert ended.in_use() == []
    assert ended.is_ended("ses_1")

    clock.advance(timedelta(hours=2))
    ended.forget()
    assert not ended.is_ended("ses_1")
    assert ended._deactivated == {}


async def test_gw_04_the_recheck_asks_for_sessions_in_use_and_ends_what_ended(
    ended, clock, directory, watching
):
    use(ended, clock, "ses_1", "ses_2", "ses_3")
    ended.end(["ses_3"])
    directory.ended = {"ses_2"}

    await watching.recheck_once()

    assert directory.asked == [["ses_1", "ses_2"]]
    assert ended.is_ended("ses_2")
    assert not ended.is_ended("ses_1")


async def test_gw_04_the_recheck_asks_in_pieces(ended, clock, directory, watching):
    use(ended, clock, *(f"ses_{number}" for number in range(10_001)))
    await watching.recheck_once()
    assert [len(asked) for asked in directory.asked] == [10_000, 1]


async def test_events_that_cannot_be_read_are_skipped(ended, clock, watching):
    broken = fact(SessionRevoked(session_id="ses_x"), clock)
    good = fact(SessionRevoked(session_id="ses_1", person_id="per_ann"), clock)
    watching.apply([record(b"\xff\xff"), record(broken[:-3]), record(good)])
    assert ended.is_ended("ses_1")


async def test_gw_04_events_reach_sessions_within_a_second(
    kafka_section, kafka_section_of, kafka_topics, runtime
):
    await kafka_topics(*(topic.name for topic in OF_DIRECTORY))
    clock, directory = SystemClock(), Directory()
    ended = EndedSessions(clock=clock)
    health = Health()
    watching = SessionWatcher(ended, find_ended_sessions=directory, health=health)
    use(ended, clock, "ses_1")
    use(ended, clock, "ses_2", person="per_bob")
    revoked, deactivated = ended.ended_event("ses_1"), ended.ended_event("ses_2")

    async with (
        runtime.background("follow", feed(watching, runtime).follow(kafka_section_of("gateway"))),
        runtime.background("recheck", watching.recheck()),
        producer(kafka_section) as kafka,
    ):
        # The re-check after the tail was entered shows that it listens.
        await eventually(lambda: directory.asked)
        one = fact(SessionRevoked(session_id="ses_1", person_id="per_ann"), clock)
        two = fact(PersonDeactivated(person=Person(id="per_bob")), clock, number=2)
        await kafka.send_batch([(TOPIC, "per_ann", one, {}), (TOPIC, "per_bob", two, {})])
        async with asyncio.timeout(1):
            await revoked.wait()
            await deactivated.wait()


async def test_gw_04_without_kafka_the_gateway_lives_and_the_recheck_ends_sessions(
    kafka_section, runtime, monkeypatch
):
    monkeypatch.setattr("gateway.identity.session_watcher.RECHECKED_EVERY", 0.2)
    clock, directory = SystemClock(), Directory()
    ended = EndedSessions(clock=clock)
    watching = SessionWatcher(ended, find_ended_sessions=directory, health=runtime.health)
    nowhere = kafka_section.model_copy(update={"url": "127.0.0.1:1"})
    use(ended, clock, "ses_1")

    async with (
        runtime.background("follow", feed(watching, runtime).follow(nowhere)),
        runtime.background("recheck", watching.recheck()),
    ):
        directory.down = True
        await eventually(
            lambda: {"session_events", "session_recheck"} <= set(failing(runtime.health))
        )
        unready = {check.name for check in runtime.health.failing(required=True)}
        assert unready.isdisjoint({"session_events", "session_recheck"})
        directory.down = False
        directory.ended = {"ses_1"}
        await eventually(lambda: ended.is_ended("ses_1"))
        assert not runtime.stopping.is_set()
