"""Exactly-once, ordered delivery under random sequences of changes and faults."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plexus_sdk import (
    Client,
    FilePositions,
    MessageEdited,
    MessagePosted,
    MessageRecalled,
    MessageUpdated,
    Profiles,
    Session,
)

from .conftest import take
from .scripted import Gateway, Log, Mischief, heartbeat, plexus_at, serving


class Seen:
    """The state that an application derives from events alone, checked after every event."""

    def __init__(self) -> None:
        self.posted: list[int] = []
        self.states: dict[int, tuple[str, bool]] = {}

    def note(self, event: object) -> None:
        match event:
            case MessagePosted(message=message):
                assert message.seq > max(self.posted, default=0), "repeated or out of order"
                self.posted.append(message.seq)
                self.states[message.seq] = (message.text, False)
            case MessageEdited(message=message) | MessageUpdated(message=message):
                assert message.seq in self.states, "changed before it was posted"
                self.states[message.seq] = (message.text, message.recalled)
            case MessageRecalled(message=message):
                self.states[message.seq] = ("", True)


async def drain(session: Session, log: Log, seen: Seen) -> None:
    """Receive events up to the log's last message, which is its last change."""
    while log.last_seq not in seen.posted:
        (event,) = await take(session, 1)
        seen.note(event)


def check(seen: Seen, log: Log) -> None:
    """Previous state plus events equals the state that a fresh client would fetch."""
    expected = {
        seq: (message.text, message.recalled)
        for seq, message in log.messages.items()
        if seq in seen.states or not message.recalled
    }
    assert seen.states == expected


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), rounds=st.integers(1, 25), page=st.sampled_from([1, 2, 7]))
@pytest.mark.timeout(300)
async def test_msg_06_every_message_is_delivered_once_and_in_order(
    profiles: Profiles, seed: int, rounds: int, page: int
) -> None:
    gateway = Gateway()
    gateway.page = page
    log = gateway.log()
    seen, chance, mischief = Seen(), random.Random(seed), Mischief(gateway, seed)  # noqa: S311
    async with (
        serving(gateway) as address,
        plexus_at(address, profiles) as plexus,
        Client(plexus).session() as session,
    ):
        for _ in range(rounds):
            for _ in range(chance.randint(1, 6)):
                mischief.act(log)
            gateway.positions_known = chance.random() < 0.7
            mischief.push(log)
            if chance.random() < 0.3 and log.messages:
                (event,) = await take(session, 1)
                seen.note(event)
        log.post("the last one")
        for stream in gateway.streams:
            stream.frames(heartbeat(log))
        await drain(session, log, seen)
    check(seen, log)
    assert seen.posted == sorted(set(seen.posted))


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), restarts=st.integers(1, 5))
@pytest.mark.timeout(300)
async def test_msg_06_a_bot_that_restarts_handles_every_message_once(
    profiles: Profiles, tmp_path: Path, seed: int, restarts: int
) -> None:
    """A clean restart repeats no message and loses none."""
    gateway = Gateway()
    gateway.page = 3
    log = gateway.log()
    path = tmp_path / f"positions-{seed}-{restarts}.json"
    path.unlink(missing_ok=True)
    seen, chance, mischief = Seen(), random.Random(seed), Mischief(gateway, seed)  # noqa: S311
    async with serving(gateway) as address, plexus_at(address, profiles) as plexus:
        client = Client(plexus)
        async with client.session(positions=FilePositions(path)):
            pass
        for _ in range(restarts):
            for _ in range(chance.randint(1, 12)):
                mischief.act(log)
            log.post("the last one")
            async with client.session(positions=FilePositions(path)) as session:
                if chance.random() < 0.5:
                    (event,) = await take(session, 1)
                    seen.note(event)
                    continue
                await drain(session, log, seen)
        async with client.session(positions=FilePositions(path)) as session:
            await drain(session, log, seen)
    assert seen.posted == sorted(set(seen.posted))
    visible = {seq for seq, message in log.messages.items() if not message.recalled}
    assert visible <= set(seen.posted)
