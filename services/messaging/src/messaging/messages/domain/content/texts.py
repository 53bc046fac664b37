"""Cleaning of stored texts, and text that cannot change the direction of its context (ADR 15)."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from plexuskit.errors import InvalidArgument

from messaging.messages.domain.content.spans import Span

DEEPEST_DIRECTION: Final = 125
MAX_DIRECTIONS: Final = 10_000

_EMBEDDINGS: Final = frozenset("\u202a\u202b\u202d\u202e")
_ISOLATES: Final = frozenset("\u2066\u2067\u2068")
_POP_EMBEDDING: Final = "\u202c"
_POP_ISOLATE: Final = "\u2069"
_LINE_ENDS: Final = "\r\x0b\x0c\x85\u2028\u2029"
_REMOVED: Final = dict.fromkeys(
    at for at in (*range(0x20), *range(0x7F, 0xA0)) if chr(at) not in f"\t\n{_LINE_ENDS}"
)
_CLEANED: Final = _REMOVED | dict.fromkeys(map(ord, _LINE_ENDS), "\n")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_TURNING: Final = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_SPECIAL: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

Piece = tuple[int, int, str]
"""Replacement of a range of a text: start, end and new text."""


def clean_text(text: str, spans: tuple[Span, ...] = ()) -> tuple[str, tuple[Span, ...]]:
    """Return a text in stored form, with its spans shifted along.

    Every line end becomes one line feed. Other control characters are removed, the null character
    too: they are invisible, and terminals obey them. Bidi embeddings and isolates that a line opens
    are closed at its end; closing marks without an opening one are removed, so that a text cannot
    change the direction of what follows it. All else is kept as written.

    Raises:
        InvalidArgument: a lone surrogate, which no UTF-8 can hold, directions nested deeper than
            Unicode's limit of 125, or more than 10,000 of their marks.
    """
    if text.isprintable() or not _SPECIAL.search(text):
        return text, spans
    if _SURROGATE.search(text):
        raise InvalidArgument(field="text", problem="holds half a character; send valid UTF-8")
    text, spans = _without_controls(text, spans)
    turning = len(_TURNING.findall(text))
    if turning > MAX_DIRECTIONS:
        problem = f"has more than {MAX_DIRECTIONS} marks of writing direction; leave some out"
        raise InvalidArgument(field="text", problem=problem)
    pieces = sorted(_directions(text)) if turning else []
    if not pieces:
        return text, spans
    return _replaced(text, pieces), _moved(spans, pieces)


def _without_controls(text: str, spans: tuple[Span, ...]) -> tuple[str, tuple[Span, ...]]:
    """Make every line end one line feed and leave other controls out; nothing is built of each."""
    clean = text.replace("\r\n", "\n").translate(_CLEANED)
    if not spans or len(clean) == len(text):
        return clean, spans
    places = sorted({place for span in spans for place in (span.start, span.end)})
    shifts: dict[int, int] = {}
    previous = removed = 0
    for place in places:
        at = min(max(place, 0), len(text))
        # A pair that begins before the place counts, wherever it ends.
        removed += text.count("\r\n", previous, at + 1) if at > previous else 0
        removed += at - previous - len(text[previous:at].translate(_REMOVED))
        previous = at
        shifts[place] = -removed
    return clean, _shifted(spans, lambda at: at + shifts[at])


def _directions(text: str) -> Iterator[Piece]:
    start = 0
    for line in text.split("\n"):
        opened: list[str] = []
        for found in _TURNING.finditer(line):
            character = found[0]
            if character in _EMBEDDINGS:
                opened.append(_POP_EMBEDDING)
            elif character in _ISOLATES:
                opened.append(_POP_ISOLATE)
            elif not _closes(character, opened):
                yield start + found.start(), start + found.end(), ""
            if len(opened) > DEEPEST_DIRECTION:
                problem = f"nests more than {DEEPEST_DIRECTION} writing directions"
                raise InvalidArgument(field="text", problem=problem)
        start += len(line)
        if opened:
            yield start, start, "".join(reversed(opened))
        start += 1


def _closes(character: str, opened: list[str]) -> bool:
    """Close marks that a character closes: an isolate with all inside it, an embedding alone."""
    if character == _POP_EMBEDDING:
        if opened[-1:] != [_POP_EMBEDDING]:
            return False
        opened.pop()
        return True
    if _POP_ISOLATE not in opened:
        return False
    while opened.pop() != _POP_ISOLATE:
        pass
    return True


def _replaced(text: str, pieces: Sequence[Piece]) -> str:
    parts, after = list[str](), 0
    for start, end, replacement in pieces:
        parts += (text[after:start], replacement)
        after = end
    return "".join((*parts, text[after:]))


def _moved(spans: tuple[Span, ...], pieces: Sequence[Piece]) -> tuple[Span, ...]:
    """Shift spans; empty ones are dropped, ones outside the text stay outside."""
    places = [start for start, _, _ in pieces]
    shifts = [0, *accumulate(len(new) - (end - start) for start, end, new in pieces)]

    return _shifted(spans, lambda at: at + shifts[bisect_left(places, at)])


def _shifted(spans: tuple[Span, ...], moved: Callable[[int], int]) -> tuple[Span, ...]:
    kept = []
    for span in spans:
        start, end = moved(span.start), moved(span.end)
        if end > start or span.length <= 0:
            kept.append(replace(span, start=start, length=end - start))
    return tuple(kept)
