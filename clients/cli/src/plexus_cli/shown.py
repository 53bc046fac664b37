"""Message states derived from a log, compared with the server's (MSG-20).

Detects a server that proves one history and shows another: docs/chain.md, "What a verifier must not
forget". Shares no code with the service.
"""

from collections.abc import Iterator
from typing import Any, Final

from plexus.messaging.v1.messages_pb2 import Message
from plexus.messaging.v1.messaging_service_pb2 import ChainLink

from plexus_cli import chain

EXCERPT_CHARS: Final = 200

DIFFERENT: Final = "what is shown of this message is not what the log leads to"
UNSAID: Final = "a message is shown that no entry of the log says"
NOT_SHOWN: Final = "a message of the log is not shown"
OTHER_QUOTE: Final = "what is quoted is not what the log leads to"

_WORDS: Final = ("text", "spans", "mentions", "attachments", "edited_at", "version")
_LOST_BY_RECALL: Final = (
    *("text", "spans", "mentions", "attachments", "forwarded", "quote"),
    *("reactions", "pin", "labels"),
)


class Replay:
    """Message states after the applied entries, as far as the caller may read them.

    Args:
        whole: whether the first entry of the log will be applied.
    """

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        # By seq: number of the last change, and the message, serialized to save memory.
        self._states: dict[int, tuple[int, bytes]] = {}
        # States left and reached since the mark.
        self._recent: dict[tuple[int, int], bytes] | None = None
        self._marked: frozenset[int] = frozenset()

    def mark(self) -> None:
        """Record every state from here on: a listed message may show any of them."""
        self._marked = frozenset(self._states)
        self._recent = {}

    def take(self, link: ChainLink) -> None:
        """Apply a readable entry of a message; ignore all others.

        Raises:
            Unproved: the event cannot be parsed.
        """
        if not link.event:
            return
        _, fact = chain.read(link.event)
        name = fact.DESCRIPTOR.name
        if name == "MessagePosted":
            message = Message()
            message.CopyFrom(fact.message)
            if link.reply_to_seq:  # events of version 1 of the chain do not carry it
                message.reply_to_seq = link.reply_to_seq
            if link.purged:
                _empty(message)
            self._keep(message, link.change_no)
        elif name in chain.ABOUT_MESSAGES:
            self._change(fact, link)

    def _change(self, fact: Any, link: ChainLink) -> None:
        name = fact.DESCRIPTOR.name
        parts = fact.parts if chain.has_parts(fact) else fact.message
        held = self._states.get(parts.seq)
        if held is None:
            return  # sent before the verified range
        message = Message.FromString(held[1])
        if name == "MessageEdited":
            _replace(message, fact.message, _WORDS)
        elif name == "MessageReacted":
            _replace(message, parts, ("reactions",))
        elif name == "MessagePinned":
            _replace(message, parts, ("pin",))
        elif name == "MessageLabeled":
            _replace(message, parts, ("labels",))
        else:
            _empty(message)
            _replace(message, fact.message, ("recalled", "recalled_by", "recalled_at"))
        message.revision = parts.revision
        self._keep(message, link.change_no)

    def _keep(self, message: Message, change_no: int) -> None:
        message.change_no = change_no
        content = _comparable(message)
        self._states[message.seq] = change_no, content
        if self._recent is not None:
            self._recent[message.seq, change_no] = content

    def problem_with(self, message: Message) -> str:
        """Compare a shown message with its state; return its problem, or "".

        Call it once every entry up to the message's last change has been applied.
        """
        expected = self._state_at(message.seq, message.change_no)
        if expected is None:
            known = message.seq in self._states
            return DIFFERENT if known else UNSAID if self._whole else ""
        if _comparable(message) != expected:
            return DIFFERENT
        if message.HasField("quote") and not self._may_quote(message):
            return OTHER_QUOTE
        return ""

    def _state_at(self, seq: int, change_no: int) -> bytes | None:
        """Return a message after one of its changes: the last one, or one since the mark."""
        number, content = self._states.get(seq, (0, b""))
        if number == change_no:
            return content
        return (self._recent or {}).get((seq, change_no))

    def _may_quote(self, message: Message) -> bool:
        """Return whether the quoted text is that of a recently read state."""
        quote = message.quote
        states = [Message.FromString(each) for each in self._lately(quote.seq)]
        if not states:
            return quote.unavailable or not self._whole
        allowed = {"" if each.recalled else each.text[:EXCERPT_CHARS] for each in states}
        if quote.unavailable:
            return not quote.text and any(each.recalled for each in states)
        return quote.text in allowed

    def _lately(self, seq: int) -> Iterator[bytes]:
        if seq in self._states:
            yield self._states[seq][1]
        for (other, _), content in (self._recent or {}).items():
            if other == seq:
                yield content

    def not_among(self, shown: set[int]) -> list[int]:
        """Return the numbers of messages, sent before the mark, that are missing from `shown`."""
        return sorted(self._marked - shown)

    def change_of(self, seq: int) -> int:
        """Return the number of a message's last change; 0 if unknown."""
        return self._states.get(seq, (0, b""))[0]


def _replace(message: Message, other: Any, names: tuple[str, ...]) -> None:
    """Copy some fields of a message, or of its parts."""
    part = Message()
    known = other.DESCRIPTOR.fields_by_name
    for descriptor, value in other.ListFields():
        if descriptor.name not in names:
            continue
        if descriptor.is_repeated:
            getattr(part, descriptor.name).extend(value)
        elif descriptor.message_type is not None:
            getattr(part, descriptor.name).CopyFrom(value)
        else:
            setattr(part, descriptor.name, value)
    for name in names:
        if name in known:
            message.ClearField(name)  # type: ignore[arg-type] # names of the contract
    message.MergeFrom(part)


def _empty(message: Message) -> None:
    for name in _LOST_BY_RECALL:
        message.ClearField(name)


def _comparable(message: Message) -> bytes:
    """Return the proved fields of a message: without the hash of version 1 and the quoted text."""
    plain = Message()
    plain.CopyFrom(message)
    plain.ClearField("content_hash")
    if plain.HasField("quote"):
        plain.quote.ClearField("text")
        plain.quote.ClearField("unavailable")
    return plain.SerializeToString(deterministic=True)
