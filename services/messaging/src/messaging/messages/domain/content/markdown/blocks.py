"""Lines of markdown as blocks: text, code, and which of both are quoted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from messaging.messages.domain.content.settling import LANGUAGE, NO_LANGUAGE

_QUOTE: Final = re.compile(r" {0,3}> ?")
_FENCE: Final = re.compile(r"( {0,3})(`{3,}|~{3,})([^\n]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Neighbouring lines of one nature, without their marks; `language` is empty for text."""

    lines: tuple[str, ...]
    quoted: bool
    language: str = ""


@dataclass(frozen=True, slots=True)
class _Fence:
    indent: int
    mark: str
    language: str

    def ends_at(self, line: str) -> bool:
        bare = line.strip(" \t")
        indent = len(line) - len(line.lstrip(" "))
        return indent < 4 and len(bare) >= len(self.mark) and not bare.strip(self.mark[0])  # noqa: PLR2004 - CommonMark's indentation

    def content(self, line: str) -> str:
        indent = len(line) - len(line.lstrip(" "))
        return line[min(indent, self.indent) :]


def blocks(source: str) -> Iterator[Block]:
    """Yield the blocks of a text in order; their lines are all lines but those of the fences.

    A fence that is never closed reaches to the end of the text, or of the quote it began in; one
    with nothing after it is text.
    """
    lines = source.split("\n")
    at = 0
    pending: list[str] = []
    quoted = False
    while at < len(lines):
        depth, bare = _unquoted(lines[at])
        code = _code(lines, at, depth=depth, bare=bare)
        if pending and (code or quoted is not bool(depth)):
            yield Block(lines=tuple(pending), quoted=quoted)
            pending = []
        if code:
            block, at = code
            yield block
            continue
        quoted = bool(depth)
        pending.append(bare)
        at += 1
    if pending:
        yield Block(lines=tuple(pending), quoted=quoted)


def _code(lines: Sequence[str], at: int, *, depth: int, bare: str) -> tuple[Block, int] | None:
    """Return the code block that begins at a line, and the next line after it."""
    fence = _opened(bare)
    if fence is None:
        return None
    content: list[str] = []
    closed = False
    at += 1
    while at < len(lines) and not closed:
        level, inner = _unquoted(lines[at], maximum=depth)
        if level < depth:
            break
        closed = fence.ends_at(inner)
        if not closed:
            content.append(fence.content(inner))
        at += 1
    if not content and not closed:
        return None
    return Block(lines=tuple(content), quoted=bool(depth), language=fence.language), at


def _opened(line: str) -> _Fence | None:
    found = _FENCE.fullmatch(line)
    if found is None or (found[2][0] == "`" and "`" in found[3]):
        return None
    word = found[3].split(maxsplit=1)[:1]
    language = word[0].lower() if word and LANGUAGE.fullmatch(word[0]) else NO_LANGUAGE
    return _Fence(len(found[1]), found[2], language)


def _unquoted(line: str, *, maximum: int | None = None) -> tuple[int, str]:
    """Return the number of quote marks at the start of a line, up to a maximum, and the rest."""
    depth, at = 0, 0
    while (maximum is None or depth < maximum) and (found := _QUOTE.match(line, at)):
        depth, at = depth + 1, found.end()
    return depth, line[at:]
