"""Pauses between restarts: from 0.5 s up to 10 s, and reset after a steady time."""

from pathlib import Path

import pytest
from plexus_local import keeper as keeping
from plexus_local.journal import Journal
from plexus_local.keeper import Keeper, StartFailed
from plexus_local.layout import Layout
from plexus_local.plan import Process
from plexus_testkit import eventually
from structlog.testing import capture_logs


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    layout = Layout(tmp_path)
    layout.make()
    journal = Journal(layout, supervisor={})
    journal.planned({"service": "process"}, addresses={}, notes=[])
    return journal


async def test_pauses_double_up_to_the_longest(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (keeping.SHORTEST_PAUSE, keeping.MAX_PAUSE) == (0.5, 10)
    monkeypatch.setattr(keeping, "SHORTEST_PAUSE", 0.01)
    monkeypatch.setattr(keeping, "MAX_PAUSE", 0.05)
    process = Process(
        name="service",
        command=lambda: ["false"],
        ready=lambda: False,
        log=tmp_path / "service.log",
        start_seconds=2,
    )

    keeper = Keeper(process, journal=journal)
    with capture_logs() as logged, pytest.raises(StartFailed):
        await keeper.start()
    await keeper.stop()

    pauses = [line["restart_in_seconds"] for line in logged if line["event"] == "process.died"]
    assert pauses[:5] == [0.01, 0.02, 0.04, 0.05, 0.05]


async def test_the_pause_starts_over_after_a_steady_time(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SHORTEST_PAUSE", 0.01)
    monkeypatch.setattr(keeping, "STEADY_SECONDS", 0)
    process = Process(
        name="service",
        command=lambda: ["sleep", "0.2"],
        ready=lambda: True,
        log=tmp_path / "service.log",
    )
    keeper = Keeper(process, journal=journal)

    with capture_logs() as logged:
        await keeper.start()
        await eventually(lambda: sum(line["event"] == "process.died" for line in logged) >= 3)
        await keeper.stop()

    pauses = [line["restart_in_seconds"] for line in logged if line["event"] == "process.died"]
    assert set(pauses) == {0.01}


async def test_a_process_that_cannot_settle_yet_is_not_ready(
    journal: Journal, tmp_path: Path
) -> None:
    attempts = []

    def settle() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError("no primary yet")

    process = Process(
        name="service",
        command=lambda: ["sleep", "300"],
        ready=lambda: True,
        log=tmp_path / "service.log",
        settle=settle,
    )
    keeper = Keeper(process, journal=journal)

    await keeper.start()

    assert len(attempts) == 3
    await keeper.stop()
