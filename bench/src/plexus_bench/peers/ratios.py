"""Comparison of rows run by run: ratios within one round, where the machine was the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from plexus_bench.figures import Figures

FIGURES: Final[Mapping[str, Callable[[Figures], float | None]]] = {
    "msg/s": lambda row: row.messages_per_second,
    "deliveries/s": lambda row: row.deliveries_per_second,
    "ack p50": lambda row: row.acknowledgement.p50,
    "ack p99": lambda row: row.acknowledgement.p99,
    "e2e p50": lambda row: row.delivery.p50,
    "e2e p99": lambda row: row.delivery.p99,
    "CPU-s/1,000": lambda row: row.cpu_total,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Rows of one shape, measured one after the other.

    Attributes:
        shape: Name of the shape.
        ours: The row of Plexus.
        theirs: The row of each peer, by its name.
    """

    shape: str
    ours: Figures
    theirs: Mapping[str, Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Values of a figure over several runs, in the order of the runs."""

    values: Sequence[float]

    @property
    def middle(self) -> float | None:
        """The median, None without values."""
        return median(self.values) if self.values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Plexus against one peer in one shape.

    Attributes:
        shape: Name of the shape.
        peer: The peer's name.
        pairs: Plexus divided by the peer, by figure, in each valid round: one in which the checker
            found no violation in either row. None if a figure is 0 or missing.
        left_out: Number of invalid rounds.
    """

    shape: str
    peer: str
    pairs: Sequence[Mapping[str, float | None]]
    left_out: int

    @property
    def ratios(self) -> Mapping[str, Spread]:
        """The ratios of each figure, over the pairs that have it."""
        return {
            name: Spread(values=[value for pair in self.pairs if (value := pair[name]) is not None])
            for name in FIGURES
        }


def counts(row: Figures) -> bool:
    """Return whether a row is valid: every message was stored and delivered in order."""
    return not row.violations and not row.failures


def spreads(rows: Sequence[Figures]) -> Mapping[str, Spread]:
    """Return each figure over the rows of one system and shape."""
    return {
        name: Spread(values=[value for row in rows if (value := read(row)) is not None])
        for name, read in FIGURES.items()
    }


def compared(rounds: Sequence[Round], *, peer: str) -> Comparison:
    """Divide the figures of Plexus by a peer's in each round; the rounds are of one shape."""
    rows = [(each.ours, each.theirs[peer]) for each in rounds]
    counted = [(ours, theirs) for ours, theirs in rows if counts(ours) and counts(theirs)]
    return Comparison(
        shape=rounds[0].shape,
        peer=peer,
        pairs=[_divided(ours, theirs) for ours, theirs in counted],
        left_out=len(rows) - len(counted),
    )


def _divided(ours: Figures, theirs: Figures) -> Mapping[str, float | None]:
    divided: dict[str, float | None] = {}
    for name, read in FIGURES.items():
        over, under = read(ours), read(theirs)
        divided[name] = over / under if over and under else None
    return divided
