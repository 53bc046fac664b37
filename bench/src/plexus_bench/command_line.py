"""`make bench-cli`: processor time of every command's help, and of calls to a running Plexus."""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from plexus_cli.index import load

LIMIT_SECONDS: Final = 0.35
PLEXUS: Final = Path(sys.executable).with_name("plexus")
CALLS: Final = (
    ("whoami",),
    ("conversations", "list"),
    ("unread",),
    ("tasks", "list"),
    ("people", "list"),
    ("search", "PO-33817"),
    ("notifications", "list"),
)


def processor_seconds(words: tuple[str, ...], *, runs: int) -> tuple[float, int]:
    """Return the minimum processor time of some runs, and the exit code of the last one."""
    least, code = float("inf"), 0
    for _ in range(runs):
        before = os.times()
        code = subprocess.run(
            [PLEXUS, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        ).returncode
        after = os.times()
        spent = after.children_user + after.children_system
        least = min(least, spent - before.children_user - before.children_system)
    return least, code


def main() -> int:
    """Measure and print; return 1 if a command takes longer than the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="least of so many runs")
    parser.add_argument("--help-only", action="store_true", help="without calls")
    chosen = parser.parse_args()
    index = load()
    names = ["", *sorted(index["groups"]), *sorted(index["commands"])]
    measured = [((*name.split(), "--help"), chosen.runs) for name in names]
    if not chosen.help_only:
        measured += [(words, chosen.runs) for words in CALLS]
    slow = 0
    for words, runs in measured:
        seconds, code = processor_seconds(words, runs=runs)
        slow += seconds > LIMIT_SECONDS
        failed = f"  exit code {code}" if code else ""
        print(f"{seconds * 1000:5.0f} ms  plexus {' '.join(words)}{failed}", flush=True)
    print(f"{slow} of {len(measured)} take more than {LIMIT_SECONDS * 1000:.0f} ms")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
