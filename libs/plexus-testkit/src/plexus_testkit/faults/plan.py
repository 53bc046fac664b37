"""Plan of crashes: process and point, cycle by cycle, all derived from a seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from plexus_testkit.faults.points import (
    GATEWAYS,
    MESSAGING,
    NOTIFY,
    POINTS,
    RELAY,
    SCHEDULER,
    Place,
)

DIRECTORY: Final = ("directory",)
# Strikes between two complete checks; the process that is struck stays the same.
BLOCK: Final = 7
# Duration of a process's pause; the relay's lease lives for 1 s here.
PAUSE_SECONDS: Final = 2.0
KINDS: Final = (MESSAGING, RELAY, GATEWAYS, SCHEDULER, NOTIFY, DIRECTORY)


@dataclass(frozen=True, slots=True)
class Strike:
    """One cycle: the fault of the process of its block.

    Attributes:
        place: The fault point that kills it; None for a kill -9 or a pause at some moment.
        passing: At which passing of the point.
        after: Without a point: seconds until it strikes.
        pause: Stop it for `PAUSE_SECONDS` instead of killing it.
    """

    place: Place | None = None
    passing: int = 0
    after: float = 0.0
    pause: bool = False

    @property
    def fault(self) -> str:
        """Value of PLEXUS_FAULT; empty without a point."""
        return f"{self.place.name}:kill@{self.passing}" if self.place else ""

    def __str__(self) -> str:
        """Name it for the log of the run."""
        if self.place:
            return self.fault
        return f"{'SIGSTOP' if self.pause else 'kill -9'} after {self.after:.2f} s"


@dataclass(frozen=True, slots=True)
class Block:
    """Strikes on one process, then a complete check."""

    process: str
    strikes: tuple[Strike, ...] = field(default=())


def make_plan(*, cycles: int, seed: int) -> list[Block]:
    """Return blocks with exactly that many strikes; every point is struck if there are enough.

    Args:
        cycles: Number of strikes; each is a cycle.
        seed: The same seed makes the same plan.
    """
    chance = random.Random(f"plan {seed}")  # noqa: S311 - a test's dice
    blocks, left = list[Block](), cycles
    for block in _endless(chance):
        if not left:
            return blocks
        strikes = block.strikes[:left]
        blocks.append(Block(block.process, strikes))
        left -= len(strikes)
    raise AssertionError("the plan has no end of its own")


def _endless(chance: random.Random) -> Iterator[Block]:
    """Yield rounds: in each every point once, each kind of process with kills and pauses."""
    while True:
        blocks = [block for kind in KINDS for block in _of(kind, chance)]
        chance.shuffle(blocks)
        yield from blocks


def _of(kind: Sequence[str], chance: random.Random) -> Iterator[Block]:
    places = [place for place in POINTS if place.processes == kind]
    strikes = [Strike(place, chance.randint(1, place.maximum)) for place in places]
    chance.shuffle(strikes)
    # Kafka gives a dead consumer's partitions away only after its session, 10 s; once is enough.
    if kind != NOTIFY:
        strikes.append(Strike(after=chance.uniform(0.05, 1.5)))
    if kind not in {NOTIFY, DIRECTORY}:
        strikes.append(Strike(after=chance.uniform(0.05, 1.0), pause=True))
    for start in range(0, len(strikes), BLOCK):
        yield Block(chance.choice(kind), tuple(strikes[start : start + BLOCK]))
