"""Translation of Slack's `rich_text` blocks: typed text with its style."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from plexuskit.emoji import emoji_of_code

from plexus_cli.slack.composing import STYLES, Composer
from plexus_cli.slack.fields import Entry, child, children, flag, string, whole
from plexus_cli.slack.markup import Names, Rendered

MAX_INDENT = 8

_BULLETS = "•◦▪"
_INDENT = "    "
_SUBTEAM = re.compile(r"<!subteam\^(\w+)\|@?([^<>|]+)>")
_CODE_POINTS = re.compile(r"[0-9a-f]{2,6}(?:-[0-9a-f]{2,6})*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_SECONDS = 4_102_444_800
"""The year 2100."""


def rich_text(block: Entry, *, names: Names, beside: str = "") -> tuple[Rendered, list[str]]:
    """Translate a `rich_text` block; return its text and the unknown kinds of elements.

    Args:
        block: the block.
        names: names of people and channels.
        beside: the text beside the block in Slack's markup, the only place with names of user
            groups.
    """
    writer = _Writer(names, groups=dict(_SUBTEAM.findall(beside)))
    for part in children(block, "elements"):
        writer.part(part)
    return writer.composer.finish(), writer.unknown


class _Writer:
    def __init__(self, names: Names, *, groups: dict[str, str]) -> None:
        self.composer = Composer(names)
        self.unknown: list[str] = []
        self._groups = groups
        self._numbers: dict[int, int] = {}

    def part(self, part: Entry) -> None:
        """Add a section, list, quote or block of code on lines of its own."""
        composer = self.composer
        composer.begin_line()
        start = composer.length
        kind = string(part, "type")
        if kind == "rich_text_list":
            self._list(part)
        else:
            self._numbers.clear()
            self._inline(part, plain=kind == "rich_text_preformatted")
        if kind == "rich_text_preformatted":
            composer.mark_code_block(start, _language(part))
        elif kind == "rich_text_quote" or whole(part, "border"):
            composer.mark(start, "quote")
        elif kind not in {"rich_text_list", "rich_text_section"}:
            self.unknown.append(kind)

    def _list(self, part: Entry) -> None:
        indent = min(whole(part, "indent"), MAX_INDENT)
        ordered = string(part, "style") == "ordered"
        # A list continues after a nested one; Slack stores its first number as `offset`.
        number = whole(part, "offset") or self._numbers.get(indent, 0)
        for item in children(part, "elements"):
            self.composer.begin_line()
            number += 1
            sign = f"{number}." if ordered else _BULLETS[indent % len(_BULLETS)]
            self.composer.add(f"{_INDENT * indent}{sign} ")
            self._inline(item)
        kept = {level: count for level, count in self._numbers.items() if level < indent}
        self._numbers = kept | ({indent: number} if ordered else {})

    def _inline(self, part: Entry, *, plain: bool = False) -> None:
        for element in children(part, "elements"):
            given = child(element, "style")
            styles = () if plain else [style for style in STYLES if flag(given, style)]
            self._element(element, styles, plain=plain)

    def _element(self, element: Entry, styles: Sequence[str], *, plain: bool) -> None:
        composer = self.composer
        match string(element, "type"):
            case "text" if plain:
                composer.add(string(element, "text"))
            case "link":
                composer.add_link(string(element, "url"), string(element, "text"), styles=styles)
            case "user":
                composer.add_person(string(element, "user_id"), styles=styles)
            case "channel":
                composer.add_channel(string(element, "channel_id"), styles=styles)
            case "broadcast":
                composer.add_everyone(string(element, "range") or "channel")
            case kind:
                composer.add(self._words(element, kind), styles=styles)

    def _words(self, element: Entry, kind: str) -> str:
        """Return the text of an element without a meaning of its own."""
        key = string(element, "usergroup_id")
        known: dict[str, Callable[[], str]] = {
            "text": lambda: string(element, "text"),
            "usergroup": lambda: f"@{self._groups.get(key, key)}",
            "team": lambda: f"@{string(element, 'team_id')}",
            "emoji": lambda: _emoji(element),
            "date": lambda: _date(element),
            "color": lambda: string(element, "value"),
        }
        if kind in known:
            return known[kind]()
        self.unknown.append(kind)
        return string(element, "text") or string(element, "fallback")


def _emoji(element: Entry) -> str:
    name = string(element, "name")
    tone = whole(element, "skin_tone")
    if found := emoji_of_code(f"{name}::skin-tone-{tone}" if tone else name):
        return found
    code = string(element, "unicode").lower()
    if _CODE_POINTS.fullmatch(code):
        points = [int(point, 16) for point in code.split("-")]
        if all(0xA0 <= point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF for point in points):  # noqa: PLR2004 - no controls, no surrogates
            return "".join(map(chr, points))
    return f":{name}:" if name else ""


def _date(element: Entry) -> str:
    """Return the date as the writer saw it: the fallback, else the moment in UTC."""
    if fallback := string(element, "fallback"):
        return fallback
    seconds = min(whole(element, "timestamp"), _MAX_SECONDS)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M} UTC"


def _language(part: Entry) -> str:
    language = string(part, "language")
    return language if re.fullmatch(r"[A-Za-z0-9+#._-]{1,40}", language) else ""
