"""Report: a table for people, JSON for programs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from plexus_bench.figures import Figures

MAX_SHOWN = 10
WIDTH = 132
COLUMNS: Sequence[tuple[str, Callable[[Figures], float | None], int]] = (
    ("msg/s", lambda row: row.messages_per_second, 0),
    ("deliveries/s", lambda row: row.deliveries_per_second, 0),
    ("ack p50", lambda row: row.acknowledgement.p50, 1),
    ("ack p99", lambda row: row.acknowledgement.p99, 1),
    ("e2e p50", lambda row: row.delivery.p50, 1),
    ("e2e p99 ms", lambda row: row.delivery.p99, 1),
    ("CPU-s/1,000", lambda row: row.cpu_total, 3),
    ("driver", lambda row: row.driver_cpu_per_thousand, 3),
    ("load before", lambda row: row.machine.load_before, 2),
)


class Report:
    """Prints rows as they are measured, and all of them at the end."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, width=WIDTH)
        self.rows: list[Figures] = []

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False, soft_wrap=True)

    def add(self, row: Figures) -> None:
        """Print the figures without a column: CPU and memory by process, failures, violations."""
        self.rows.append(row)
        self.say(f"{row.system} · {row.shape}: {row.meaning}")
        for line in _details(row):
            self.say(f"  {line}")

    def table(self) -> None:
        """Print every row with its main figures."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("system", "shape"):
            table.add_column(name, no_wrap=True)
        for name, _, _ in COLUMNS:
            table.add_column(name, justify="right", no_wrap=True)
        for row in self.rows:
            if row.messages_per_second is not None:
                figures = [_number(value(row), digits) for _, value, digits in COLUMNS]
                table.add_row(row.system, row.shape, *figures)
        self._console.print(table)
        self._console.print()
        for durability in dict.fromkeys(f"{row.system}: {row.durability}" for row in self.rows):
            self.say(f"acknowledged means, {durability}")
        for note in dict.fromkeys(
            f"{row.system}: {note}" for row in self.rows for note in row.notes
        ):
            self.say(f"note, {note}")

    def write(self, path: Path) -> None:
        """Write every row as JSON."""
        content = [asdict(row) | {"cpu_total": row.cpu_total} for row in self.rows]
        path.write_text(json.dumps({"rows": content}, indent=1, default=str) + "\n")

    @property
    def violations(self) -> list[str]:
        """Violations that the checker found in any row."""
        return [f"{row.system} {row.shape}: {each}" for row in self.rows for each in row.violations]


def _details(row: Figures) -> list[str]:
    machine = row.machine
    where = f"{machine.cpus} CPUs, load before {machine.load_before:.2f}"
    lines = [f"{machine.at}, {row.seconds:.1f} s measured, {where}"]
    if row.messages_per_second is not None:
        lines.append(
            f"{_number(row.messages_per_second, 1)} msg/s, "
            f"{_number(row.deliveries_per_second, 1)} deliveries/s, acknowledged "
            f"{_pair(row.acknowledgement)}, delivered {_pair(row.delivery)} ms"
        )
    if row.cpu_per_thousand:
        lines.append(
            f"CPU-s per 1,000 deliveries: {_number(row.cpu_total, 3)} = "
            + " + ".join(f"{name} {used:.3f}" for name, used in row.cpu_per_thousand.items())
            + f"; driver {_number(row.driver_cpu_per_thousand, 3)}"
        )
    if row.memory:
        lines.append(
            "MiB peak/after: "
            + ", ".join(
                f"{name} {memory.peak:.0f}/{memory.after:.0f}"
                for name, memory in row.memory.items()
            )
        )
    lines += [f"{name}: {value:,.3f}".rstrip("0").rstrip(".") for name, value in row.facts.items()]
    lines += _some("not acknowledged", row.failures)
    lines += _some("VIOLATION", row.violations)
    if row.messages_per_second is not None and not row.violations:
        lines.append("checked: acknowledged = stored = delivered, in order, each once")
    return lines


def _pair(latency: Any) -> str:
    return f"p50 {_number(latency.p50, 1)} p99 {_number(latency.p99, 1)}"


def _some(what: str, texts: Sequence[str]) -> list[str]:
    shown = [f"{what}: {text}" for text in texts[:MAX_SHOWN]]
    more = len(texts) - MAX_SHOWN
    return [*shown, f"{what}: {more} more"] if more > 0 else shown


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
