"""The shapes of load on a minimal in-memory system."""

import asyncio
from collections.abc import Sequence

import pytest
from plexus_bench.run import Timing, measure
from plexus_bench.shapes import Shape
from plexus_bench.system import Conversation, NotStored, OnMessage, StoredLog, ref_of


class Told:
    """A session of the system below."""

    def __init__(self, person: str, system: "InMemory") -> None:
        self.person = person
        self.on_message: OnMessage = lambda *_: None
        self._system = system

    async def send(self, conversation: str, *, ref: str, body: str) -> None:
        await asyncio.sleep(0)
        assert ref_of(body) == ref
        self._system.store(conversation, ref)

    async def close(self) -> None:
        del self._system.sessions[self.person]


class InMemory:
    """Stores and delivers in one step; misbehaves if a fault is set."""

    name = "in memory"
    durability = "none"
    notes: Sequence[str] = ()

    def __init__(self, *, fault: str = "") -> None:
        self.sessions: dict[str, Told] = {}
        self.logs: dict[str, list[str]] = {}
        self._members: dict[str, tuple[str, ...]] = {}
        self._fault = fault

    def store(self, conversation: str, ref: str) -> None:
        log = self.logs[conversation]
        if self._fault == "refuse" and len(log) == 5:
            self._fault = ""
            raise NotStored("no space")
        if self._fault != "forget" or len(log) != 5:
            log.append(ref)
        for person in self._members[conversation]:
            times = 2 if self._fault == "repeat" and len(log) == 5 else 1
            for _ in range(times):
                self.sessions[person].on_message(conversation, ref, len(log))

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def processes(self) -> dict[str, int]:
        return {}

    async def people(self, count: int) -> Sequence[str]:
        return [f"person {number}" for number in range(count)]

    async def pairs(self, people: Sequence[str]) -> Sequence[Conversation]:
        return [self._make(people[at : at + 2]) for at in range(0, len(people), 2)]

    async def room(self, members: Sequence[str]) -> Conversation:
        return self._make(members)

    async def connect(self, person: str) -> Told:
        session = self.sessions[person] = Told(person, self)
        return session

    async def stored(self, conversation: Conversation) -> StoredLog:
        return StoredLog(refs=self.logs[conversation.id])

    def _make(self, members: Sequence[str]) -> Conversation:
        made = Conversation(id=f"of {members[0]}", members=tuple(members), echoes=True)
        self.logs[made.id], self._members[made.id] = [], made.members
        return made


PAIRS = Shape(name="pairs", meaning="3 pairs", pairs=3)
ROOM = Shape(name="room", meaning="room of 5", members=5, senders=2)
STEADY = Shape(name="steady", meaning="room of 5", members=5, senders=2, rate=200)
BRIEF = Timing(warm_up=0.05, measured=0.2)


@pytest.mark.parametrize("shape", [PAIRS, ROOM], ids=["pairs", "room"])
async def test_a_closed_loop_measures_and_checks(shape) -> None:
    row = await measure(InMemory(), shape, BRIEF)

    listeners = 1 if shape is PAIRS else 5
    assert row.violations == []
    assert row.messages_per_second > 0
    assert row.deliveries_per_second == pytest.approx(row.messages_per_second * listeners, rel=0.2)
    assert row.acknowledgement.p50 <= row.acknowledgement.p99


async def test_an_open_loop_keeps_its_rate() -> None:
    row = await measure(InMemory(), STEADY, Timing(warm_up=0.05, measured=0.5))

    assert row.violations == []
    assert row.messages_per_second == pytest.approx(200, rel=0.25)
    assert row.deliveries_per_second == pytest.approx(1000, rel=0.25)


@pytest.mark.parametrize(
    ("fault", "words"),
    [("forget", "acknowledged and not stored"), ("repeat", "delivered more than once")],
)
async def test_a_system_that_loses_or_repeats_is_found_out(fault, words) -> None:
    row = await measure(InMemory(fault=fault), ROOM, BRIEF)

    assert [violation for violation in row.violations if words in violation]


async def test_a_refusal_is_reported_and_is_no_violation() -> None:
    row = await measure(InMemory(fault="refuse"), ROOM, BRIEF)

    assert [failure.partition(": ")[2] for failure in row.failures] == ["no space"]
    assert row.violations == []
