"""Text and spans as markdown that reads back as the same."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from plexuskit.links import LINK_SCHEMES

from messaging.messages.domain.content.markdown.inline import begins_address
from messaging.messages.domain.content.markdown.reading import read_markdown
from messaging.messages.domain.content.settling import NO_LANGUAGE, settle
from messaging.messages.domain.content.spans import MENTIONING, STYLES, Span, SpanKind

_APART: Final = "<!-- -->"
_DELIMITERS: Final = {SpanKind.BOLD: "**", SpanKind.ITALIC: "*", SpanKind.STRIKE: "~~"}
_ESCAPED: Final = re.compile(r"[\\`*_~\[\]<]")
_ESCAPED_SHOWN: Final = re.compile(r"[\\<>]")
_ESCAPED_TARGET: Final = re.compile(r"[\\<>&]")
_AUTOLINK: Final = re.compile(rf"(?:{'|'.join(sorted(LINK_SCHEMES))}):[^<>\s\x00-\x1f]*")
_TICKS: Final = re.compile("`+")
_LEADING_QUOTE: Final = re.compile(r"( *)>")


def write_markdown(text: str, spans: Iterable[Span]) -> str:
    """Return markdown that `read_markdown` reads as this text with these spans in normal form.

    Marks are written as a person would; only where those would be parsed differently, `<!-- -->`
    separates them from their neighbours.

    Raises:
        InvalidArgument: the spans have no normal form.
    """
    settled = settle(text, spans)
    plain = _written(text, settled, apart="")
    if read_markdown(plain) == (text, settled):
        return plain
    return _written(text, settled, apart=_APART)


def _written(text: str, spans: Sequence[Span], *, apart: str) -> str:
    blocks = {span.start: span for span in spans if span.kind is SpanKind.CODE_BLOCK}
    quotes = [span for span in spans if span.kind is SpanKind.QUOTE]
    begins = [quote.start for quote in quotes]
    inline = [s for s in spans if s.kind not in {SpanKind.CODE_BLOCK, SpanKind.QUOTE}]
    starts = [span.start for span in inline]
    lines: list[str] = []
    at = 0
    while at <= len(text):
        block = blocks.get(at)
        end = block.end if block else _line_end(text, at)
        if block:
            written = _fenced(text[at:end], block.value)
        else:
            mine = inline[bisect_right(starts, at - 1) : bisect_right(starts, end)]
            line = _Line(text, apart=apart).write(at, end, mine)
            written = [_LEADING_QUOTE.sub(r"\1\\>", line, count=1) if _quotes(line) else line]
        quote = bisect_right(begins, at) - 1
        quoted = quote >= 0 and end <= quotes[quote].end
        lines += (f"> {line}" if line else ">" for line in written) if quoted else written
        at = end + 1
    return "\n".join(lines)


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _quotes(line: str) -> bool:
    return line.lstrip(" ").startswith(">")


def _fenced(code: str, language: str) -> list[str]:
    longest = max((len(run) for run in _TICKS.findall(code)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + ("" if language == NO_LANGUAGE else language), *code.split("\n"), fence]


class _Line:
    """Writes one line: a stack of open marks, closed and opened again where ranges cross."""

    def __init__(self, text: str, *, apart: str) -> None:
        self._text = text
        self._apart = apart
        self._parts: list[str] = []
        self._open: list[Span] = []

    def write(self, start: int, end: int, spans: Sequence[Span]) -> str:
        whole = {s.start: s for s in spans if s.kind in MENTIONING or s.kind is SpanKind.CODE}
        over = [s for s in spans if s.kind in STYLES or s.kind is SpanKind.LINK]
        stops = sorted({start, end, *(s.start for s in spans), *(s.end for s in spans)})
        at = start
        for stop in stops:
            if stop < at:
                continue
            self._literal(at, stop)
            at = stop
            self._close(stop)
            self._begin([span for span in over if span.start == stop])
            if (span := whole.get(stop)) is not None:
                self._parts.append(self._whole(span))
                at = span.end
        return "".join(self._parts)

    def _close(self, at: int) -> None:
        """Close spans that end here, and for a moment those opened inside them."""
        depth = next((i for i, span in enumerate(self._open) if span.end <= at), None)
        if depth is None:
            return
        again = [span for span in self._open[depth:] if span.end > at]
        self._shut(depth)
        self._reopen(again)

    def _begin(self, spans: Sequence[Span]) -> None:
        """Open spans that begin here; a link is never closed because of its surroundings."""
        for span in sorted(spans, key=lambda s: (-s.end, s.kind is not SpanKind.LINK, s.kind)):
            again: list[Span] = []
            if span.kind is SpanKind.LINK:
                ends = (i for i, other in enumerate(self._open) if other.end < span.end)
                depth = next(ends, len(self._open))
                again = self._open[depth:]
                self._shut(depth)
            self._reopen(other for other in again if other.end >= span.end)
            self._reopen([span])
            self._reopen(other for other in again if other.end < span.end)

    def _reopen(self, spans: Iterable[Span]) -> None:
        for span in spans:
            self._parts.append("[" if span.kind is SpanKind.LINK else self._delimiter(span))
            self._open.append(span)

    def _shut(self, depth: int) -> None:
        while len(self._open) > depth:
            span = self._open.pop()
            if span.kind is SpanKind.LINK:
                self._parts.append(f"](<{_escape(_ESCAPED_TARGET, span.value)}>)")
            else:
                self._parts.append(self._delimiter(span))

    def _delimiter(self, span: Span) -> str:
        return f"{self._apart}{_DELIMITERS[span.kind]}{self._apart}"

    def _literal(self, start: int, end: int) -> None:
        escaped = _escape(_ESCAPED, self._text[start:end])
        if ":" in escaped:
            parts = escaped.split(":")
            escaped = parts[0] + "".join(
                (r"\:" if begins_address(before) else ":") + after
                for before, after in pairwise(parts)
            )
        self._parts.append(escaped)

    def _whole(self, span: Span) -> str:
        inner = self._text[span.start : span.end]
        if span.kind is SpanKind.CODE:
            return f"{self._apart}{_code(inner)}{self._apart}"
        target = (
            f"!{span.value or 'all'}" if span.kind is not SpanKind.MENTION else f"@{span.value}"
        )
        if inner == f"@{target[1:]}":
            return f"<{target}>"
        return f"<{target}|{_escape(_ESCAPED_SHOWN, inner)}>"


def _code(code: str) -> str:
    runs = {len(run) for run in _TICKS.findall(code)}
    ticks = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    edges = code[0] == "`" or code[-1] == "`" or (code[0] == code[-1] == " " and code.strip(" "))
    return f"{ticks} {code} {ticks}" if edges else f"{ticks}{code}{ticks}"


def _escape(characters: re.Pattern[str], text: str) -> str:
    return characters.sub(r"\\\g<0>", text)
