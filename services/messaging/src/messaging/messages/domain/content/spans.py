"""Ranges of a text with a meaning."""

import enum
from dataclasses import dataclass


class SpanKind(enum.StrEnum):
    """Kind of a range of the text."""

    MENTION = "mention"
    MENTION_ALL = "mention_all"
    LINK = "link"
    CODE = "code"
    BOLD = "bold"
    ITALIC = "italic"
    QUOTE = "quote"
    STRIKE = "strike"
    CODE_BLOCK = "code_block"
    MENTION_DEPARTMENT = "mention_department"


MENTIONING = frozenset((SpanKind.MENTION, SpanKind.MENTION_ALL, SpanKind.MENTION_DEPARTMENT))
STYLES = frozenset((SpanKind.BOLD, SpanKind.ITALIC, SpanKind.STRIKE))


@dataclass(frozen=True, slots=True)
class Span:
    """A range of the text, in Unicode code points.

    `value` is the id of the mentioned person, the address of a link or the language of a code
    block.
    """

    start: int
    length: int
    kind: SpanKind
    value: str = ""

    @property
    def end(self) -> int:
        """First code point after the range."""
        return self.start + self.length
