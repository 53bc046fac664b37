"""Crash cycles: real processes killed at exact places under load, and a checker as clients see it.

`python -m plexus_testkit.faults --cycles 1000 --seed 7`, or `make soak CYCLES=1000 SEED=7`.
"""

from plexus_testkit.faults.crash import Report, run_cycles
from plexus_testkit.faults.ledger import Violation
from plexus_testkit.faults.points import POINTS, Place
from plexus_testkit.faults.world import World, world

__all__ = ["POINTS", "Place", "Report", "Violation", "World", "run_cycles", "world"]
