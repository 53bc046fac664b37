"""Choice between several highlightings of the same text."""

import re
from collections.abc import Sequence
from typing import Final

from search.domain.documents import MATCH_BEGINS, MATCH_ENDS

MAX_HIGHLIGHTS: Final = 3

_MARKED: Final = re.compile(f"{MATCH_BEGINS}([^{MATCH_ENDS}]*){MATCH_ENDS}")


def choose(markings: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the fragments of the marking that marks most, with neighbouring matches made one.

    Args:
        markings: fragments of one text by several analyses, each with its matches marked.
    """
    best = max(markings, key=_marked, default=())
    return tuple(fragment.replace(MATCH_ENDS + MATCH_BEGINS, "") for fragment in best)


def _marked(fragments: Sequence[str]) -> int:
    return sum(len(match) for fragment in fragments for match in _MARKED.findall(fragment))
