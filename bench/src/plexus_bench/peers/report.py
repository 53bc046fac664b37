"""Report of `make bench-peers`, printed and as a file."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from plexus_bench.figures import Figures
from plexus_bench.peers.ratios import FIGURES, Comparison, Round, Spread, compared, spreads

WIDTH: Final = 160
MAX_SHOWN: Final = 5
SMALL: Final = 10
NONE: Final = "-"
UNITS: Final = "latencies in ms; CPU-s of all server processes per 1,000 deliveries"


class PeersReport:
    """Prints each row as soon as it is measured, and medians and ratios at the end.

    Attributes:
        rounds: The measured rounds in order.
    """

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        self._idle: Mapping[str, float] = {}
        self._console = Console(highlight=False, width=WIDTH)

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False, soft_wrap=True)

    def idle(self, busy: Mapping[str, float]) -> None:
        """Print the number of processors that each system uses without load."""
        self._idle = busy
        told = ", ".join(f"{name} {share:.3f}" for name, share in busy.items())
        self.say(f"processors busy while nothing is asked: {told}")

    def row(self, row: Figures, *, number: int) -> None:
        """Print one measurement of run `number`."""
        figures = ", ".join(
            f"{name} {_number(read(row))}"
            for name, read in FIGURES.items()
            if read(row) is not None
        )
        driver = _number(row.driver_cpu_per_thousand)
        self.say(
            f"{row.shape} run {number}, {row.system}: {figures}; driver {driver}, load before "
            f"{row.machine.load_before:.2f}"
        )
        for name, value in row.facts.items():
            self.say(f"  {name}: {value:,.0f}")
        for what, texts in (("NOT ACKNOWLEDGED", row.failures), ("VIOLATION", row.violations)):
            for text in texts[:MAX_SHOWN]:
                self.say(f"  {what}: {text}")
            if len(texts) > MAX_SHOWN:
                self.say(f"  {what}: {len(texts) - MAX_SHOWN} more")

    def end(self) -> None:
        """Print the medians and the ratios of every shape, then the systems' guarantees."""
        for shape in dict.fromkeys(each.shape for each in self.rounds):
            self._shape([each for each in self.rounds if each.shape == shape])
        self.say(UNITS)
        rows = _rows(self.rounds)
        for line in dict.fromkeys(f"{row.system}: {row.durability}" for row in rows):
            self.say(f"acknowledged means, {line}")
        for note in dict.fromkeys(f"{row.system}: {note}" for row in rows for note in row.notes):
            self.say(f"note, {note}")

    def write(self, path: Path) -> None:
        """Write every row, every ratio and the idle load as JSON."""
        content = {
            "rows": [asdict(row) | {"cpu_total": row.cpu_total} for row in _rows(self.rounds)],
            "ratios": [_written(each) for each in self.comparisons],
            "idle": self._idle,
        }
        path.write_text(json.dumps(content, indent=1, default=str) + "\n")

    @property
    def comparisons(self) -> Sequence[Comparison]:
        """Comparisons of Plexus with each peer in each shape."""
        made = []
        for shape in dict.fromkeys(each.shape for each in self.rounds):
            rounds = [each for each in self.rounds if each.shape == shape]
            made += [compared(rounds, peer=peer) for peer in rounds[0].theirs]
        return made

    @property
    def violations(self) -> Sequence[str]:
        """Violations that the checker found in any row."""
        return [
            f"{row.system} {row.shape}: {found}"
            for row in _rows(self.rounds)
            for found in row.violations
        ]

    def _shape(self, rounds: Sequence[Round]) -> None:
        first = rounds[0].ours
        loads = [row.machine.load_before for row in _rows(rounds)]
        self.say(f"\n{first.shape}: {first.meaning}")
        self.say(f"{len(rounds)} runs, load before them {min(loads):.2f} to {max(loads):.2f}")
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("", no_wrap=True)
        for name in FIGURES:
            table.add_column(name, justify="right", no_wrap=True)

        by_system = {first.system: [each.ours for each in rounds]}
        by_system |= {peer: [each.theirs[peer] for each in rounds] for peer in rounds[0].theirs}
        for system, rows in by_system.items():
            table.add_row(f"{system}, median", *_cells(spreads(rows), _middle))
            table.add_row("  least, most", *_cells(spreads(rows), _ends), style="dim")
        for peer in rounds[0].theirs:
            found = compared(rounds, peer=peer)
            table.add_row(f"{first.system} / {peer}", *_cells(found.ratios, _middle), style="bold")
            for number, pair in enumerate(found.pairs, start=1):
                cells = [_number(pair[name]) for name in FIGURES]
                table.add_row(f"  pair {number}", *cells, style="dim")
            if found.left_out:
                table.add_row(f"  left out: {found.left_out}, with losses or disorder")
        self._console.print(table)


def _written(found: Comparison) -> Mapping[str, Any]:
    medians = {name: spread.middle for name, spread in found.ratios.items()}
    return asdict(found) | {"medians": medians}


def _rows(rounds: Sequence[Round]) -> Sequence[Figures]:
    return [row for each in rounds for row in (each.ours, *each.theirs.values())]


def _cells(figures: Mapping[str, Spread], show: Callable[[Spread], str]) -> Sequence[str]:
    return [show(figures[name]) for name in FIGURES]


def _middle(spread: Spread) -> str:
    return _number(spread.middle)


def _ends(spread: Spread) -> str:
    if not spread.values:
        return NONE
    return f"{_number(min(spread.values))}, {_number(max(spread.values))}"


def _number(value: float | None) -> str:
    """Format a figure with about three digits."""
    if value is None:
        return NONE
    if value >= 100 * SMALL:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= SMALL else f"{value:.3g}"
