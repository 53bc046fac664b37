"""Translation of a message's blocks of every kind that contains text."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from plexus_cli.slack.composing import Composer, joined
from plexus_cli.slack.fields import Entry, child, children, escaped, string
from plexus_cli.slack.markup import Names, Rendered, render
from plexus_cli.slack.rich_text import rich_text

MAX_DEPTH = 20
"""Levels of an unknown block that are searched for text."""

_WORDS = ("title", "text", "description", "label", "alt_text", "placeholder")
_TEXT_OBJECTS = frozenset({"plain_text", "mrkdwn", "raw_text", "raw_number", "text", "markdown"})
_SILENT = frozenset({"divider", "file", "share_shortcut"})
_MARKDOWN = re.compile(
    r"(?P<code>```.*?```|`[^`\n]+`)"
    r"|\[(?P<shown>[^\[\]\n]*)\]\((?P<target>[^()\s]+)\)"
    r"|(?P<bold>\*\*|__)(?=\S)(?P<strong>.+?\S|\S)(?P=bold)"
    r"|~~(?=\S)(?P<strike>.+?\S|\S)~~"
    r"|(?<![*\w])\*(?=[^\s*])(?P<italic>[^*\n]*?[^\s*])\*(?![*\w])"
    r"|^[ ]{0,3}\#{1,6}[ ]+(?P<heading>[^\n]+)$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(kw_only=True)
class BlockReader:
    """Reader of the blocks of one message.

    Attributes:
        names: names of people and channels.
        beside: the text beside the blocks, in Slack's markup.
        unknown: unknown kinds of blocks and elements that were found; their text is kept.
    """

    names: Names
    beside: str = ""
    unknown: list[str] = field(default_factory=list)

    def read(self, entry: Entry) -> Rendered:
        """Return the text of all blocks of `entry`, each block on lines of its own."""
        blocks = children(entry, "blocks")
        return joined((self._block(block) for block in blocks), names=self.names)

    def _block(self, block: Entry) -> Rendered:
        kind = string(block, "type")
        if kind in _SILENT:
            return Rendered(text="")
        reader = self._readers().get(kind)
        if reader is not None:
            return reader(block)
        self.unknown.append(kind)
        return joined(self._scraped(block, MAX_DEPTH), names=self.names)

    def _readers(self) -> dict[str, Callable[[Entry], Rendered]]:
        return {
            "rich_text": self._rich_text,
            "section": self._section,
            "header": self._header,
            "context": self._context,
            "context_actions": self._actions,
            "actions": self._actions,
            "image": self._image,
            "video": self._video,
            "table": self._table,
            "markdown": self._markdown,
            "input": self._input,
            "call": self._call,
        }

    def _rich_text(self, block: Entry) -> Rendered:
        rendered, unknown = rich_text(block, names=self.names, beside=self.beside)
        self.unknown += unknown
        return rendered

    def _section(self, block: Entry) -> Rendered:
        parts = [self._text(child(block, "text")), *map(self._text, children(block, "fields"))]
        accessory = child(block, "accessory")
        if accessory and string(accessory, "type") != "image":
            parts.append(self._control(accessory))
        return joined(parts, names=self.names)

    def _header(self, block: Entry) -> Rendered:
        composer = Composer(self.names)
        composer.add_plain(string(child(block, "text"), "text"), styles=("bold",))
        return composer.finish()

    def _context(self, block: Entry) -> Rendered:
        composer = Composer(self.names)
        for element in children(block, "elements"):
            if composer.length:
                composer.add(" ")
            if string(element, "type") == "image":
                composer.add_plain(string(element, "alt_text"))
            else:
                composer.add_rendered(self._text(element))
        return composer.finish()

    def _actions(self, block: Entry) -> Rendered:
        composer = Composer(self.names)
        for element in children(block, "elements"):
            if composer.length:
                composer.add(" ")
            composer.add_rendered(self._control(element))
        return composer.finish()

    def _control(self, element: Entry) -> Rendered:
        """Return the label of a button or another control, as a link if it has a target."""
        label = string(child(element, "text"), "text") or string(
            child(element, "placeholder"), "text"
        )
        composer = Composer(self.names)
        address = string(element, "url")
        if label and address:
            composer.add_link(address, label)
        elif label:
            composer.add_plain(f"[{label}]")
        return composer.finish()

    def _image(self, block: Entry) -> Rendered:
        composer = Composer(self.names)
        title, words = string(child(block, "title"), "text"), string(block, "alt_text")
        composer.add_plain(title)
        if words != title:
            composer.begin_line()
            composer.add_plain(words)
        return composer.finish()

    def _video(self, block: Entry) -> Rendered:
        composer = Composer(self.names)
        title = string(child(block, "title"), "text") or string(block, "alt_text")
        address = string(block, "title_url") or string(block, "video_url")
        if address:
            composer.add_link(address, title)
        else:
            composer.add_plain(title)
        if description := string(child(block, "description"), "text"):
            composer.begin_line()
            composer.add_plain(description)
        return composer.finish()

    def _table(self, block: Entry) -> Rendered:
        composer = Composer(self.names)
        rows = block.get("rows")
        for row in rows if isinstance(rows, list) else ():
            composer.begin_line()
            cells = (
                [cell for cell in row if isinstance(cell, dict)] if isinstance(row, list) else ()
            )
            for index, cell in enumerate(cells):
                if index:
                    composer.add(" | ")
                nested = string(cell, "type") == "rich_text"
                composer.add_rendered(self._rich_text(cell) if nested else self._text(cell))
        return composer.finish()

    def _markdown(self, block: Entry) -> Rendered:
        return render(mrkdwn_of(string(block, "text")), names=self.names)

    def _input(self, block: Entry) -> Rendered:
        parts = (self._text(child(block, "label")), self._control(child(block, "element")))
        return joined(parts, names=self.names)

    def _call(self, block: Entry) -> Rendered:
        call = child(child(block, "call"), "v1") or child(block, "call")
        composer = Composer(self.names)
        name = string(call, "name") or "Call"
        composer.add_link(string(call, "join_url"), name)
        return composer.finish()

    def _text(self, value: Entry) -> Rendered:
        """Return a text object: Slack's markup, or plain text with emoji codes."""
        text = string(value, "text")
        if string(value, "type") == "mrkdwn":
            return render(text, names=self.names)
        composer = Composer(self.names)
        composer.add_plain(text or _number(value))
        return composer.finish()

    def _scraped(self, value: object, depth: int) -> Iterator[Rendered]:
        """Yield the text in a block of an unknown kind."""
        if not depth:
            return
        if isinstance(value, list):
            for item in value:
                yield from self._scraped(item, depth - 1)
        elif isinstance(value, dict):
            if string(value, "type") == "rich_text":
                yield self._rich_text(value)
            elif string(value, "type") in _TEXT_OBJECTS and string(value, "text"):
                yield self._text(value)
            else:
                for key, item in value.items():
                    if isinstance(item, str) and key in _WORDS:
                        yield self._text(value | {"type": "plain_text", "text": item})
                    else:
                        yield from self._scraped(item, depth - 1)


def mrkdwn_of(markdown: str) -> str:
    """Convert Markdown to Slack's markup: bold, italic, strike, links, headings and code."""
    pieces: list[str] = []
    position = 0
    for found in _MARKDOWN.finditer(markdown):
        pieces.append(escaped(markdown[position : found.start()]))
        position = found.end()
        if found["code"]:
            pieces.append(escaped(found["code"]))
        elif found["target"]:
            target = found["target"].replace("|", "%7C")
            pieces.append(f"<{escaped(target)}|{escaped(found['shown'].replace('|', '/'))}>")
        elif found["strong"] or found["heading"]:
            pieces.append(f"*{escaped((found['strong'] or found['heading']).strip())}*")
        elif found["strike"]:
            pieces.append(f"~{escaped(found['strike'])}~")
        else:
            pieces.append(f"_{escaped(found['italic'])}_")
    pieces.append(escaped(markdown[position:]))
    return "".join(pieces)


def _number(value: Entry) -> str:
    number = value.get("value")
    return str(number) if isinstance(number, int | float) else ""
