"""Spans in normal form, as stored whatever made them.

Code, code blocks and mentions are whole: no span is inside them. Bold, italic and strike are
properties of characters and may overlap each other and links. Quotes are runs of lines.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, pairwise
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.links import check_cost, check_target, misleads

from messaging.messages.domain.content.lines import is_whole_lines, merged_quotes, pieces
from messaging.messages.domain.content.spans import MENTIONING, STYLES, Span, SpanKind

SPAN_LIMIT: Final = 2_000
_LINK: Final = SpanKind.LINK
MENTION_CHARACTERS: Final = 256
NO_LANGUAGE: Final = "text"

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
LANGUAGE: Final = re.compile(r"[A-Za-z0-9+#._-]{1,40}")
_ORDER: Final = {
    kind: place
    for place, kind in enumerate(
        (
            SpanKind.QUOTE,
            SpanKind.CODE_BLOCK,
            SpanKind.LINK,
            SpanKind.BOLD,
            SpanKind.ITALIC,
            SpanKind.STRIKE,
            SpanKind.CODE,
            SpanKind.MENTION,
            SpanKind.MENTION_ALL,
            SpanKind.MENTION_DEPARTMENT,
        )
    )
}


def settle(text: str, spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans in normal form: equal looks are equal spans, and settling again changes nothing.

    Quotes take whole lines and neighbours are one. Other spans but code blocks end at line ends;
    bold, italic, strike and links begin and end with a visible character; overlapping or touching
    runs of one style are one. What lies inside code or a mention, and a mention inside a quote, is
    left out (MSG-13). The order is that of their starts, the longer first.

    Raises:
        InvalidArgument: outside the text, empty, more than 2,000, a code block that is not of
            whole lines, spans that overlap and may not, an address that no client should follow,
            or one whose visible text is an address of another host.
    """
    given = list(spans)
    if len(given) > SPAN_LIMIT:
        raise _refused(f"has more than {SPAN_LIMIT}")
    by_kind: dict[SpanKind, list[Span]] = {kind: [] for kind in SpanKind}
    for span in given:
        if span.start < 0 or span.length <= 0 or span.end > len(text):
            raise _refused(f"reaches outside the text ({span.start}+{span.length})")
    check_cost((span.value for span in given if span.kind is SpanKind.LINK), field="spans.link")
    for span in given:
        by_kind[span.kind].append(_valued(span))

    blocks = _apart(_code_block(text, span) for span in by_kind[SpanKind.CODE_BLOCK])
    codes = _counted(_split(text, _apart(by_kind[SpanKind.CODE]), blocks, trim=False))
    quotes = list(_outside(merged_quotes(text, by_kind[SpanKind.QUOTE]), blocks, inside_goes=False))
    code = sorted((*blocks, *codes), key=_place)
    mentions = _mentions(text, by_kind, code=code, quotes=quotes)

    # Each part that stays counts before the next one is made; removed ones are inside code or a
    # mention, which were counted.
    links = _split(text, _apart(by_kind[SpanKind.LINK]), blocks, trim=True)
    styles = (_split(text, _runs(by_kind[kind]), blocks, trim=True) for kind in sorted(STYLES))
    whole = _apart((*codes, *mentions))
    over = _counted(
        _outside(chain(links, *styles), whole, inside_goes=False),
        besides=len(quotes) + len(blocks) + len(whole),
    )
    shown = [(text[each.start : each.end], each.value) for each in over if each.kind is _LINK]
    check_cost((words for words, _ in shown), field="spans.link")
    if any(misleads(words, target) for words, target in shown):
        raise _refused("has a link whose visible text is the address of another host")
    return tuple(sorted((*quotes, *blocks, *codes, *mentions, *over), key=_place))


def _valued(span: Span) -> Span:
    """Return a span with its value in canonical form."""
    match span.kind:
        case SpanKind.LINK:
            return replace(span, value=check_target(span.value, field="spans.link"))
        case SpanKind.CODE_BLOCK:
            language = span.value or NO_LANGUAGE
            if not LANGUAGE.fullmatch(language):
                raise InvalidArgument(field="spans.code_block", problem="is no name of a language")
            return replace(span, value=language.lower())
        case SpanKind.MENTION | SpanKind.MENTION_DEPARTMENT:
            if not _ID.fullmatch(span.value):
                raise InvalidArgument(field=f"spans.{span.kind}", problem="is not an id")
            return span
        case _:
            return replace(span, value="") if span.value else span


