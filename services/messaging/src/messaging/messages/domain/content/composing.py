"""Conversion of client input to stored content, for sends, edits, forwards and imports."""

from collections.abc import Iterable
from typing import NamedTuple

from plexuskit.errors import InvalidArgument

from messaging.messages.domain.content.markdown import read_markdown
from messaging.messages.domain.content.settling import settle
from messaging.messages.domain.content.spans import MENTIONING, Span, SpanKind
from messaging.messages.domain.content.texts import clean_text


class Content(NamedTuple):
    """A text in stored form, with its addressees."""

    text: str
    spans: tuple[Span, ...] = ()
    mentions: tuple[str, ...] = ()
    mention_all: bool = False
    mention_departments: tuple[str, ...] = ()


def compose(content: Content, *, markdown: bool = False) -> Content:
    """Return content with a clean text, spans in normal form and all mentions found in the spans.

    People mentioned only where mentions do not count, inside code or a quote, are not addressed
    (MSG-13); people addressed without a span stay addressed.

    Args:
        content: input of a client.
        markdown: whether the text is markdown, from which the spans are made.

    Raises:
        InvalidArgument: spans beside markdown, spans without a normal form, an address that no
            client should follow, or a text that cannot be stored.
    """
    if markdown:
        if content.spans:
            raise InvalidArgument(
                field="spans", problem="cannot come with markdown, which has them"
            )
        read, settled = read_markdown(content.text)
        text, spans = clean_text(read, settled)
        if text != read:
            settled = settle(text, spans)
        return _addressing(content._replace(text=text, spans=settled), said=spans)
    text, spans = clean_text(content.text, content.spans)
    if not spans:
        return content._replace(text=text, spans=())
    return _addressing(content._replace(text=text, spans=settle(text, spans)), said=spans)


def _addressing(content: Content, *, said: Iterable[Span]) -> Content:
    """Match the addressees to the mentions that count; `said` also has those that do not."""
    spoken = {(span.kind, span.value) for span in said if span.kind in MENTIONING}
    if not spoken:
        return content
    counted = {(span.kind, span.value) for span in content.spans if span.kind in MENTIONING}
    everybody = (SpanKind.MENTION_ALL, "")
    named_everybody = any(kind is SpanKind.MENTION_ALL for kind, _ in spoken)
    return content._replace(
        mentions=_named(content.mentions, SpanKind.MENTION, spoken, counted),
        mention_all=everybody in counted or (content.mention_all and not named_everybody),
        mention_departments=_named(
            content.mention_departments, SpanKind.MENTION_DEPARTMENT, spoken, counted
        ),
    )


def _named(
    given: tuple[str, ...],
    kind: SpanKind,
    spoken: set[tuple[SpanKind, str]],
    counted: set[tuple[SpanKind, str]],
) -> tuple[str, ...]:
    addressed = {value for of, value in counted if of is kind}
    kept = [one for one in given if (kind, one) not in spoken or one in addressed]
    return (*kept, *sorted(addressed.difference(given)))
