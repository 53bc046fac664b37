"""Styled text for a terminal, created by this program only, never from other users' texts."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

_CODES: Final = {
    "bold": "1",
    "dim": "2",
    "italic": "3",
    "underline": "4",
    "reverse": "7",
    "strike": "9",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A style of part of a text.

    Attributes:
        start: first character.
        end: character after the last one.
        style: words of `_CODES`.
        link: target that can be clicked.
    """

    start: int
    end: int
    style: str
    link: str = ""


@dataclass(slots=True)
class Styled:
    """A text with styles."""

    plain: str = ""
    marks: list[Mark] = field(default_factory=list)

    def append(self, text: "str | Styled", style: str = "") -> "Styled":
        """Append a text; return this object."""
        begin = len(self.plain)
        if isinstance(text, Styled):
            self.marks += [
                replace(mark, start=begin + mark.start, end=begin + mark.end) for mark in text.marks
            ]
            self.plain += text.plain
            return self
        self.plain += text
        if style and text:
            self.marks.append(Mark(begin, len(self.plain), style))
        return self

    def mark(self, style: str, start: int, end: int, *, link: str = "") -> None:
        """Apply a style to a range."""
        self.marks.append(Mark(start, end, style, link))

    def part(self, start: int, end: int) -> "Styled":
        """Return a range with its marks."""
        cut = [
            replace(mark, start=max(mark.start, start) - start, end=min(mark.end, end) - start)
            for mark in self.marks
            if mark.start < end and mark.end > start
        ]
        return Styled(self.plain[start:end], cut)

    def escaped(self) -> str:
        """Return the text with terminal escape codes."""
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        edges = sorted({0, len(self.plain), *(at for m in self.marks for at in (m.start, m.end))})
        for start, end in pairwise(edges):
            held = [mark for mark in self.marks if mark.start <= start and mark.end >= end]
            codes = ";".join(_CODES[word] for mark in held for word in mark.style.split())
            link = next((mark.link for mark in held if mark.link), "")
            shown = self.plain[start:end]
            if codes:
                shown = f"\x1b[{codes}m{shown}\x1b[0m"
            yield f"\x1b]8;;{link}\x1b\\{shown}\x1b]8;;\x1b\\" if link else shown
