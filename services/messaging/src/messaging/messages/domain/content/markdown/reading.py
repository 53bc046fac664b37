"""Markdown as text and spans."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from markdown_it.token import Token
from plexuskit.links import misleads

from messaging.messages.domain.content.markdown.blocks import Block, blocks
from messaging.messages.domain.content.markdown.cost import Cost, check_lines
from messaging.messages.domain.content.markdown.inline import LINE_END, inline_tokens
from messaging.messages.domain.content.settling import settle
from messaging.messages.domain.content.spans import Span, SpanKind
from messaging.messages.domain.content.texts import clean_text

_STYLES: Final = {
    "strong_open": SpanKind.BOLD,
    "em_open": SpanKind.ITALIC,
    "s_open": SpanKind.STRIKE,
    "link_open": SpanKind.LINK,
}
_CLOSING: Final = frozenset(("strong_close", "em_close", "s_close", "link_close"))
_MENTIONS: Final = {
    "person": SpanKind.MENTION,
    "all": SpanKind.MENTION_ALL,
    "department": SpanKind.MENTION_DEPARTMENT,
}


def read_markdown(source: str) -> tuple[str, tuple[Span, ...]]:
    """Return the text of a markdown source and its spans in normal form, in code points.

    Takes time in proportion to the source, and never more than some 50 ms.

    Raises:
        InvalidArgument: more than 10,000 lines, 6,000 marks or 2,000 addresses, or more spans than
            a message may have.
    """
    source, _ = clean_text(source)
    check_lines(source)
    cost = Cost()
    writer = _Writer(cost)
    for quoted, run in groupby(blocks(source), key=lambda block: block.quoted):
        start = writer.place
        for block in run:
            if not block.language:
                for line in block.lines:
                    cost.line(line)
            writer.block(block)
        if quoted:
            writer.quote(start)
    return writer.finish()


class _Writer:
    """Collects the text piece by piece, and the spans over it."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._parts: list[str] = []
        self._spans: list[Span] = []
        self._length = 0
        self._begun = False

    @property
    def place(self) -> int:
        """Position at which the next line begins."""
        return self._length + self._begun

    def block(self, block: Block) -> None:
        if self._begun:
            self._text("\n")
        self._begun = True
        start = self._length
        if block.language:
            self._text("\n".join(block.lines))
            self._span(start, SpanKind.CODE_BLOCK, block.language)
            return
        for index, paragraph in enumerate(_paragraphs(block.lines)):
            if index:
                self._text("\n")
            if paragraph.isspace() or not paragraph:
                self._text(paragraph)
            else:
                self._inline(inline_tokens(paragraph, self._cost))

    def quote(self, start: int) -> None:
        self._span(start, SpanKind.QUOTE)

    def finish(self) -> tuple[str, tuple[Span, ...]]:
        text = "".join(self._parts)
        return text, settle(text, self._spans)

    def _inline(self, tokens: Sequence[Token]) -> None:
        opened: list[tuple[int, SpanKind, str]] = []
        for token in tokens:
            start = self._length
            if token.type in _STYLES:
                opened.append((start, _STYLES[token.type], str(token.attrs.get("href", ""))))
            elif token.type in _CLOSING:
                begun, kind, target = opened.pop()
                if kind is SpanKind.LINK:
                    begun = self._shown_target(begun, target)
                self._span(begun, kind, target)
            elif token.type == "code_inline":
                self._text(token.content)
                self._span(start, SpanKind.CODE)
            elif token.type == "mention":
                self._text(token.content)
                target = "" if token.info == "all" else token.meta["id"]
                self._span(start, _MENTIONS[token.info], target)
            else:
                self._text(token.content)

    def _shown_target(self, start: int, target: str) -> int:
        """Write a link's address out if its text is empty or another address.

        Returns the position at which the linked text begins.
        """
        shown = self._since(start)
        if not shown.strip():
            return self._text(target)
        if not any(misleads(line, target) for line in shown.split("\n")):
            return start
        self._text(" (")
        begins = self._text(target)
        self._text(")")
        self._spans.append(Span(begins, len(target), SpanKind.LINK, target))
        return self._length

    def _since(self, start: int) -> str:
        parts: list[str] = []
        length = self._length
        for part in reversed(self._parts):
            if length <= start:
                break
            parts.append(part)
            length -= len(part)
        return "".join(reversed(parts))

    def _text(self, text: str) -> int:
        start = self._length
        self._parts.append(text.replace(LINE_END, "\n"))
        self._length += len(text)
        return start

    def _span(self, start: int, kind: SpanKind, value: str = "") -> None:
        if self._length > start:
            self._spans.append(Span(start, self._length - start, kind, value))


def _paragraphs(lines: Sequence[str]) -> Iterator[str]:
    """Yield neighbouring lines with words as one, and each blank line by itself."""
    for blank, run in groupby(lines, key=lambda line: not line.strip()):
        if blank:
            yield from run
        else:
            yield LINE_END.join(run)
