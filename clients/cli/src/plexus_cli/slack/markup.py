"""Translation of Slack's mrkdwn into readable text with spans and mentions.

Offsets count Unicode code points. Code and quotes contain no mentions (MSG-13).
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from plexus.messaging.v1 import messages_pb2 as messages
from plexuskit.emoji import replace_codes
from plexuskit.links import is_target, misleads

MAX_MENTIONS = 200
"""Maximum mentioned people in one message (MSG-13); further ones become labels."""

NO_LANGUAGE = "text"
"""Language of a code block without a declared one."""

_TOKEN = re.compile(
    r"```(?P<block>.+?)```"
    r"|`(?P<code>[^`\n]+)`"
    r"|(?P<quote>(?:(?<=\n)|\A)(?:(?:&gt;){3}|&gt;)[ ]?)"
    r"|<(?P<angle>[^<>\n]+)>"
    r"|&(?P<entity>lt|gt|amp);",
    re.DOTALL,
)
_INNER = re.compile(r"<(?P<angle>[^<>\n]+)>|&(?P<entity>lt|gt|amp);")
_ENTITY = re.compile(r"&(lt|gt|amp);")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&"}
_CJK = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
"""Letters of scripts without spaces, which may directly adjoin emphasis marks."""
_EMPHASIS = {
    "bold": re.compile(
        rf"(?<![^\W_{_CJK}])(?<!\*)\*([^\s*](?:[^*\n]*[^\s*])?)\*(?![^\W_{_CJK}])(?!\*)"
    ),
    "italic": re.compile(rf"(?<![^\W{_CJK}])_([^\s_](?:[^_\n]*[^\s_])?)_(?![^\W{_CJK}])"),
    "strike": re.compile(
        rf"(?<![^\W_{_CJK}])(?<!~)~([^\s~](?:[^~\n]*[^\s~])?)~(?![^\W_{_CJK}])(?!~)"
    ),
}
_LINK = re.compile(r"(?:https?|ftp)://\S+|(?:mailto|tel):\S+", re.IGNORECASE)
_SCHEME_HIDDEN_WITHOUT_LABEL = re.compile(r"(?:mailto|tel):", re.IGNORECASE)
_ALL = frozenset({"all", "channel", "here", "everyone", "group"})
_OPAQUE = "\ufffc"
"""Placeholder for each character of code, label or link while emphasis and line ends are parsed."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """A person that a text can mention: the displayed handle and the person id."""

    handle: str
    person_id: str


@dataclass(frozen=True, kw_only=True)
class Names:
    """Lookup of referenced people and channels; each returns None if unknown."""

    person: Callable[[str], Named | None]
    """By Slack user id."""
    channel: Callable[[str], str | None]
    """Name by Slack channel id."""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A text with its spans and mentions, and its unresolved references."""

    text: str
    spans: Sequence[messages.Span] = ()
    mentions: Sequence[messages.Mention] = ()
    unknown: Sequence[str] = ()
    """User ids that became literal labels."""
    beyond_limit: int = 0
    """Number of people that became labels because of MAX_MENTIONS."""


@dataclass(frozen=True, kw_only=True)
class _Range:
    start: int
    end: int
    kind: str
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class _Label:
    """The content between `<` and `>`: displayed text and meaning (`kind` empty: none)."""

    text: str
    kind: str = ""
    value: str = ""


def unescape(text: str) -> str:
    """Undo `escaped`, each entity once."""
    return _ENTITY.sub(lambda match: _ENTITIES[match[1]], text)


def render(source: str, *, names: Names) -> Rendered:
    """Translate `source` into text, spans and mentions. Accept every string."""
    if not any(mark in source for mark in "<&`*_~:"):
        return Rendered(text=source)
    writer = _Writer(names)
    position = 0
    for match in _TOKEN.finditer(source):
        writer.plain(source[position : match.start()])
        writer.token(match)
        position = match.end()
    writer.plain(source[position:])
    return writer.finish()


