"""Where lines begin and end in a text, for spans that follow them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from messaging.domain.content.spans import Span


def is_whole_lines(text: str, span: Span) -> bool:
    """Tell whether a span begins where a line begins and ends where one ends."""
    begins = span.start == 0 or text[span.start - 1] == "\n"
    ends = span.end == len(text) or text[span.end] == "\n"
    return begins and ends


def pieces(text: str, span: Span) -> Iterator[Span]:
    """Yield the part of a span on each of its lines, empty ones left out."""
    start = span.start
    while start < span.end:
        found = text.find("\n", start, span.end)
        end = span.end if found < 0 else found
        if end > start:
            yield replace(span, start=start, length=end - start)
        start = end + 1


def trimmed(text: str, span: Span) -> Span:
    """Return a span without the white space at its ends; length 0 when nothing else is in it."""
    inner = text[span.start : span.end]
    start = span.start + len(inner) - len(inner.lstrip())
    return replace(span, start=start, length=len(inner.strip()))


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
