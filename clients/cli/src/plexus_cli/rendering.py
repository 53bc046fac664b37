"""What people wrote, made fit for a terminal: shown with its spans, obeyed by nothing.

A terminal obeys control characters wherever they come from. Every text and name that others wrote
goes through `safe` before it is printed; only this program makes styles and links.
"""

import re
from urllib.parse import urlsplit

from plexus.messaging.v1.messages_pb2 import Message, Span
from plexuskit.emoji import shown_emoji
from plexuskit.links import is_target
from rich.style import Style
from rich.text import Text

INDENT = " " * 8
"""Before every further line of a message, so that none looks like a message of its own."""

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHOWN_CONTROLS = 0x2400
_SHOWN_DELETE = "\u2421"
_REPLACEMENT = "\ufffd"
_STYLES = {
    "bold": Style(bold=True),
    "italic": Style(italic=True),
    "strike": Style(strike=True),
    "code": Style(color="cyan"),
    "code_block": Style(color="cyan"),
    "quote": Style(dim=True, italic=True),
    "mention_person_id": Style(color="blue", bold=True),
    "mention_all": Style(color="blue", bold=True),
    "mention_department_id": Style(color="blue", bold=True),
}


def safe(text: str) -> str:
    """Give a text whose controls are pictures of themselves, one for one; tabs and lines stay.

    An escape character is shown as its picture, and what followed it as the letters that it is.
    """
    if text.isprintable():
        return text
    return _CONTROL.sub(_picture, text)


def safe_line(text: str) -> str:
    """Give a text as `safe` does, on one line."""
    return safe(text).replace("\n", " ").replace("\t", " ")


def body_of(message: Message) -> Text:
    """Give the words of a message with their spans as styles.

    A link is followed by its host in parentheses, and can be clicked where the terminal allows it
    and the address is one that clients may offer. Further lines are indented.
    """
    text = Text(safe(message.text))
    hosts: dict[int, str] = {}
    for span in message.spans:
        start, end = span.start, span.start + span.length
        if not 0 <= start < end <= len(text):
            continue
        meaning = span.WhichOneof("meaning")
        if meaning == "link":
            text.stylize(_link(span), start, end)
            host = _host(span.link)
            if host and host not in message.text[start:end]:
                hosts[end] = host
        elif meaning in _STYLES:
            text.stylize(_STYLES[meaning], start, end)
    return _indented(_with_hosts(text, hosts))


def counted_reactions(message: Message) -> list[tuple[str, int]]:
    """Return each emoji on a message as it is shown, with the number of people.

    Messages that were stored before emoji had one form may have an emoji twice: it is counted once.
    """
    people: dict[str, set[str]] = {}
    for reaction in message.reactions:
        people.setdefault(shown_emoji(reaction.emoji), set()).update(reaction.person_ids)
    return [(emoji, len(ids)) for emoji, ids in people.items()]


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < ord(" "):
        return chr(_SHOWN_CONTROLS + code)
    return _SHOWN_DELETE if code == 0x7F else _REPLACEMENT  # noqa: PLR2004 - DEL


def _link(span: Span) -> Style:
    return Style(underline=True, link=span.link if is_target(span.link) else None)


def _host(target: str) -> str:
    """Give what of an address a reader must see: its host, else its scheme."""
    if not is_target(target):
        return safe_line(target)
    parts = urlsplit(target)
    return parts.netloc or (parts.path if parts.scheme in {"mailto", "tel"} else parts.scheme)


def _with_hosts(text: Text, hosts: dict[int, str]) -> Text:
    if not hosts:
        return text
    result, after = Text(), 0
    for end, host in sorted(hosts.items()):
        result.append_text(text[after:end]).append(f" ({host})", style="dim")
        after = end
    return result.append_text(text[after:]) if after < len(text) else result


def _indented(text: Text) -> Text:
    return Text(f"\n{INDENT}").join(text.split("\n", allow_blank=True))