class _Writer:
    """Writer that collects the text piece by piece; emphasis marks are removed at the end.

    A mask of the same length keeps plain characters and hides all others, so that a `*` or a line
    end inside code is not mistaken for one outside.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._text: list[str] = []
        self._mask: list[str] = []
        self._length = 0
        self._ranges: list[_Range] = []
        self._quotes: list[int] = []
        self._quoted = False
        self._quoted_to_end = False
        self._people: dict[str, None] = {}
        self._unknown: dict[str, None] = {}
        self._beyond_limit = 0

    def plain(self, text: str) -> None:
        text = replace_codes(text)
        self._append(text, text)
        if "\n" in text and not self._quoted_to_end:
            self._quoted = False

    def token(self, match: re.Match[str]) -> None:
        group = match.lastgroup or ""
        content = match[group]
        if group == "entity":
            character = _ENTITIES[content]
            self._append(character, character)
        elif group == "angle":
            self._angle(content)
        elif group == "quote":
            self._quote(content)
        else:
            inner = content.removeprefix("\n").removesuffix("\n") if group == "block" else content
            self._opaque(self._inside_code(inner or content), kind=group)

    def finish(self) -> Rendered:
        text, mask = "".join(self._text), "".join(self._mask)
        ranges = [
            *self._ranges,
            *_quote_ranges(mask, self._quotes, last_to_end=self._quoted_to_end),
        ]
        text, ranges = _emphasised(text, mask, ranges)
        ranges = [_as_block(item, text) for item in ranges]
        ranges.sort(key=lambda item: (item.start, -item.end, item.kind))
        mentions = [messages.Mention(person_id=person_id) for person_id in self._people]
        if any(item.kind == "mention_all" for item in ranges):
            mentions.insert(0, messages.Mention(all=True))
        return Rendered(
            text=text,
            spans=tuple(_span(item) for item in ranges),
            mentions=tuple(mentions),
            unknown=tuple(self._unknown),
            beyond_limit=self._beyond_limit,
        )

    def _append(self, text: str, mask: str) -> None:
        self._text.append(text)
        self._mask.append(mask)
        self._length += len(text)

    def _opaque(self, text: str, *, kind: str, value: str = "") -> None:
        start = self._length
        self._append(text, _OPAQUE * len(text))
        if kind and text:
            self._ranges.append(_Range(start=start, end=self._length, kind=kind, value=value))

    def _quote(self, marks: str) -> None:
        if self._quoted_to_end:
            self.plain(unescape(marks))
            return
        self._quotes.append(self._length)
        self._quoted = True
        self._quoted_to_end = marks.startswith("&gt;&gt;&gt;")

    def _angle(self, content: str) -> None:
        label = self._label(content)
        kind = label.kind
        if kind == "mention_person_id":
            kind = self._mention(label.value)
        elif kind == "mention_all" and self._quoted:
            kind = ""
        elif kind == "unknown":
            self._unknown[label.value] = None
            kind = ""
        self._opaque(label.text, kind=kind, value=label.value)

    def _mention(self, person_id: str) -> str:
        """Record a mention; return the kind of its span, empty for a plain label."""
        if self._quoted:
            return ""
        if person_id not in self._people and len(self._people) >= MAX_MENTIONS:
            self._beyond_limit += 1
            return ""
        self._people[person_id] = None
        return "mention_person_id"

    def _inside_code(self, source: str) -> str:
        def shown(match: re.Match[str]) -> str:
            entity = match["entity"]
            return _ENTITIES[entity] if entity else self._label(match["angle"]).text

        return _INNER.sub(shown, source)

    def _label(self, content: str) -> _Label:
        target, bar, shown = content.partition("|")
        shown = unescape(shown)
        sign, rest = target[:1], target[1:]
        if sign == "@" and rest:
            named = self._names.person(rest)
            if named is not None:
                return _Label(
                    text=f"@{named.handle}", kind="mention_person_id", value=named.person_id
                )
            return _Label(text=f"@{shown.removeprefix('@') or rest}", kind="unknown", value=rest)
        if sign == "#" and rest:
            return _Label(text=f"#{shown.removeprefix('#') or self._names.channel(rest) or rest}")
        if sign == "!" and rest:
            return _command(rest, shown)

        return _address(unescape(target), shown) or _Label(text=f"<{unescape(target)}{bar}{shown}>")


def read_address(address: str, shown: str) -> tuple[str, bool]:
    """Return the text of a link and whether clients may follow it.

    An address that clients should not follow, or whose text is another address, is shown beside its
    text.
    """
    bare = _SCHEME_HIDDEN_WITHOUT_LABEL.sub("", address, count=1) or address
    text = shown or bare
    if is_target(address) and not misleads(text, address):
        return text, True
    return (text if text in {address, bare} else f"{text} ({address})"), False


def _address(address: str, shown: str) -> _Label | None:
    """Return the label of an address; None if it is not an address."""
    if not _LINK.fullmatch(address):
        return None
    text, followed = read_address(address, shown)
    return _Label(text=text, kind="link", value=address) if followed else _Label(text=text)


def _command(command: str, shown: str) -> _Label:
    """Parse `<!here>`, `<!subteam^S1|@team>`, `<!date^…|fallback>` and other `!` commands."""
    name, _, argument = command.partition("^")
    if name in _ALL:
        return _Label(text=f"@{name}", kind="mention_all")
    if name == "subteam":
        return _Label(text=f"@{shown.removeprefix('@') or argument or name}")
    return _Label(text=shown or f"<!{unescape(command)}>")


def _quote_ranges(mask: str, starts: Sequence[int], *, last_to_end: bool) -> list[_Range]:
    """Return the quoted ranges: each to the end of its line, adjacent lines as one."""
    ranges: list[_Range] = []
    for start in starts:
        found = mask.find("\n", start)
        to_end = found < 0 or (last_to_end and start == starts[-1])
        end = len(mask) if to_end else found
        if ranges and ranges[-1].end + 1 == start:
            ranges[-1] = _Range(start=ranges[-1].start, end=end, kind="quote")
        elif start < end:
            ranges.append(_Range(start=start, end=end, kind="quote"))
    return ranges


def _emphasised(text: str, mask: str, ranges: list[_Range]) -> tuple[str, list[_Range]]:
    """Remove the marks of bold and italic from `text`; move `ranges` and add those of emphasis."""
    marks: list[int] = []
    found = list(ranges)
    for kind, pattern in _EMPHASIS.items():
        for match in pattern.finditer(mask):
            marks += (match.start(), match.end() - 1)
            found.append(_Range(start=match.start(1), end=match.end(1), kind=kind))
    if not marks:
        return text, found

    marks.sort()
    pieces = []
    position = 0
    for mark in marks:
        pieces.append(text[position:mark])
        position = mark + 1
    pieces.append(text[position:])
    moved = [
        _Range(
            start=item.start - bisect_left(marks, item.start),
            end=item.end - bisect_left(marks, item.end),
            kind=item.kind,
            value=item.value,
        )
        for item in found
    ]
    return "".join(pieces), moved


def _as_block(item: _Range, text: str) -> _Range:
    """Return code between three backticks as a code block if it fills its lines."""
    if item.kind != "block":
        return item
    begins = item.start == 0 or text[item.start - 1] == "\n"
    ends = item.end == len(text) or text[item.end] == "\n"
    if begins and ends:
        return replace(item, kind="code_block", value=NO_LANGUAGE)
    return replace(item, kind="code")


def _span(item: _Range) -> messages.Span:
    span = messages.Span(start=item.start, length=item.end - item.start)
    match item.kind:
        case "mention_person_id":
            span.mention_person_id = item.value
        case "link":
            span.link = item.value
        case "code_block":
            span.code_block = item.value
        case flag:
            setattr(span, flag, True)
    return span
