"""Texts that would take too long to read as markdown, refused before they are read (GW-13).

All of a text is counted by expressions that pass over it once. The numbers together keep the
reader at some 50 ms for any text of a message.
"""

import re
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.links import check_cost

from messaging.messages.domain.content.settling import SPAN_LIMIT

MARK_LIMIT: Final = 6_000
"""Characters with a meaning in one text; clients that need more send a plain text with spans."""

MAX_LINES: Final = 10_000
MAX_STEPS: Final = 30_000
"""Tokens that brackets make the parser visit again, to find their ends."""

_MARKS: Final = re.compile(r"[*_~`\[\]<\\]")
_SCHEMES: Final = re.compile(r"(?:https?|mailto|tel|plexus):", re.IGNORECASE)


def check_lines(source: str) -> None:
    """Refuse a source of more lines, or with more hosts in other letters, than may be read.

    Raises InvalidArgument.
    """
    if source.count("\n") >= MAX_LINES:
        raise _too_many(f"{MAX_LINES} lines")
    check_cost([source], field="text")


class Cost:
    """Counts the tokens to read in one source."""

    def __init__(self) -> None:
        self.marks = 0
        self.addresses = 0
        self.steps = 0

    def line(self, line: str) -> None:
        """Count the marks and addresses of a line before it is read.

        Raises InvalidArgument.
        """
        self.marks += len(_MARKS.findall(line))
        if self.marks > MARK_LIMIT:
            raise _too_many(f"{MARK_LIMIT} marks of markdown")
        self.addresses += len(_SCHEMES.findall(line)) if ":" in line else 0
        if self.addresses > SPAN_LIMIT:
            raise _too_many(f"{SPAN_LIMIT} addresses")

    def step(self) -> None:
        """Count a token visited in search of the end of a bracket.

        Raises InvalidArgument.
        """
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise _too_many("brackets within brackets that end nowhere")


def _too_many(of: str) -> InvalidArgument:
    problem = f"has more than {of}; send it as plain text"
    return InvalidArgument(field="text", problem=problem)
