"""Width of texts in terminal columns: two for most Chinese characters and emoji."""

import re
from unicodedata import category, east_asian_width

_WIDE = frozenset("WF")
_NO_WIDTH = frozenset(("Mn", "Me", "Cf"))
# A word, or one character of a script that breaks anywhere, with its following punctuation.
_PIECES = re.compile(
    r"[^\s\u2e80-\uffef]+|[\u2e80-\uffef][\u3001\u3002\uff01\uff09\uff0c\uff1a\uff1b\uff1f\u300d\u300f\u201d]*|\s+"
)


def width(text: str) -> int:
    """Return the number of columns of a text on one line."""
    if text.isascii():
        return len(text)
    return sum(_character(each) for each in text)


def padded(text: str, columns: int) -> str:
    """Return a text padded with spaces to a number of columns."""
    return text + " " * max(0, columns - width(text))


def wrapped(text: str, columns: int) -> list[str]:
    """Return a text as lines of at most `columns` columns; keep long words whole."""
    lines, line = [], ""
    for piece in _PIECES.findall(text):
        if width(line) + width(piece.rstrip()) > columns and line.strip():
            lines.append(line.rstrip())
            line = ""
        line += piece if line or not piece.isspace() else ""
    return [*lines, line.rstrip()]


def folded(text: str, columns: int) -> list[str]:
    """Return a text as lines of at most `columns` columns; split long words."""
    lines: list[str] = []
    for whole in wrapped(text, columns):
        line = ""
        for character in whole:
            if width(line) + _character(character) > columns:
                lines.append(line)
                line = ""
            line += character
        lines.append(line)
    return lines


def _character(character: str) -> int:
    if character.isascii():
        return 1
    if category(character) in _NO_WIDTH:
        return 0
    return 2 if east_asian_width(character) in _WIDE else 1
