"""The lease of the relay: one relay at a time, and another takes over whatever happens to it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from plexus_testkit import FrozenClock
from plexus_testkit.variables import kafka_variables
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.mongo import Collection, Database
from plexuskit.relay import relay
from plexuskit.relay.lease import Lease, LeaseLost, Position
from plexuskit.runtime import Runtime

from .relay_support import (
    ENTRIES,
    Arrived,
    Relaying,
    all_published,
    complete,
    entry,
    have_all,
    leads,
    lease,
    write,
)

CHILD = Path(__file__).parent / "relay_child.py"
# It found another's lease, or that its requests to MongoDB ran out of time while it was paused.
STOPPED = (b"relay.begins_again", b"relay.interrupted")
# Ten seconds unless set: who takes over from a killed relay waits for the end of its lease.
LEASE_SECONDS = 3.0


@pytest.fixture
def relaying(db: Database, kafka_section: KafkaSection, runtime: Runtime) -> Relaying:
    lives = timedelta(seconds=LEASE_SECONDS)

    def start() -> AbstractAsyncContextManager[None]:
        sources = [ENTRIES]
        return relay(
            db, kafka_section, sources=sources, name="entries", runtime=runtime, lease=lives
        )

    return start


@asynccontextmanager
async def child(
    db: Database, mongo_url: str, kafka: KafkaSection
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CHILD),
        mongo_url,
        db.name,
        str(LEASE_SECONDS),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **kafka_variables("child", kafka)},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.communicate()


async def led_by_other(db: Database, owner: str) -> bool:
    """Return whether another process has the lease."""
    return (await lease(db))["owner"] not in {"", owner}


async def stopped_leading(process: asyncio.subprocess.Process) -> None:
    """Wait until the process has logged that it leads no more."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while line := await process.stdout.readline():
            if any(name in line for name in STOPPED):
                return
    raise AssertionError("the process ended without a word")


async def test_msg_04_a_relay_killed_in_mid_batch_loses_nothing_and_another_takes_over(
    db: Database,
    mongo_url: str,
    kafka_section: KafkaSection,
    entries: Collection,
    arrived: Arrived,
    relaying: Relaying,
) -> None:
    async with child(db, mongo_url, kafka_section) as process:
        await eventually(lambda: leads(db), within=30)
        writing = asyncio.create_task(write(entries, range(1, 1001), conversations=8))
        async with relaying():
            await eventually(lambda: len(arrived.records) > 1000, every=0.001, within=30)
            killed = (await lease(db))["owner"]
            process.kill()
            await writing
            await eventually(lambda: led_by_other(db, killed), within=30)
            await eventually(have_all(arrived, 1000, conversations=8), within=60)

    assert arrived.firsts() == complete(1000, conversations=8)


async def test_a_relay_paused_past_its_lease_stops_publishing_when_it_wakes(
    db: Database,
    mongo_url: str,
    kafka_section: KafkaSection,
    entries: Collection,
    arrived: Arrived,
    relaying: Relaying,
) -> None:
    async with child(db, mongo_url, kafka_section) as process:
        await eventually(lambda: leads(db), within=30)
        await write(entries, range(1, 11))
        await eventually(lambda: all_published(db, 10))
        first_owner = (await lease(db))["owner"]
        process.send_signal(signal.SIGSTOP)

        async with relaying():
            await write(entries, range(11, 21))
            await eventually(have_all(arrived, 20), within=30)

            # Its stream delivers all that it has missed, and new facts at this moment.
            process.send_signal(signal.SIGCONT)
            await write(entries, range(21, 41))
            await eventually(have_all(arrived, 40))
            await stopped_leading(process)
            await write(entries, range(41, 61))
            await eventually(have_all(arrived, 60))
            assert (await lease(db))["owner"] != first_owner

    # It had nothing in hand when it was paused, so nothing at all comes twice.
    assert arrived.numbers() == complete(60)


async def test_of_two_relays_one_works_and_the_other_takes_over_when_it_leaves(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    first = relaying()
    await first.__aenter__()
    await eventually(lambda: leads(db))
    owner = (await lease(db))["owner"]
    async with relaying():
        await write(entries, range(1, 101))
        await eventually(have_all(arrived, 100))
        assert (await lease(db))["owner"] == owner

        await first.__aexit__(None, None, None)
        await write(entries, range(101, 201))
        # It was released, so the next relay does not wait for its end.
        await eventually(have_all(arrived, 200), within=5)
        assert (await lease(db))["owner"] != owner

    assert arrived.numbers() == complete(200)


async def test_a_replay_that_was_killed_is_done_by_the_next(
    db: Database,
    mongo_url: str,
    kafka_section: KafkaSection,
    entries: Collection,
    arrived: Arrived,
    relaying: Relaying,
) -> None:
    for conversation in range(4):
        await entries.insert_many([entry(f"cnv_{conversation}", n) for n in range(1, 4001)])

    async with child(db, mongo_url, kafka_section) as process:
        await eventually(lambda: len(arrived.records) > 1000, every=0.001, within=30)
        process.kill()
        await process.wait()
    assert (await lease(db))["replaying"]
    async with relaying():
        await eventually(have_all(arrived, 4000), within=30)

    assert arrived.firsts() == complete(4000)


async def run_out(db: Database) -> None:
    """End the lease on the server, as if its ten seconds were over."""
    leases = db.collection("relay_leases", schema_version=1)
    past = datetime.now(UTC) - timedelta(seconds=1)
    assert await leases.update({"_id": "entries"}, {"$set": {"expires_at": past}}) == 1


async def test_a_lease_that_another_has_taken_is_lost_for_publishing_and_for_saving(
    db: Database, clock: FrozenClock
) -> None:
    first = Lease(db, name="entries", clock=clock)
    second = Lease(db, name="entries", clock=FrozenClock(clock.now()))
    async with first.hold():
        await first.ensure()
        await run_out(db)
        async with second.hold():
            clock.advance(timedelta(seconds=11))

            assert not first.held
            with pytest.raises(LeaseLost):
                await first.ensure()
            with pytest.raises(LeaseLost):
                await first.save(Position(None, None, replaying=False))
            await second.save(Position(None, clock.now(), replaying=False))

    assert (await lease(db))["complete_to"] == clock.now()


async def test_a_lease_that_ran_out_and_nobody_took_goes_on(
    db: Database, clock: FrozenClock
) -> None:
    held = Lease(db, name="entries", clock=clock)
    async with held.hold():
        await run_out(db)
        clock.advance(timedelta(seconds=11))
        assert not held.held

        await held.ensure()

        assert held.held
