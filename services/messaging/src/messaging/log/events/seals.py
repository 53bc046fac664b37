"""Facts sealed into the chain: header and content of each, read from the fact itself (MSG-20).

Writing and verifying go through the same functions, so an entry proves what its fact carries,
whatever that is: facts of reactions, pins and labels prove that part and need no text.
"""

import hashlib
import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from google.protobuf.message import Message as ProtoMessage
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import (
    conversations_pb2,
    events_pb2,
    messages_pb2,
)
from plexuskit.ids import new_id

from messaging.contract.domain import FactTooLarge
from messaging.contract.events import MAX_EVENT_BYTES
from messaging.log.domain import chain
from messaging.log.domain.chain import Seals, packed

SCHEMA_VERSION: Final = 1

# Facts that a recall empties; the others contain only what stays.
OF_MESSAGES: Final = (
    events_pb2.MessagePosted,
    events_pb2.MessageEdited,
    events_pb2.MessageRecalled,
    events_pb2.MessageReacted,
    events_pb2.MessagePinned,
    events_pb2.MessageLabeled,
)

_OF_PARTS: Final = (
    events_pb2.MessageReacted,
    events_pb2.MessagePinned,
    events_pb2.MessageLabeled,
)

_OF_MEMBERS: Final = (
    events_pb2.ConversationCreated,
    events_pb2.MembersAdded,
    events_pb2.MembersRemoved,
)

_INT: Final = struct.Struct(">q")
Parts = messages_pb2.Message | messages_pb2.MessageParts
"""Messages that carry reactions, a pin and labels."""


def seal(
    fact: Any,
    *,
    previous: bytes,
    tenant_id: str,
    scope: str,
    change_no: int,
    entity_id: str,
    entity_version: int,
    actor_id: str,
    occurred_at: Timestamp,
    now: datetime,
    content_hash: bytes,
    membership_version: int = 0,
    origin: str = "",
    content_salt: bytes = b"",
) -> tuple[bytes, Seals]:
    """Return the stored bytes of an event, as published to Kafka (MSG-4), and its seals.

    The fact receives both salts; pass `content_salt` only where it must not be in the fact.
    `previous` is the preceding link, `content_hash` the result of `content_of`. Raises
    FactTooLarge, before a number is assigned, if the event would not fit into a record of the topic
    (MSG-21).
    """
    header_salt = chain.new_salt()
    fact.header_salt = header_salt
    if not content_salt:
        content_salt = chain.new_salt()
        fact.content_salt = content_salt
    type_ = fact.DESCRIPTOR.full_name
    header = chain.header(
        tenant_id=tenant_id,
        scope=scope,
        fact=type_,
        entity_id=entity_id,
        actor_id=actor_id,
        origin=origin,
        entity_version=entity_version,
        membership_version=membership_version,
        occurred_at=micros(occurred_at),
        subject=subject_of(fact),
    )
    seals = chain.sealed(
        previous,
        change_no=change_no,
        header=header,
        header_salt=header_salt,
        content_hash=content_hash,
        content_salt=content_salt,
    )
    event = Envelope(
        event_id=new_id("evt", now=now),
        tenant_id=tenant_id,
        scope=scope,
        change_no=change_no,
        entity_id=entity_id,
        entity_version=entity_version,
        occurred_at=occurred_at,
        schema_version=SCHEMA_VERSION,
        type=type_,
        fact=fact.SerializeToString(),
        actor_id=actor_id,
        chain_hash=seals.chain_hash,
        membership_version=membership_version,
        origin=origin,
    )
    content = event.SerializeToString()
    if len(content) > MAX_EVENT_BYTES:
        raise FactTooLarge(bytes=len(content), limit=MAX_EVENT_BYTES)
    return content, seals


def header_of(envelope: Envelope, fact: Any) -> bytes:
    """Return the canonical header of a stored event."""
    return chain.header(
        tenant_id=envelope.tenant_id,
        scope=envelope.scope,
        fact=envelope.type,
        entity_id=envelope.entity_id,
        actor_id=envelope.actor_id,
        origin=envelope.origin,
        entity_version=envelope.entity_version,
        membership_version=envelope.membership_version,
        occurred_at=micros(envelope.occurred_at),
        subject=subject_of(fact),
    )


