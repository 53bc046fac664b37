"""Hash chain of a conversation, computed only from received data.

Follows docs/chain.md and shares no code with the service, so that a client can verify the service's
claim (MSG-20). Functions raise `Unproved` for a fact that cannot be parsed.
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation, Member
from plexus.messaging.v1.messages_pb2 import NOTIFY_NONE, Attachment, Message, Span

GENESIS: Final = bytes(32)

ABOUT_MESSAGES: Final = frozenset(
    f"Message{what}" for what in ("Posted", "Edited", "Recalled", "Reacted", "Pinned", "Labeled")
)
_ABOUT_PARTS = frozenset({"MessageReacted", "MessagePinned", "MessageLabeled"})
_ABOUT_CONVERSATION: Final = frozenset(
    ("ConversationCreated", "ConversationChanged", "ConversationArchived")
)
_WITH_MEMBERS: Final = frozenset(("ConversationCreated", "MembersAdded", "MembersRemoved"))
_SPAN_KINDS: Final[Mapping[str, str]] = {
    "mention_person_id": "mention",
    "mention_department_id": "mention_department",
}
_VALUED: Final = frozenset(("mention_person_id", "mention_department_id", "link", "code_block"))


class Unproved(Exception):  # noqa: N818 - names the fact, like a refusal
    """An event that cannot be parsed, so that it has no proof."""


@dataclass(frozen=True)
class Proof:
    """The two hashes of a link; `body_hash` is empty once the salt is erased."""

    header_hash: bytes
    body_hash: bytes


def link_1(
    previous: bytes, *, change_no: int, kind: str, entity_id: str, content_hash: bytes
) -> bytes:
    """Compute a link of version 1."""
    head = struct.pack(">32sQB", previous, change_no, len(kind))
    return _sha(head, kind.encode(), entity_id.encode(), b"\0", content_hash)


def link_2(previous: bytes, *, change_no: int, header_hash: bytes, body_hash: bytes) -> bytes:
    """Compute a link of version 2."""
    return _sha(previous, struct.pack(">Q", change_no), header_hash, body_hash)


def prove(event: bytes) -> Proof:
    """Compute both hashes of a stored event with its own salts.

    Raises:
        Unproved: it cannot be parsed, or has no salt for its header.
    """
    envelope, fact = read(event)
    if len(fact.header_salt) != 16:  # noqa: PLR2004 - the size of a salt
        raise Unproved(f"the event {envelope.change_no} has no salt for its header")
    header_hash = _sha(fact.header_salt, header(envelope, fact))
    salt = getattr(fact, "content_salt", b"")
    return Proof(header_hash, _sha(salt, content(fact)) if salt else b"")


def read(event: bytes) -> tuple[Envelope, Any]:
    """Parse an event and its fact.

    Raises:
        Unproved: it is not a fact of a conversation.
    """
    try:
        envelope = Envelope.FromString(event)
        fact = getattr(events_pb2, envelope.type.rpartition(".")[2])()
        fact.ParseFromString(envelope.fact)
    except (DecodeError, AttributeError) as problem:
        raise Unproved("an event cannot be read") from problem
    return envelope, fact


def header(envelope: Envelope, fact: Any) -> bytes:
    """Return the canonical header of an event."""
    return _joined(
        b"plexus.chain.2",
        envelope.tenant_id.encode(),
        envelope.scope.encode(),
        envelope.type.encode(),
        envelope.entity_id.encode(),
        envelope.actor_id.encode(),
        envelope.origin.encode(),
        _longs(envelope.entity_version, envelope.membership_version, _micros(envelope.occurred_at)),
        _subject(fact),
    )


def content(fact: Any) -> bytes:
    """Return the hash of a fact's content."""
    name = fact.DESCRIPTOR.name
    if name in {"MessagePosted", "MessageEdited"}:
        return _said(fact, words(fact.message))
    return _sha(_joined(name.encode(), _state(fact)))


def words(message: Message) -> bytes:
    """Return the hash of a message's content, which is the whole content hash in version 1."""
    people = [each.person_id for each in message.mentions if each.person_id]
    departments = [each.department_id for each in message.mentions if each.department_id]
    everybody = any(each.all for each in message.mentions)
    text = message.text.encode()
    parts = [
        struct.pack(
            ">QBBQIII",
            len(text),
            message.priority,
            everybody,
            message.reply_to_seq,
            len(message.spans),
            len(people),
            len(message.attachments),
        ),
        text,
        *(_span(span) for span in message.spans),
        *(_word(person) for person in people),
        *(_attachment(each) for each in message.attachments),
    ]
    quiet = message.notify == NOTIFY_NONE
    if departments or message.quote.seq or quiet or message.forwarded:
        sizes = (len(message.forwarded), len(departments))
        parts.append(struct.pack(">QBII", message.quote.seq, quiet, *sizes))
        parts += [_forwarded(each) for each in message.forwarded]
        parts += [_word(department) for department in departments]
    return _sha(*parts)


class Older:
    """Digest of the entries before version 2 began, added in order."""

    def __init__(self) -> None:
        self.digest = GENESIS

    def take(self, change_no: int, *, chain_hash: bytes, event: bytes) -> None:
        """Add an entry with its link.

        Raises:
            Unproved: the event cannot be parsed.
        """
        envelope, fact = read(event)
        name = fact.DESCRIPTOR.name
        state = b"" if name in ABOUT_MESSAGES else _sha(_joined(name.encode(), _state(fact)))
        leaf = _sha(_joined(chain_hash, header(envelope, fact), state))
        self.digest = _sha(self.digest, struct.pack(">Q", change_no), leaf)


