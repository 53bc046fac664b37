"""Composition of a text from styled pieces, with spans and mentions.

Offsets count Unicode code points. Code and quotes contain no mentions (MSG-13).
"""

from collections.abc import Iterable, Iterator, Sequence

from plexus.messaging.v1 import messages_pb2 as messages
from plexuskit.emoji import replace_codes

from plexus_cli.slack.markup import MAX_MENTIONS, NO_LANGUAGE, Names, Rendered, read_address

MAX_SPANS = 1_500
"""Maximum spans of one message; messaging accepts 2,000 after it has split them at line ends."""

STYLES = ("bold", "italic", "strike", "code")
_MENTIONS = ("mention_person_id", "mention_all")
_NO_MENTION_INSIDE = ("code", "code_block", "quote")


class Composer:
    """A text that grows at its end."""

    def __init__(self, names: Names) -> None:
        """Create an empty text in which `names` supplies the names of people and channels."""
        self._names = names
        self._pieces: list[str] = []
        self._length = 0
        self._spans: list[messages.Span] = []
        self._unknown: dict[str, None] = {}
        self._beyond_limit = 0
        self._last = ""

    @property
    def length(self) -> int:
        """Length so far in code points."""
        return self._length

    def add(self, text: str, *, styles: Iterable[str] = ()) -> None:
        """Add a text in the styles named."""
        start = self._length
        if text:
            self._pieces.append(text)
            self._length += len(text)
            self._last = text[-1]
        for style in styles:
            self.mark(start, style)

    def add_plain(self, text: str, *, styles: Sequence[str] = ()) -> None:
        """Add a text that may contain short codes of emoji."""
        self.add(text if "code" in styles else replace_codes(text), styles=styles)

    def add_link(self, address: str, shown: str, *, styles: Sequence[str] = ()) -> None:
        """Add a link; an address that clients should not follow is shown beside its text."""
        text, followed = read_address(address, shown)
        start = self._length
        self.add(text, styles=styles)
        if followed:
            self.mark(start, "link", address)

    def add_person(self, key: str, *, styles: Sequence[str] = ()) -> None:
        """Add a mention of the person with Slack's id `key`; an unlisted one stays a label."""
        named = self._names.person(key)
        start = self._length
        if named is None:
            self._unknown[key] = None
            self.add(f"@{key}", styles=styles)
            return
        self.add(f"@{named.handle}", styles=[each for each in styles if each != "code"])
        self.mark(start, "mention_person_id", named.person_id)

    def add_everyone(self, name: str) -> None:
        """Add a mention of all members."""
        start = self._length
        self.add(f"@{name}")
        self.mark(start, "mention_all", value=True)

    def add_channel(self, key: str, *, styles: Sequence[str] = ()) -> None:
        """Add the name of the channel with Slack's id `key`."""
        self.add(f"#{self._names.channel(key) or key}", styles=styles)

    def add_rendered(self, rendered: Rendered, *, styles: Iterable[str] = ()) -> None:
        """Add a text that has spans of its own."""
        start = self._length
        self.add(rendered.text, styles=styles)
        for span in rendered.spans:
            moved = messages.Span()
            moved.CopyFrom(span)
            moved.start += start
            self._spans.append(moved)
        self._unknown |= dict.fromkeys(rendered.unknown)
        self._beyond_limit += rendered.beyond_limit

    def begin_line(self) -> None:
        """End the current line unless it is empty."""
        if self._length and self._last != "\n":
            self.add("\n")

    def mark(self, start: int, kind: str, value: object = True) -> None:
        """Mark the text added since `start`; do nothing if it is empty."""
        length = self._length - start
        if length > 0:
            span = messages.Span(start=start, length=length)
            setattr(span, kind, value)
            self._spans.append(span)

    def mark_code_block(self, start: int, language: str = "") -> None:
        """Make the lines since `start` a block of code."""
        self.mark(start, "code_block", language or NO_LANGUAGE)

    def finish(self) -> Rendered:
        """Return the text without white space at its end."""
        whole = "".join(self._pieces)
        text = whole.rstrip()
        spans = list(_within(self._spans, len(text)))
        closed = [span for span in spans if span.WhichOneof("meaning") in _NO_MENTION_INSIDE]
        spans = [span for span in spans if not (_is_mention(span) and _inside(span, closed))]
        people = dict.fromkeys(span.mention_person_id for span in spans if span.mention_person_id)
        beyond = set(list(people)[MAX_MENTIONS:])
        kept = [span for span in spans if span.mention_person_id not in beyond]
        kept.sort(key=lambda span: (span.start, -span.length))
        mentions = [messages.Mention(person_id=each) for each in people if each not in beyond]
        if any(span.mention_all for span in kept):
            mentions.insert(0, messages.Mention(all=True))
        return Rendered(
            text=text,
            spans=tuple(kept[:MAX_SPANS]),
            mentions=tuple(mentions),
            unknown=tuple(self._unknown),
            beyond_limit=self._beyond_limit + len(beyond),
        )


def joined(parts: Iterable[Rendered], *, names: Names) -> Rendered:
    """Join texts, each on lines of its own; skip empty ones."""
    filled = [part for part in parts if part.text]
    if len(filled) == 1:
        return filled[0]
    composer = Composer(names)
    for part in filled:
        composer.begin_line()
        composer.add_rendered(part)
    return composer.finish()


def _within(spans: Iterable[messages.Span], length: int) -> Iterator[messages.Span]:
    for span in spans:
        end = min(span.start + span.length, length)
        if span.start < end:
            span.length = end - span.start
            yield span


def _is_mention(span: messages.Span) -> bool:
    return span.WhichOneof("meaning") in _MENTIONS


def _inside(span: messages.Span, closed: Sequence[messages.Span]) -> bool:
    end = span.start + span.length
    return any(each.start < end and span.start < each.start + each.length for each in closed)
