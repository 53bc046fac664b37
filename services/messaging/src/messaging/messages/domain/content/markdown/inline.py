"""The tokens of one paragraph, by markdown-it restricted to the subset."""

import re
import unicodedata
from functools import lru_cache
from types import SimpleNamespace
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.helpers import parseLinkLabel, parseLinkTitle
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import link
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token
from plexuskit.links import MAX_BYTES, check_target, is_target

from messaging.messages.domain.content.markdown.cost import Cost
from messaging.messages.domain.content.markdown.destinations import read_destination

LINE_END: Final = "\x0b"
"""Stands for a line feed, which markdown-it changes in places; it counts as white space too."""

DEEPEST: Final = 20

_RULES: Final = (
    *("text", "linkify", "escape", "backticks", "strikethrough", "emphasis"),
    *("link", "token", "autolink"),
)
_PAIRING: Final = ("balance_pairs", "strikethrough", "emphasis", "fragments_join")
_TOKEN: Final = re.compile(
    r"<(?:@(?P<person>[A-Za-z0-9][A-Za-z0-9_.:-]{0,127})|!(?P<all>all)"
    r"|!(?P<department>[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}))"
    rf"(?:\|(?P<shown>(?:[^\\<>\n{LINE_END}]|\\[^\n{LINE_END}]){{1,256}}))?>"
)
_NOTHING: Final = "<!-- -->"
_ESCAPE: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_HELPERS: Final = SimpleNamespace(
    parseLinkDestination=read_destination,
    parseLinkLabel=parseLinkLabel,
    parseLinkTitle=parseLinkTitle,
)
_BARE_SCHEME: Final = re.compile(
    r"(?:^|.*[^A-Za-z0-9+.-])(https?|mailto)", re.IGNORECASE | re.DOTALL
)
_BARE_REST: Final = re.compile(rf"[!#-;=?-Z_a-z~]{{1,{MAX_BYTES}}}")
_AFTER_ADDRESS: Final = "?!.,:;*_~'"
# Text ends where a rule may begin: at a mark, or at the colon of a scheme.
_STOP: Final = re.compile(r"[*_~`\[\]<\\]|(?:(?<=http)|(?<=https)|(?<=mailto)):", re.IGNORECASE)
_MAX_SCHEME: Final = len("mailto") + 1


class CjkState(StateInline):
    """Reads delimiter runs by the CJK-friendly amendments to CommonMark.

    Punctuation of Chinese, Japanese and Korean counts as a letter, and next to such a character
    other punctuation hinders neither the beginning nor the end of emphasis. The plain rule takes
    the marks of `**重点：**后文` for text, since words are not parted by spaces there.
    """  # noqa: RUF002 - its subject is Chinese punctuation

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803, FBT001 - markdown-it's names
        """Return whether a run of marks can open and close emphasis, and how long it is."""
        source, marker, end = self.src, self.src[start], start
        while end < self.posMax and source[end] == marker:
            end += 1
        before, selector = self._before(start)
        after = source[end] if end < self.posMax else " "

        before_space, after_space = _is_space(before), _is_space(after)
        before_wide = _is_wide(before) or _is_widened(before, selector)
        after_wide = _is_wide(after)
        before_mark, after_mark = _is_mark(before), _is_mark(after)
        # 2a and 2b of the amendments: marks that are not wide need something at their other side.
        narrow_before, narrow_after = before_mark and not before_wide, after_mark and not after_wide
        left = not after_space and (
            not narrow_after or before_space or narrow_before or before_wide
        )
        right = not before_space and (
            not narrow_before or after_space or narrow_after or after_wide
        )
        can_open = left and (canSplitWord or not right or before_mark)
        can_close = right and (canSplitWord or not left or after_mark)
        return Scanned(can_open, can_close, end - start)

    def _before(self, start: int) -> tuple[str, str]:
        """Return the character before a run, and the variation selector between both if any."""
        if start == 0:
            return " ", ""
        last = self.src[start - 1]
        if "\ufe00" <= last <= "\ufe0e" and start > 1:
            return self.src[start - 2], last
        return last, ""


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: object, tokens: list[Token]) -> list[Token]:
        state = CjkState(src, md, env, tokens)  # type: ignore[arg-type] # env is any mapping
        state.env["last_link"] = src.rfind("](")
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens

    def skipToken(self, state: StateInline) -> None:  # noqa: N802 - markdown-it's name
        """Skip one token, and count it: brackets visit their contents again and again."""
        state.env["cost"].step()
        super().skipToken(state)


