"""`python -m plexus_testkit.faults`: run crash cycles; exit 1 when a promise is broken."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from plexus_testkit.faults.crash import run_cycles
from plexus_testkit.faults.ledger import Violation


def main() -> int:
    """Run, and print one line with everything that is needed to run it again."""
    parser = argparse.ArgumentParser(prog="plexus_testkit.faults", description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="the same plan again")
    parser.add_argument("--directory", type=Path, default=None, help="where data and logs lie")
    arguments = parser.parse_args()
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    directory = arguments.directory or Path(tempfile.mkdtemp(prefix="plexus-faults-"))
    print(f"{arguments.cycles} cycles, seed {seed}, in {directory}", flush=True)
    try:
        report = asyncio.run(run_cycles(directory, cycles=arguments.cycles, seed=seed))
    except Violation as violation:
        print(f"VIOLATION with seed {seed}, logs in {directory / 'plexus' / 'logs'}: {violation}")
        return 1
    print(report)
    for fault in report.missed:
        print(f"  not reached: {fault}")
    return 1 if report.holes else 0


if __name__ == "__main__":
    sys.exit(main())
