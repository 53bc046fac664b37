"""Line boundaries of a text, for spans that follow them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from messaging.messages.domain.content.spans import Span

_LINE: Final = re.compile(r"[^\n]+")
# Blank lines are skipped at once: only lines with visible text cost anything.
_SEEN: Final = re.compile(r"\S[^\n]*")


def is_whole_lines(text: str, span: Span) -> bool:
    """Return whether a span begins where a line begins and ends where one ends."""
    begins = span.start == 0 or text[span.start - 1] == "\n"
    ends = span.end == len(text) or text[span.end] == "\n"
    return begins and ends


def pieces(text: str, span: Span, *, trim: bool) -> Iterator[Span]:
    """Yield the part of a span on each of its lines, empty ones left out.

    Args:
        text: the text of the span.
        span: any range of it.
        trim: leave out the white space at the ends of a part, and parts of white space only.
    """
    kind, value = span.kind, span.value
    for found in (_SEEN if trim else _LINE).finditer(text, span.start, span.end):
        length = len(found[0].rstrip()) if trim else len(found[0])
        yield Span(found.start(), length, kind, value)


def merged_quotes(text: str, quotes: Iterable[Span]) -> list[Span]:
    """Return quotes of whole lines, in order, with those on neighbouring lines made one."""
    merged: list[Span] = []
    for quote in sorted(quotes, key=lambda span: span.start):
        if merged and quote.end <= merged[-1].end:
            continue
        wide = _widened(text, quote)
        if merged and wide.start <= merged[-1].end + 1:
            last = merged[-1]
            merged[-1] = replace(last, length=max(last.end, wide.end) - last.start)
        elif wide.length > 0:
            merged.append(wide)
    return merged


def _widened(text: str, span: Span) -> Span:
    if is_whole_lines(text, span):
        return span
    start = text.rfind("\n", 0, span.start) + 1
    # The line feed that ends the last line does not begin another one.
    last = span.end - 1 if text[span.end - 1] == "\n" else span.end
    end = text.find("\n", last)
    return replace(span, start=start, length=(len(text) if end < 0 else end) - start)
