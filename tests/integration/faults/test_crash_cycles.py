"""Seeded kill -9 cycles under load: 0 lost, 0 duplicated, 0 reordered, 0 gaps (MSG-1 to MSG-7)."""

import secrets

import pytest
from plexus_testkit.faults import POINTS, run_cycles
from plexus_testkit.faults.plan import BLOCK

# One block of the plan: another process and other points with each seed.
CYCLES = BLOCK
# Strikes every fault point several times, plus kill -9 and SIGSTOP at random moments.
LONG = 200


@pytest.mark.timeout(600)
async def test_msg_1_processes_killed_at_fault_points_lose_and_repeat_nothing(tmp_path):
    await _run(tmp_path, cycles=CYCLES)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_msg_1_200_cycles_at_every_fault_point_lose_and_repeat_nothing(tmp_path):
    report = await _run(tmp_path, cycles=LONG)

    assert {place.name for place in POINTS} <= set(report.struck)


async def _run(directory, *, cycles: int):
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    report = await run_cycles(directory, cycles=cycles, seed=seed)
    print(report)  # noqa: T201 - see above
    assert (report.cycles, report.missed, report.holes) == (cycles, [], 0)
    return report
