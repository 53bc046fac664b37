"""The watchdog of the event loop: CPU time of one turn, not time that a machine does not have."""

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator

import pytest
import structlog
from plexus_testkit.wait import eventually
from plexuskit import metrics
from plexuskit.loop import CollectorTime, Watchdog

pytestmark = pytest.mark.usefixtures("watched")


def _long_turns() -> float:
    """Return the number of turns over the limit."""
    (family,) = metrics.LOOP_TURN_SECONDS.collect()
    values = {sample.labels.get("le", sample.name): sample.value for sample in family.samples}
    return values["plexus_loop_turn_seconds_count"] - values[str(metrics.MAX_TURN_SECONDS)]


def _measured() -> float:
    (family,) = metrics.LOOP_TURN_SECONDS.collect()
    return next(s.value for s in family.samples if s.name == "plexus_loop_turn_seconds_count")


def _burn(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.fixture
async def watched() -> AsyncIterator[None]:
    watching = asyncio.create_task(Watchdog().run())
    begun = _measured()
    await eventually(lambda: _measured() > begun)
    yield
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


@pytest.mark.rule("GW-13")
async def test_a_turn_that_computes_too_long_is_counted_and_logged() -> None:
    before = _long_turns()

    with structlog.testing.capture_logs() as lines:
        _burn(0.3)
        await eventually(lambda: _long_turns() > before)

    (line,) = [line for line in lines if line["event"] == "loop.blocked"]
    assert line["occupied"] >= metrics.MAX_TURN_SECONDS


@pytest.mark.rule("GW-13")
async def test_a_machine_without_time_for_the_loop_is_not_counted() -> None:
    long, measured = _long_turns(), _measured()

    # The thread is not run for a while, as on a busy machine.
    time.sleep(0.3)  # noqa: ASYNC251 - on purpose
    await eventually(lambda: _measured() > measured + 1)

    assert _long_turns() == long


async def test_many_short_turns_are_not_one_long_turn() -> None:
    long = _long_turns()

    for _ in range(100):
        _burn(0.005)
        await asyncio.sleep(0)

    assert _long_turns() == long


def test_the_log_tells_how_much_of_a_turn_was_collecting_garbage() -> None:
    collector = CollectorTime()
    gc.callbacks.append(collector)
    gc.collect()
    gc.callbacks.remove(collector)
    assert collector.seconds > 0

    with structlog.testing.capture_logs() as lines:
        Watchdog().note(lag=0.2, used=0.3, collecting=0.15)
    (line,) = lines
    assert line["collecting"] == 0.15
