"""The benchmark of tracing: every mode behaves as its name states."""

import pytest
from opentelemetry import trace
from plexus_bench.tracing.__main__ import measured
from plexus_bench.tracing.served import MEMORY, MODES, OFF, QUIET, Modes
from plexuskit import telemetry
from plexuskit.grpc import frame

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(("mode", "ids", "recorded"), [(OFF, 0, 0), (QUIET, 1, 0), (MEMORY, 1, 1)])
def test_a_mode_traces_as_much_as_its_name_says(mode: str, ids: int, recorded: int) -> None:
    modes = Modes()
    with modes.entered(mode):
        assert telemetry.recording() == (mode == MEMORY)
        with telemetry.extracted(SAMPLED), frame.server_span("/plexus.tasks.v1.X/Y"):
            assert trace.get_current_span().get_span_context().is_valid == bool(ids)
        assert len(modes.recorded) == recorded

    with telemetry.extracted(SAMPLED):
        assert telemetry.inject() == SAMPLED


async def test_each_mode_is_measured_on_both_ways(mongo_url: str) -> None:
    taken = await measured(mongo_url, rounds=2, messages=100)

    assert {name: set(of_modes) for name, of_modes in taken.items()} == {
        "calls": set(MODES),
        "frames": set(MODES),
    }
    assert all(
        each > 0 for of_modes in taken.values() for times in of_modes.values() for each in times
    )
