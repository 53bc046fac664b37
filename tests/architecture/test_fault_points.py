"""Fault points: the crash cycles strike every one of the product and no other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from plexus_testkit.faults.plan import BLOCK, make_plan
from plexus_testkit.faults.points import BY_TESTS, POINTS

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("services/*/src/**/*.py"), *ROOT.glob("libs/plexuskit/src/**/*.py")])
# The number of cycles in which every point is struck at least once.
CYCLES = 46


def points_of(source: str) -> Iterator[str]:
    """Yield the names passed to `fault.point(…)`; fail on anything but a literal."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="fault"), attr="point"), args=[argument]
            ):
                assert isinstance(argument, ast.Constant), "a point's name is a literal"
                yield argument.value


def test_every_point_in_the_code_is_in_the_table_of_the_crash_cycles():
    found = {name for path in SOURCES for name in points_of(path.read_text())}

    assert found == {place.name for place in POINTS} | BY_TESTS.keys()
    assert len(POINTS) + len(BY_TESTS) == len(found)


@pytest.mark.parametrize(("point", "test"), BY_TESTS.items())
def test_a_point_outside_the_cycles_is_struck_by_its_test(point, test):
    assert f'"{point}' in (ROOT / test).read_text()


@pytest.mark.parametrize("seed", range(20))
def test_the_cycles_of_a_long_run_strike_every_point_at_least_once(seed):
    plan = make_plan(cycles=CYCLES, seed=seed)
    strikes = [strike for block in plan for strike in block.strikes]

    assert len(strikes) == CYCLES
    assert {strike.place.name for strike in strikes if strike.place} == {p.name for p in POINTS}
    assert all(len(block.strikes) <= BLOCK for block in plan)
    for block in plan:
        for strike in block.strikes:
            assert strike.place is None or block.process in strike.place.processes


def test_a_seed_gives_the_same_plan_again():
    assert make_plan(cycles=200, seed=7) == make_plan(cycles=200, seed=7)
    assert make_plan(cycles=200, seed=7) != make_plan(cycles=200, seed=8)