def fact_in(envelope: Envelope) -> Any:
    """Read the fact that an envelope carries.

    Raises:
        DecodeError: it is none of messaging's, or its bytes are no such fact.
    """
    made: ProtoMessage = getattr(events_pb2, envelope.type.rpartition(".")[2])()
    made.ParseFromString(envelope.fact)
    return made


def subject_of(fact: Any) -> bytes:
    """Return the addition to the header for the kind of fact."""
    if has_parts(fact):
        return _parts_subject(fact.parts)
    if isinstance(fact, OF_MESSAGES):
        return _message_subject(fact.message)
    if isinstance(fact, _OF_MEMBERS):
        left = isinstance(fact, events_pb2.MembersRemoved) and fact.left
        version = getattr(fact, "membership_version", 0)
        numbers = struct.pack(">Bq", left, version)
        return packed((numbers, members_digest(fact.members)))
    if isinstance(fact, events_pb2.ChainBegun):
        return packed((struct.pack(">Iq", fact.version, fact.through),))
    return b""


def _message_subject(message: messages_pb2.Message) -> bytes:
    has = message.HasField
    words = (
        message.id,
        message.conversation_id,
        message.sender_id,
        message.request_id,
        message.recalled_by,
        message.origin,
    )
    numbers = (
        message.seq,
        message.change_no,
        message.root_seq,
        message.reply_to_seq,
        message.revision,
        message.membership_version,
        micros(message.posted_at) if has("posted_at") else -1,
        micros(message.sent_at) if has("sent_at") else -1,
        micros(message.edited_at) if has("edited_at") else -1,
        micros(message.recalled_at) if has("recalled_at") else -1,
        message.version,
        message.kind,
        message.priority,
        message.notify,
        message.recalled,
    )
    return chain.message_subject(words, numbers)


def has_parts(fact: Any) -> bool:
    """Return whether a fact carries reactions, pin and labels without the text (MSG-21)."""
    return isinstance(fact, _OF_PARTS) and fact.HasField("parts")


def placed(fact: Any) -> Parts:
    """Return a message's reactions, pin and labels, as a fact about them carries them.

    Facts from before `parts` carry the whole message.
    """
    state: Parts = fact.parts if has_parts(fact) else fact.message
    return state


def _parts_subject(parts: messages_pb2.MessageParts) -> bytes:
    numbers = (parts.seq, parts.change_no, parts.root_seq, parts.revision)
    return chain.parts_subject(parts.message_id, parts.conversation_id, numbers)


def members_digest(members: Any) -> bytes:
    """Hash members in their order: person, role and visible messages."""
    words: list[bytes] = []
    for member in members:
        words += (
            member.conversation_id.encode(),
            member.person_id.encode(),
            struct.pack(
                ">iBqq", member.role, member.active, member.version, micros(member.joined_at)
            ),
            b"".join(
                struct.pack(">qq", stay.first_seq, stay.last_seq) for stay in member.intervals
            ),
        )
    return hashlib.sha256(packed(words)).digest()


def content_of(fact: Any, *, words_hash: Callable[[messages_pb2.Message], bytes]) -> bytes:
    """Hash the content of a fact, without its header.

    Args:
        fact: as it is stored, not emptied.
        words_hash: returns the hash of a message's text (see `messages.domain.hashes`).
    """
    if isinstance(fact, (events_pb2.MessagePosted, events_pb2.MessageEdited)):
        return with_additions(words_hash(fact.message), fact)
    return state_of(fact)