class _Markdown(MarkdownIt):
    """markdown-it that leaves addresses as they are written and accepts those of the allow-list."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - markdown-it's name
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - markdown-it's name
        return check_target(link, field="text") if is_target(link) else link

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's name
        return is_target(url)


def inline_tokens(paragraph: str, cost: Cost) -> list[Token]:
    """Return markdown-it's tokens of a paragraph whose line feeds are `LINE_END`.

    Raises InvalidArgument: see Cost.step.
    """
    return _MARKDOWN.inline.parse(paragraph, _MARKDOWN, {"cost": cost}, [])


def unescaped(text: str) -> str:
    """Return a text without the backslashes before its punctuation."""
    return _ESCAPE.sub(r"\1", text)


def bare_address(text: str, start: int, end: int) -> str:
    """Return the address at the start of a range, without trailing punctuation."""
    found = _BARE_REST.match(text, start, end)
    if found is None:
        return ""
    rest = found[0].rstrip(_AFTER_ADDRESS)
    while rest.endswith(")") and rest.count(")") > rest.count("("):
        rest = rest[:-1].rstrip(_AFTER_ADDRESS)
    return rest


def begins_address(text: str) -> str:
    """Return the scheme of a bare address that a text ends with; empty for none."""
    found = _BARE_SCHEME.fullmatch(text[-_MAX_SCHEME:])
    return found[1] if found else ""


def _text(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - a rule of markdown-it
    """Consume text up to the next character at which another rule may begin."""
    found = _STOP.search(state.src, state.pos, state.posMax)
    end = found.start() if found else state.posMax
    if end == state.pos:
        return False
    if not silent:
        state.pending += state.src[state.pos : end]
    state.pos = end
    return True


def _link(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - a rule of markdown-it
    """Make a link of a bracket, but look for its end only where one with an address follows."""
    return state.pos < state.env["last_link"] and link(state, silent)


def _bare(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - a rule of markdown-it
    """Turn a bare address in the text into a link."""
    if silent or state.linkLevel > 0 or state.src[state.pos] != ":":
        return False
    scheme = begins_address(state.pending)
    if not scheme:
        return False
    address = scheme + bare_address(state.src, state.pos, state.posMax)
    if not is_target(address):
        return False
    state.pending = state.pending[: -len(scheme)]
    state.push("link_open", "a", 1).attrs = {"href": address}
    state.push("text", "", 0).content = address
    state.push("link_close", "a", -1)
    state.pos += len(address) - len(scheme)
    return True


def _token(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - a rule of markdown-it
    """Read a mention, or the mark that is nothing."""
    if state.src.startswith(_NOTHING, state.pos):
        if not silent:
            state.push("nothing", "", 0)
        state.pos += len(_NOTHING)
        return True
    found = _TOKEN.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        kind = next(name for name in ("person", "all", "department") if found[name])
        token = state.push("mention", "", 0)
        token.info, token.meta = kind, {"id": found[kind]}
        token.content = unescaped(found["shown"] or f"@{found[kind]}")
    state.pos = found.end()
    return True


@lru_cache(maxsize=1024)
def _is_space(character: str) -> bool:
    return isWhiteSpace(ord(character))


@lru_cache(maxsize=1024)
def _is_mark(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or isPunctChar(character)


@lru_cache(maxsize=1024)
def _is_wide(character: str) -> bool:
    if "\U000e0100" <= character <= "\U000e01ef" or "\u1100" <= character <= "\u11ff":
        return True
    if unicodedata.east_asian_width(character) not in "WFH":
        return False
    # Emoji are wide too; the symbols of the CJK blocks are the only other ones of that category.
    return unicodedata.category(character) != "So" or "\u2e80" <= character <= "\u33ff"


def _is_widened(character: str, selector: str) -> bool:
    return selector == "\ufe01" and unicodedata.east_asian_width(character) == "A"


def _markdown() -> MarkdownIt:
    markdown = _Markdown("zero")
    markdown.helpers = _HELPERS  # type: ignore[assignment] # the same functions by name
    markdown.options["maxNesting"] = DEEPEST
    markdown.inline = _Inline()
    markdown.inline.ruler.at("text", _text)
    markdown.inline.ruler.at("link", _link)
    markdown.inline.ruler.at("linkify", _bare)
    markdown.inline.ruler.before("autolink", "token", _token)
    markdown.inline.ruler.enableOnly(list(_RULES))
    markdown.inline.ruler2.enableOnly(list(_PAIRING))
    return markdown


_MARKDOWN: Final = _markdown()
