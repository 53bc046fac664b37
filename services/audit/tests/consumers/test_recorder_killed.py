"""Recorders killed in the middle of their work: each event is recorded once, in one whole chain."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from audit import queries
from audit.store import Store
from plexus_testkit.variables import kafka_variables
from plexus_testkit.wait import eventually
from plexuskit.config import CallerSection, KafkaSection
from plexuskit.mongo import Database

PEOPLE, VERSIONS, DECISIONS, KILLS = 150, 8, 1_200, 6


@pytest.fixture
def environment(
    db: Database, mongo_url: str, kafka_section_of: Callable[[str], KafkaSection],
    caller_keys_of: Callable[[str], CallerSection],
) -> dict[str, str]:  # fmt: skip
    return {
        **os.environ,
        "AUDIT_MONGO__URL": mongo_url,
        "AUDIT_MONGO__DATABASE": db.name,
        **kafka_variables("audit", kafka_section_of("audit")),
        "AUDIT_OPS__PORT": "0",
        "AUDIT_CALLER__KEYS_FILE": str(caller_keys_of("audit").keys_file),
        **{f"AUDIT_PEERS__{name}": "127.0.0.1:9" for name in ("DIRECTORY", "MESSAGING", "TASKS")},
    }


@asynccontextmanager
async def recorder(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "audit", "--role", "recorder",
        env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_gw_07_killed_recorders_leave_no_hole_and_nothing_twice(
    publish: Callable[..., Awaitable[None]], store: Store, facts: Any, db: Database,
    environment: dict[str, str],
) -> None:  # fmt: skip
    told = [
        facts.person(f"per_{n}", version=version, hours=version, department_ids=[f"dep_{version}"])
        for version in range(1, VERSIONS + 1)
        for n in range(PEOPLE)
    ]
    decisions = [facts.decided() for _ in range(DECISIONS)]
    ledger = db.collection("ledger", schema_version=1)
    chance = random.Random(7)  # noqa: S311 - the same kills each time

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(recorder(environment))
        share = len(told) // KILLS
        for start in range(0, len(told), share):
            async with recorder(environment) as victim:
                before = await ledger.count({})
                await publish(*told[start : start + share], *decisions[start : start + share])
                await eventually(lambda b=before: _grown(ledger, b), within=60, every=0.01)
                await asyncio.sleep(chance.uniform(0, 0.3))
                victim.kill()
        # The last events published are recorded by the remaining process.
        wanted = len(told) + DECISIONS
        await eventually(lambda: _has(ledger, wanted), within=120, every=0.5)

    found = await queries.verify_audit(
        store, tenant_id="ten_a", from_no=0, through_no=0, anchors={}, maximum=100_000
    )
    assert (found.finding, found.verified) == (None, wanted)
    moves = await ledger.count({"details": ["-department", "department:dep_3"]})
    assert moves == PEOPLE


async def _grown(ledger: Any, before: int) -> bool:
    return await ledger.count({}) > before


async def _has(ledger: Any, count: int) -> bool:
    return await ledger.count({}) >= count
