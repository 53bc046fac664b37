"""`python -m plexus_bench.access [--parts engine,gateway,revocation,hidden] [--json FILE]`."""

import argparse
import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import uvloop
from plexus_local.servers.home import home
from plexuskit.clock import SystemClock
from plexuskit.service import spare_garbage_collection

from plexus_bench.access.company import Company, Size, make_company
from plexus_bench.access.decisions import cold, figures, hold, owned, warm, with_policies
from plexus_bench.access.hidden import hidden
from plexus_bench.access.questions import Asking
from plexus_bench.access.revocation import revocation
from plexus_bench.access.startup import startup
from plexus_bench.figures import Machine
from plexus_bench.limits import raise_open_files
from plexus_bench.platform import PlexusSystem
from plexus_bench.run import machine

ENGINE: Final = "engine"
GATEWAY: Final = "gateway"
REVOCATION: Final = "revocation"
HIDDEN: Final = "hidden"
PARTS: Final = (ENGINE, GATEWAY, REVOCATION, HIDDEN)
ASKED_FOR: Final = {
    "without policies, p99 µs": 100.0,
    "with 5 policies, p99 µs": 200.0,
    "membership removed, until the last frame, p99 ms": 1000.0,
    "session revoked, until the last frame, p99 ms": 1000.0,
}
"""Upper limits of the figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Results of one part of the run; names of figures contain their unit."""

    name: str
    machine: Machine
    figures: Mapping[str, float]


def main() -> None:
    """Run the selected measurements, and print them with the machine's load."""
    options = _options()
    raise_open_files()
    size = Size(
        people=options.people, departments=options.departments, memberships=options.memberships
    )
    company = make_company(size, seed=options.seed)
    print(
        f"{len(company.people):,} people, {len(company.paths):,} departments, "
        f"{len(company.groups):,} groups, {len(company.bindings):,} bindings, "
        f"{company.memberships:,} memberships of {len(company.rosters):,} conversations; "
        f"seed {options.seed}"
    )
    parts = []
    if ENGINE in options.parts:
        parts.append(_engine(company, options))
    if set(options.parts) - {ENGINE}:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            parts += runner.run(_on_platform(company, options))
    if options.json:
        options.json.write_text(json.dumps([asdict(part) for part in parts], indent=1) + "\n")


def _engine(company: Company, options: argparse.Namespace) -> Part:
    previous, now = machine(), SystemClock().now()
    held = hold(company, now=now)
    asking = Asking(company, seed=options.seed)
    questions = asking.mixed(options.questions)
    spare_garbage_collection()
    found = {
        "seconds to take the snapshots": held.seconds,
        "MiB of the state": held.mebibytes,
        "bytes per membership": held.bytes_per_membership,
        **figures(cold(held.state, asking, now=now), of="cold, without policies"),
        **figures(warm(held.state, questions, now=now), of="without policies"),
        **figures(owned(company, questions, now=now), of="at an owner, without policies"),
    }
    with_policies(held.state)
    found |= figures(cold(held.state, asking, now=now), of="cold, with 5 policies")
    found |= figures(warm(held.state, questions, now=now), of="with 5 policies")
    return _shown(Part(name=ENGINE, machine=previous, figures=found))


async def _on_platform(company: Company, options: argparse.Namespace) -> list[Part]:
    directory = home() / ".plexus" / "bench" / f"access-{secrets.token_hex(4)}"
    system = PlexusSystem(directory=directory, profile="chat")
    await system.start()
    try:
        found = []
        for name in options.parts:
            previous = machine()
            match name:
                case "gateway":
                    shown = await startup(system, company, now=SystemClock().now())
                case "revocation":
                    shown = await revocation(system, times=options.times)
                case "hidden":
                    shown = await hidden(system, calls=options.calls)
                case _:
                    continue
            found.append(_shown(Part(name=name, machine=previous, figures=shown)))
        return found
    finally:
        await system.stop()


def _shown(part: Part) -> Part:
    print(
        f"{part.name}, {part.machine.at}, {part.machine.cpus} CPUs, "
        f"load before {part.machine.load_before:.1f}"
    )
    for name, value in part.figures.items():
        maximum = ASKED_FOR.get(name)
        verdict = "" if maximum is None else f"  (asked: at most {maximum:,.0f})"
        print(f"  {name}: {value:,.{_digits(value)}f}{verdict}")
    return part


def _digits(value: float) -> int:
    """Return the number of significant digits after the point."""
    return 0 if value == int(value) or value >= 1000 else 2 if value < 10 else 1  # noqa: PLR2004


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m plexus_bench.access", description=__doc__)
    parser.add_argument("--parts", type=_parts, default=list(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--departments", type=int, default=600)
    parser.add_argument("--memberships", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=30_000, help="of the mix, asked 4 times")
    parser.add_argument("--times", type=int, default=50, help="that each thing is taken away")
    parser.add_argument("--calls", type=int, default=500, help="for hidden, and for absent ones")
    parser.add_argument("--seed", type=int, default=1, help="of the company and the questions")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(unknown)}")
    return names


if __name__ == "__main__":
    main()