def _subject(fact: Any) -> bytes:
    name = fact.DESCRIPTOR.name
    if has_parts(fact):
        parts = fact.parts
        return _joined(
            parts.message_id.encode(),
            parts.conversation_id.encode(),
            _longs(parts.seq, parts.change_no, parts.root_seq, parts.revision),
        )
    if name in ABOUT_MESSAGES:
        return _of_message(fact.message)
    if name in _WITH_MEMBERS:
        left = name == "MembersRemoved" and fact.left
        numbers = bytes([left]) + _longs(getattr(fact, "membership_version", 0))
        return _joined(numbers, _sha(_joined(*_members(fact.members))))
    if name == "ChainBegun":
        return _joined(struct.pack(">Iq", fact.version, fact.through))
    return b""


def has_parts(fact: Any) -> bool:
    """Return whether a fact contains reactions, pins or labels without the message itself."""
    return fact.DESCRIPTOR.name in _ABOUT_PARTS and fact.HasField("parts")


def _of_message(message: Message) -> bytes:
    times = ("posted_at", "sent_at", "edited_at", "recalled_at")
    return _joined(
        message.id.encode(),
        message.conversation_id.encode(),
        message.sender_id.encode(),
        message.request_id.encode(),
        message.recalled_by.encode(),
        message.origin.encode(),
        _longs(
            message.seq,
            message.change_no,
            message.root_seq,
            message.reply_to_seq,
            message.revision,
            message.membership_version,
            *(_micros(getattr(message, at)) if message.HasField(at) else -1 for at in times),  # type: ignore[arg-type] # names of the contract
        )
        + struct.pack(">iiii", message.version, message.kind, message.priority, message.notify)
        + bytes([message.recalled]),
    )


def _members(members: Iterable[Member]) -> Iterable[bytes]:
    for member in members:
        yield member.conversation_id.encode()
        yield member.person_id.encode()
        yield struct.pack(">iB", member.role, member.active) + _longs(
            member.version, _micros(member.joined_at)
        )
        yield b"".join(_longs(each.first_seq, each.last_seq) for each in member.intervals)


def _said(fact: Any, words_hash: bytes) -> bytes:
    message = fact.message
    added = getattr(fact, "added_mentions", ())
    versions: list[bytes] = []
    for mention in message.mentions:
        if mention.HasField("directory_version"):
            versions += (mention.department_id.encode(), _longs(mention.directory_version))
    more = (message.reactions, message.labels, versions, added)
    if not any(more) and not message.HasField("pin") and not message.HasField("quote"):
        return words_hash
    return _sha(
        _joined(
            words_hash,
            _joined(*versions),
            _joined(message.quote.message_id.encode(), message.quote.sender_id.encode()),
            _reactions(message),
            _pin(message),
            _labels(message),
            _joined(*(_addressed(each) for each in added)),
        )
    )


def _state(fact: Any) -> bytes:
    name = fact.DESCRIPTOR.name
    state = fact.parts if has_parts(fact) else getattr(fact, "message", None)
    if name == "MessageReacted":
        who = (fact.emoji.encode(), fact.person_id.encode(), bytes([fact.removed]))
        return _joined(*who, _reactions(state))
    if name == "MessagePinned":
        return _pin(state)
    if name == "MessageLabeled":
        return _labels(state)
    if name in _ABOUT_CONVERSATION:
        return _conversation(fact.conversation)
    return b""


def _reactions(message: Any) -> bytes:
    return _joined(
        *(
            _joined(each.emoji.encode(), *(who.encode() for who in each.person_ids))
            for each in message.reactions
        )
    )


def _pin(message: Any) -> bytes:
    if not message.HasField("pin"):
        return b""
    return _joined(message.pin.person_id.encode(), _longs(_micros(message.pin.pinned_at)))


def _labels(message: Any) -> bytes:
    return _joined(*(label.encode() for label in message.labels))


def _conversation(it: Conversation) -> bytes:
    texts = (it.id, it.tenant_id, it.name, it.topic, it.created_by, it.external_id)
    return _joined(
        *(text.encode() for text in texts),
        struct.pack(">iiBB", it.kind, it.history, it.archived, it.confidential)
        + _longs(_micros(it.created_at), it.change_no, it.last_seq, it.membership_version)
        + _longs(it.member_count, it.version),
    )


def _addressed(mention: Any) -> bytes:
    match mention.WhichOneof("target"):
        case "person_id":
            return b"p" + str(mention.person_id).encode()
        case "all":
            return b"*"
        case "department_id":
            return b"d" + str(mention.department_id).encode()
    return b""


def _span(span: Span) -> bytes:
    meaning = span.WhichOneof("meaning") or ""
    kind = _SPAN_KINDS.get(meaning, meaning).encode()
    value = str(getattr(span, meaning)).encode() if meaning in _VALUED else b""
    return struct.pack(">IIBI", span.start, span.length, len(kind), len(value)) + kind + value


def _attachment(each: Attachment) -> bytes:
    texts = (each.name, each.url, each.media_type)
    return b"".join(_word(text) for text in texts) + _longs(each.size_bytes)


def _forwarded(each: Any) -> bytes:
    texts = (each.conversation_id, each.message_id, each.sender_id, each.text)
    millis = each.sent_at.seconds * 1000 + each.sent_at.nanos // 1_000_000
    sizes = struct.pack(">qII", millis, len(each.spans), len(each.attachments))
    parts = [_word(text) for text in texts]
    parts += [sizes, *(_span(span) for span in each.spans)]
    return b"".join([*parts, *(_attachment(item) for item in each.attachments)])


def _word(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">I", len(data)) + data


def _joined(*words: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(word)) + word for word in words)


def _longs(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}q", *numbers)


def _micros(stamp: Timestamp) -> int:
    return stamp.seconds * 1_000_000 + stamp.nanos // 1_000


def _sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()
