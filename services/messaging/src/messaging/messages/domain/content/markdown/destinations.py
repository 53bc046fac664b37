"""Parser of markdown link destinations, in time linear to their length."""

import re
from dataclasses import dataclass
from typing import Final

from markdown_it.common.utils import unescapeAll

_SCHEME: Final = re.compile(r"(?:https?|mailto|tel|plexus):", re.IGNORECASE)
_POINTED: Final = re.compile(r"<((?:[^\n<>\\]|\\.)*)>", re.DOTALL)
_PART: Final = re.compile(r"[^\x00-\x20\x7f\\()]+|\\[^ ]|\\$|[()]", re.DOTALL)
# CommonMark asks for three at least; each costs every address that ends nowhere two steps.
_DEEPEST: Final = 8


@dataclass(slots=True)
class Destination:
    """Result in the shape of markdown-it's own parser: success, end position and the destination.

    The last attribute has the name that markdown-it reads.
    """

    ok: bool = False
    pos: int = 0
    str: str = ""


def read_destination(source: str, start: int, end: int) -> Destination:
    """Read an address in parentheses as CommonMark does, a run of its characters at a time.

    An address without a scheme that may be followed is none: it would be refused next.
    """
    if source.startswith("<", start):
        pointed = _POINTED.match(source, start, end)
        if pointed is None:
            return Destination()
        return Destination(ok=True, pos=pointed.end(), str=unescapeAll(pointed[1]))
    if not _SCHEME.match(source, start, end):
        return Destination()
    ends = _end(source, start, end)
    if ends < 0:
        return Destination()
    return Destination(ok=True, pos=ends, str=unescapeAll(source[start:ends]))


def _end(source: str, start: int, end: int) -> int:
    """Return the end of an address that is not in angle brackets; -1 if there is none."""
    level, at = 0, start
    for part in _PART.finditer(source, start, end):
        if part.start() != at or (part[0] == ")" and not level):
            break
        level += (part[0] == "(") - (part[0] == ")")
        if level > _DEEPEST:
            return -1
        at = part.end()
    return -1 if level else at