def with_additions(words_hash: bytes, fact: Any) -> bytes:
    """Extend the hash of a message's text by the other contents of its fact.

    Most facts have none: then the hash of the text is the hash of the content.
    """
    message = fact.message
    departments = message.mentions and [
        (mention.department_id, mention.directory_version)
        for mention in message.mentions
        if mention.HasField("directory_version")
    ]
    added = fact.added_mentions if isinstance(fact, events_pb2.MessageEdited) else ()
    quoted = message.HasField("quote")
    reacted, labelled, pinned = message.reactions, message.labels, message.HasField("pin")
    if not (departments or added or quoted or reacted or labelled or pinned):
        return words_hash
    parts = [
        words_hash,
        packed(
            part
            for department_id, version in departments
            for part in (department_id.encode(), _INT.pack(version))
        ),
        packed((message.quote.message_id.encode(), message.quote.sender_id.encode())),
        reactions_state(message),
        pin_state(message),
        labels_state(message),
        packed(_mention(mention) for mention in added),
    ]
    return hashlib.sha256(packed(parts)).digest()


def state_of(fact: Any) -> bytes:
    """Hash the state that a fact carries, if that is not the text of a message."""
    return hashlib.sha256(packed((type(fact).DESCRIPTOR.name.encode(), _state(fact)))).digest()


def _state(fact: Any) -> bytes:
    if isinstance(fact, _OF_PARTS):
        return _state_of_parts(fact, placed(fact))
    if isinstance(fact, _CONVERSATIONS):
        return conversation_state(fact.conversation)
    return b""


def _state_of_parts(fact: Any, state: Parts) -> bytes:
    if isinstance(fact, events_pb2.MessageReacted):
        words = (fact.emoji.encode(), fact.person_id.encode(), struct.pack(">B", fact.removed))
        return packed((*words, reactions_state(state)))
    return pin_state(state) if isinstance(fact, events_pb2.MessagePinned) else labels_state(state)


_CONVERSATIONS: Final = (
    events_pb2.ConversationCreated,
    events_pb2.ConversationChanged,
    events_pb2.ConversationArchived,
)


def reactions_state(message: Parts) -> bytes:
    """Return the reactions that a message has, each emoji with its people."""
    return packed(
        packed((reaction.emoji.encode(), *(who.encode() for who in reaction.person_ids)))
        for reaction in message.reactions
    )


def pin_state(message: Parts) -> bytes:
    """Return the person who pinned a message and the time; empty if it is not pinned."""
    if not message.HasField("pin"):
        return b""
    return packed((message.pin.person_id.encode(), _INT.pack(micros(message.pin.pinned_at))))


def labels_state(message: Parts) -> bytes:
    """Return the labels of a message."""
    return packed(label.encode() for label in message.labels)


def conversation_state(conversation: conversations_pb2.Conversation) -> bytes:
    """Return every field of a conversation."""
    words = (
        conversation.id,
        conversation.tenant_id,
        conversation.name,
        conversation.topic,
        conversation.created_by,
        conversation.external_id,
    )
    numbers = struct.pack(
        ">iiBB6q",
        conversation.kind,
        conversation.history,
        conversation.archived,
        conversation.confidential,
        micros(conversation.created_at),
        conversation.change_no,
        conversation.last_seq,
        conversation.membership_version,
        conversation.member_count,
        conversation.version,
    )
    return packed((*(word.encode() for word in words), numbers))


def older_state(fact: Any) -> bytes:
    """Return the state that the digest of older entries adds; no recall erases it."""
    return b"" if isinstance(fact, OF_MESSAGES) else state_of(fact)


def micros(stamp: Timestamp) -> int:
    """Return an instant in microseconds since 1970."""
    return stamp.seconds * 1_000_000 + stamp.nanos // 1_000


def _mention(mention: messages_pb2.Mention) -> bytes:
    target: Mapping[str, bytes] = {
        "person_id": b"p" + mention.person_id.encode(),
        "all": b"*",
        "department_id": b"d" + mention.department_id.encode(),
    }
    return target.get(mention.WhichOneof("target") or "", b"")


def chain_begun(*, version: int, through: int) -> events_pb2.ChainBegun:
    """A version of the chain began after the entry `through` (MSG-20)."""
    return events_pb2.ChainBegun(version=version, through=through)