def _code_block(text: str, span: Span) -> Span:
    if is_whole_lines(text, span):
        return span
    # Editors often take the line feed along.
    shorter = replace(span, length=span.length - 1)
    if text[span.end - 1] == "\n" and shorter.length and is_whole_lines(text, shorter):
        return shorter
    raise _refused("has a code block that is not of whole lines")


def _mentions(
    text: str,
    by_kind: dict[SpanKind, list[Span]],
    *,
    code: Sequence[Span],
    quotes: Sequence[Span],
) -> list[Span]:
    given = [span for kind in sorted(MENTIONING) for span in by_kind[kind]]
    for span in given:
        if span.length > MENTION_CHARACTERS or "\n" in text[span.start : span.end]:
            raise _refused("has a mention that is longer than a name")
    spoken = _outside(_outside(given, code, inside_goes=True), quotes, inside_goes=True)
    return _apart(spoken)


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, each once; refuse those that overlap."""
    ordered = sorted(set(spans), key=_place)
    for before, after in pairwise(ordered):
        if after.start < before.end:
            raise _refused(f"has overlapping {before.kind} and {after.kind} at {after.start}")
    return ordered


def _runs(spans: Iterable[Span]) -> list[Span]:
    """Return spans of one kind in order, with those that overlap or touch made one."""
    runs: list[Span] = []
    for span in sorted(spans, key=_place):
        if runs and span.start <= runs[-1].end:
            last = runs[-1]
            runs[-1] = replace(last, length=max(last.end, span.end) - last.start)
        else:
            runs.append(span)
    return runs


def _split(
    text: str, spans: Iterable[Span], blocks: Sequence[Span], *, trim: bool
) -> Iterator[Span]:
    """Yield the parts of spans on their lines outside all blocks, one when asked for.

    Args:
        text: their text.
        spans: in order and apart from each other.
        blocks: likewise, of whole lines; their lines are skipped unread.
        trim: whether a part begins and ends with a visible character.
    """
    starts = [block.start for block in blocks]
    for span in spans:
        start = span.start
        index = max(bisect_right(starts, start) - 1, 0)
        for at in range(index, len(blocks)):
            block = blocks[at]
            if block.start >= span.end:
                break
            if block.start > start:
                yield from pieces(text, _between(span, start, block.start), trim=trim)
            start = max(start, block.end)
        if start < span.end:
            yield from pieces(text, _between(span, start, span.end), trim=trim)


def _between(span: Span, start: int, end: int) -> Span:
    return replace(span, start=start, length=end - start)


def _counted(spans: Iterable[Span], *, besides: int = 0) -> list[Span]:
    """Return spans as a list; refuse them with the first that is too many."""
    found = list(islice(spans, max(SPAN_LIMIT - besides, 0) + 1))
    if len(found) + besides > SPAN_LIMIT:
        raise _refused(f"has more than {SPAN_LIMIT}, each line counted")
    return found


def _outside(spans: Iterable[Span], whole: Sequence[Span], *, inside_goes: bool) -> Iterator[Span]:
    """Yield spans that are not inside one of the whole ones; refuse those that cut one.

    Args:
        spans: spans around or beside the whole ones.
        whole: in order and apart from each other.
        inside_goes: whether one of exactly the same range counts as inside.
    """
    starts = [span.start for span in whole]
    return (span for span in spans if not _inside(span, whole, starts, same=inside_goes))


def _inside(span: Span, whole: Sequence[Span], starts: Sequence[int], *, same: bool) -> bool:
    for other in _ends(span, whole, starts):
        within = other.start <= span.start and span.end <= other.end
        around = span.start <= other.start and other.end <= span.end
        if within and (same or not around):
            return True
        if not within and not around:
            raise _refused(f"has overlapping {span.kind} and {other.kind} at {other.start}")
    return False


def _ends(span: Span, whole: Sequence[Span], starts: Sequence[int]) -> Iterator[Span]:
    """Yield the whole spans in which a span begins and ends: it can cut no others."""
    for at in {span.start, span.end - 1}:
        index = bisect_right(starts, at) - 1
        if index >= 0 and whole[index].end > at:
            yield whole[index]


def _place(span: Span) -> tuple[int, int, int, str]:
    return span.start, -span.length, _ORDER[span.kind], span.value


def _refused(problem: str) -> InvalidArgument:
    return InvalidArgument(field="spans", problem=problem)
