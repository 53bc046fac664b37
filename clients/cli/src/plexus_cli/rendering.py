"""Texts of messages for a terminal: shown with their spans, without control sequences.

A terminal executes control characters from any source. Every text and name from other users passes
through `safe` before it is printed; only this program creates styles and links.
"""

from urllib.parse import urlsplit

from plexus.messaging.v1.messages_pb2 import Message
from plexuskit.emoji import shown_emoji
from plexuskit.links import is_target

from plexus_cli.safety import safe, safe_line
from plexus_cli.styled import Styled

INDENT = " " * 8
"""Prefix of every further line of a message, so that none looks like a message of its own."""

_STYLES = {
    "bold": "bold",
    "italic": "italic",
    "strike": "strike",
    "code": "cyan",
    "code_block": "cyan",
    "quote": "dim italic",
    "mention_person_id": "bold blue",
    "mention_all": "bold blue",
    "mention_department_id": "bold blue",
}


def body_of(message: Message) -> Styled:
    """Return the text of a message with its spans as styles.

    A link is followed by its host in parentheses, and can be clicked if the terminal supports it
    and clients may offer the address. Further lines are indented.
    """
    text = Styled(safe(message.text))
    hosts: dict[int, str] = {}
    for span in message.spans:
        start, end = span.start, span.start + span.length
        if not 0 <= start < end <= len(text.plain):
            continue
        meaning = span.WhichOneof("meaning")
        if meaning == "link":
            target = span.link if is_target(span.link) else ""
            text.mark("underline", start, end, link=target)
            host = _host(span.link)
            if host and host not in message.text[start:end]:
                hosts[end] = host
        elif meaning in _STYLES:
            text.mark(_STYLES[meaning], start, end)
    return _indented(_with_hosts(text, hosts))


def counted_reactions(message: Message) -> list[tuple[str, int]]:
    """Return each emoji on a message in its displayed form, with the number of people.

    Messages stored before emoji were normalized may contain an emoji twice: it is counted once.
    """
    people: dict[str, set[str]] = {}
    for reaction in message.reactions:
        people.setdefault(shown_emoji(reaction.emoji), set()).update(reaction.person_ids)
    return [(emoji, len(ids)) for emoji, ids in people.items()]


def _host(target: str) -> str:
    """Return the part of an address that a reader must see: its host, or its scheme."""
    if not is_target(target):
        return safe_line(target)
    parts = urlsplit(target)
    return parts.netloc or (parts.path if parts.scheme in {"mailto", "tel"} else parts.scheme)


def _with_hosts(text: Styled, hosts: dict[int, str]) -> Styled:
    result, after = Styled(), 0
    for end, host in sorted(hosts.items()):
        result.append(text.part(after, end)).append(f" ({host})", "dim")
        after = end
    return result.append(text.part(after, len(text.plain)))


def _indented(text: Styled) -> Styled:
    result, after = Styled(), 0
    for position, character in enumerate(text.plain):
        if character == "\n":
            result.append(text.part(after, position + 1)).append(INDENT)
            after = position + 1
    return result.append(text.part(after, len(text.plain)))
