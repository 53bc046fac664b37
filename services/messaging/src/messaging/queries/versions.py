"""Every version of a message, and what is pinned (MSG-11, MSG-16)."""

from plexus.messaging.v1 import messages_pb2
from plexus.messaging.v1.messaging_service_pb2 import MessageVersion
from plexuskit.grpc import Actor

from messaging.domain.log import EntryKind
from messaging.domain.refusals import MessageNotFound
from messaging.queries.quotes import fill_quotes
from messaging.queries.seats import seat
from messaging.store import Store
from messaging.store.present import message_in


async def list_versions(
    store: Store, *, actor: Actor, conversation_id: str, seq: int
) -> list[MessageVersion]:
    """Read every version of a message, oldest first; without content once it is recalled.

    Raises:
        ConversationNotFound: see seat.
        MessageNotFound: no such message that the caller may see.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    entry = await store.entries.find_entry(conversation_id, seq)
    if entry is None or not place.sees(seq):
        raise MessageNotFound(conversation_id=conversation_id)
    changes = await store.entries.find_about(conversation_id, seq)
    edits = [each for each in changes if each["kind"] == EntryKind.EDITED.value]
    return [_version(message_in(bytes(each["event"]))) for each in (entry, *edits)]


async def list_pins(
    store: Store, *, actor: Actor, conversation_id: str
) -> list[messages_pb2.Message]:
    """Read the pinned messages that the caller may see, newest pin first (MSG-14).

    Raises:
        ConversationNotFound: see seat.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    pinned = await store.entries.list_pinned(conversation_id)
    visible = [message for message in pinned if place.sees(message.seq)]
    await fill_quotes(store, place, visible)
    return visible


def _version(message: messages_pb2.Message) -> MessageVersion:
    return MessageVersion(
        version=message.version,
        text=message.text,
        spans=message.spans,
        attachments=message.attachments,
        at=message.edited_at if message.version else message.posted_at,
    )
