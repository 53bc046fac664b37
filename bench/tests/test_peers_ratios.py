"""Ratios are computed run by run, and only for runs without loss."""

import json

import pytest
from plexus_bench.figures import Figures, Latency, Machine
from plexus_bench.peers.alternating import ROWS_READ, as_round, one_round
from plexus_bench.peers.ratios import compared, spreads
from plexus_bench.peers.report import PeersReport
from plexus_bench.run import Timing
from plexus_bench.shapes import Shape

MACHINE = Machine(load_before=0.5, cpus=2, at="2026-11-26T10:00:00+00:00")


def row(system: str, rate: float | None, *, p50: float | None = 2.0, lost: bool = False) -> Figures:
    return Figures(
        system=system,
        durability="disk",
        shape="a8",
        meaning="8 pairs",
        machine=MACHINE,
        seconds=5.0,
        messages_per_second=rate,
        acknowledgement=Latency(p50=p50, p99=None),
        violations=["1 acknowledged and not stored: 0-1"] if lost else [],
        notes=["no TLS"],
    )


def rounds(*pairs: tuple[Figures, Figures]):
    return [as_round(pair) for pair in pairs]


def test_a_ratio_is_taken_within_a_round_and_the_median_over_the_ratios() -> None:
    run = rounds(
        (row("plexus", 100), row("peer", 50)),
        (row("plexus", 10), row("peer", 40)),
        (row("plexus", 300), row("peer", 100)),
    )
    found = compared(run, peer="peer")

    assert found.ratios["msg/s"].values == [2.0, 0.25, 3.0]
    assert found.ratios["msg/s"].middle == 2.0
    assert (len(found.pairs), found.left_out) == (3, 0)


@pytest.mark.parametrize("ours", [True, False])
def test_a_round_with_a_loss_on_either_side_gives_no_ratio(ours) -> None:
    lossy = (row("plexus", 100, lost=ours), row("peer", 50, lost=not ours))
    found = compared(rounds(lossy, (row("plexus", 90), row("peer", 30))), peer="peer")

    assert found.ratios["msg/s"].values == [3.0]
    assert (len(found.pairs), found.left_out) == (1, 1)


@pytest.mark.parametrize(("rate", "p50"), [(None, 2.0), (0.0, None)])
def test_a_figure_that_is_missing_or_0_gives_no_ratio(rate, p50) -> None:
    found = compared(rounds((row("plexus", 100), row("peer", rate, p50=p50))), peer="peer")

    assert found.pairs[0]["msg/s"] is None
    assert found.ratios["msg/s"].middle is None


def test_a_spread_keeps_the_order_of_the_runs() -> None:
    found = spreads([row("peer", 3), row("peer", 1), row("peer", 2)])["msg/s"]

    assert (found.values, found.middle) == ([3, 1, 2], 2)


def test_the_report_names_durability_pairs_and_what_was_left_out(capsys, tmp_path) -> None:
    report = PeersReport()
    report.rounds += rounds(
        (row("plexus", 100), row("peer", 50)), (row("plexus", 80), row("peer", 20, lost=True))
    )
    report.end()
    report.write(tmp_path / "figures.json")

    printed = capsys.readouterr().out
    assert "acknowledged means, peer: disk" in printed
    assert "note, peer: no TLS" in printed
    assert "left out: 1, with losses or disorder" in printed
    assert report.violations == ["peer a8: 1 acknowledged and not stored: 0-1"]
    written = json.loads((tmp_path / "figures.json").read_text())
    assert [pair["msg/s"] for pair in written["ratios"][0]["pairs"]] == [2.0]
    assert written["ratios"][0]["medians"]["msg/s"] == 2.0
    assert [each["system"] for each in written["rows"]] == ["plexus", "peer", "plexus", "peer"]


class Silent:
    """A system without people: only the order of measurements matters."""

    durability = "none"
    notes = ()

    def __init__(self, name: str, turns: list[str]) -> None:
        self.name = name
        self.rows_read = 0
        self._turns = turns

    def processes(self) -> dict[str, int]:
        self._turns.append(self.name)
        self.rows_read += 7
        return {}

    async def people(self, count: int) -> list[str]:
        del count
        return []

    async def pairs(self, people) -> list:
        return list(people)

    async def connect(self, person) -> None:
        raise NotImplementedError(person)


async def test_systems_take_turns_and_rows_say_how_much_of_a_store_was_compared() -> None:
    turns: list[str] = []
    shape = Shape(name="none", meaning="nobody", pairs=1)
    ours, theirs = Silent("plexus", turns), [Silent("one", turns), Silent("other", turns)]
    timing = Timing(warm_up=0, measured=0.01)
    rows = [row async for row in one_round(ours, theirs, shape, timing)]
    rows += [row async for row in one_round(ours, theirs, shape, timing)]

    assert turns == ["plexus", "one", "other"] * 2
    assert [each.facts.get(ROWS_READ) for each in rows] == [None, 7, 7] * 2
