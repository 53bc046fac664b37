"""Messages, readable through their conversation (MSG-12, SRC-3)."""

from typing import Final

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2 as facts
from plexus.messaging.v1.messages_pb2 import Message, MessageParts
from plexus.topics import SEARCH_MESSAGES
from plexus_access.objects import CONVERSATION

from search.domain.definitions import Definition
from search.domain.documents import Document, Unreadable, container, without_marks
from search.domain.types import AT, AUTHOR, KEYS, PARTS_VERSION, PLACE, DocumentType, Field
from search.events import by_name, check_entity, fact_of, instant, tombstone

_COLUMNS: Final = "plexus.messaging.v1.Message"
_FACTS: Final = by_name(facts.MessagePosted, facts.MessageEdited, facts.MessageRecalled)
_PARTS: Final = by_name(facts.MessageReacted, facts.MessagePinned, facts.MessageLabeled)

TYPE: Final = DocumentType(
    name="message",
    number=1,
    plural="messages",
    owner="messaging",
    permission="messages.read",
    object_kind=CONVERSATION,
    in_container=True,
    merged=True,
    columns={
        "text": (f"{_COLUMNS}.text", f"{_COLUMNS}.forwarded"),
        "names": (f"{_COLUMNS}.attachments",),
        KEYS: (f"{_COLUMNS}.id",),
        AUTHOR: (f"{_COLUMNS}.sender_id",),
        AT: (f"{_COLUMNS}.sent_at", f"{_COLUMNS}.posted_at"),
        PLACE: (f"{_COLUMNS}.conversation_id", f"{_COLUMNS}.seq"),
    },
    fields={
        "conversation_id": Field.KEYWORD,
        "seq": Field.LONG,
        "root_seq": Field.LONG,
        "mentions": Field.KEYWORD,
        "has": Field.KEYWORD,
        "labels": Field.KEYWORD,
        # The version of the labels, which facts without the text change.
        PARTS_VERSION: Field.LONG,
        "origin": Field.KEYWORD,
    },
    added=frozenset({PARTS_VERSION}),
)


def _read(envelope: Envelope) -> Document | None:
    """Make the document of a message; a tombstone if it was recalled (MSG-12, SRC-3).

    Facts of reactions, pins and labels make a partial one: the labels without the text (MSG-21).
    """
    fact = fact_of(envelope, _FACTS)
    if fact is None:
        fact = fact_of(envelope, _PARTS)
    if fact is None:
        return None
    if envelope.type in _PARTS and not fact.HasField("message"):
        return _parts(envelope, fact.parts)
    message: Message = fact.message
    check_entity(envelope, message.id)
    if message.recalled or isinstance(fact, facts.MessageRecalled):
        return tombstone(envelope, TYPE)
    if not message.conversation_id or message.seq < 1:
        raise Unreadable("the message has no conversation or no seq")
    return Document(
        type=TYPE,
        id=message.id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        containers=(container("conversation", message.conversation_id),),
        silent=message.kind == Message.KIND_SYSTEM,
        author_id=message.sender_id,
        at=instant(message.sent_at if message.HasField("sent_at") else message.posted_at),
        text=without_marks(_words(message)),
        names=tuple(without_marks(each.name) for each in message.attachments if each.name),
        keys=(message.id,),
        details=_details(message),
        labels=tuple(message.labels),
    )


def _parts(envelope: Envelope, parts: MessageParts) -> Document:
    check_entity(envelope, parts.message_id)
    return Document(
        type=TYPE,
        id=parts.message_id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        labels=tuple(parts.labels),
        partial=True,
    )


def _details(message: Message) -> dict[str, object]:
    has = [
        name
        for name, given in (
            ("file", bool(message.attachments)),
            ("link", _has_link(message)),
        )
        if given
    ]
    return {
        "conversation_id": message.conversation_id,
        "seq": message.seq,
        "root_seq": message.root_seq,
        "mentions": [each.person_id or "@all" for each in message.mentions],
        "has": has,
        "origin": message.origin,
    }


def _words(message: Message) -> str:
    """Return all text of a message: its own and that of the messages it carries."""
    return "\n".join([message.text, *(each.text for each in message.forwarded if each.text)])


def _has_link(message: Message) -> bool:
    return "://" in message.text or any(
        span.WhichOneof("meaning") == "link" for span in message.spans
    )


DEFINITION: Final = Definition(type=TYPE, group=SEARCH_MESSAGES, read=_read)
