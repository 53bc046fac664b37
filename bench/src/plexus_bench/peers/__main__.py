"""`python -m plexus_bench.peers [--peers ejabberd] [--shapes a8,b] [--runs 5] [--json FILE]`."""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Final

import uvloop
from plexus_local.servers import ServerNotStarted, ToolMissing
from plexus_local.servers.home import home

from plexus_bench.limits import raise_open_files
from plexus_bench.peers.alternating import as_round, idling, one_round, settled, started
from plexus_bench.peers.catalogue import PEERS, peers
from plexus_bench.peers.commands import CommandFailed
from plexus_bench.peers.report import PeersReport
from plexus_bench.platform import PlexusSystem
from plexus_bench.run import Timing
from plexus_bench.shapes import SHAPES

VIOLATED: Final = 1
NOT_POSSIBLE: Final = 2
# Runs on a fresh system before any measurement.
FIRST: Final = "a50"
SHORT: Final = ("a8", "a50", "b", "c10")


def main() -> int:
    """Measure and compare; return 1 for a violation, 2 when a peer cannot run."""
    options = _options()
    raise_open_files()
    report = PeersReport()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_compare(options, report))
    except (ToolMissing, ServerNotStarted, CommandFailed) as problem:
        print(problem, file=sys.stderr)
        return NOT_POSSIBLE
    report.end()
    if options.json:
        report.write(options.json)
    for violation in report.violations:
        report.say(f"VIOLATION {violation}")
    return VIOLATED if report.violations else 0


async def _compare(options: argparse.Namespace, report: PeersReport) -> None:
    timing = Timing(warm_up=options.warm_up, measured=options.seconds)
    directory = home() / ".plexus" / "bench" / f"peers-{secrets.token_hex(4)}"
    ours, theirs = PlexusSystem(directory=directory, profile="chat"), peers(options.peers)
    # The peers start first, so that missing programs are reported at once.
    async with started([*theirs, ours]):
        await settled([ours, *theirs], SHAPES[FIRST], seconds=options.settle)
        report.idle(await idling([ours, *theirs]))
        for shape in options.shapes:
            for number in range(1, options.runs + 1):
                rows = []
                async for row in one_round(ours, theirs, SHAPES[shape], timing):
                    report.row(row, number=number)
                    rows.append(row)
                report.rounds.append(as_round(rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m plexus_bench.peers")
    for option, known, default in (("peers", PEERS, list(PEERS)), ("shapes", SHAPES, list(SHORT))):
        parser.add_argument(
            f"--{option}",
            type=partial(_names, known=known),
            default=default,
            help=f"of {', '.join(known)}; {', '.join(default)} unless given",
        )
    parser.add_argument("--runs", type=_count, default=5, help="of each shape on each system")
    parser.add_argument("--seconds", type=float, default=5.0, help="measured in each run")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before that")
    parser.add_argument(
        "--settle", type=float, default=5.0, help=f"seconds of {FIRST} that each system runs first"
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _names(text: str, *, known: Collection[str]) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"not among {', '.join(known)}: {', '.join(unknown) or 'nothing was named'}"
        )
    return names


if __name__ == "__main__":
    sys.exit(main())
