"""Conversations and messages of another system, read from requests."""

from plexus.messaging.v1 import (
    conversations_pb2,
    import_service_pb2,
    messages_pb2,
)
from plexuskit import bounds
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.items import item_failed

from messaging.contract.api import from_timestamp
from messaging.conversations.api.translation import history_of, kind_of
from messaging.conversations.domain.conversations import clean_title, clean_topic
from messaging.conversations.operations.conversations import Begun
from messaging.importing.domain import source_of
from messaging.importing.operations.conversations import ForeignConversation
from messaging.importing.operations.messages import ForeignMessage
from messaging.log.domain.states import Kind
from messaging.messages.api.translation import departments_in, people_in, spans_in
from messaging.messages.domain.messages import Imported, Reaction, new_message
from messaging.messages.domain.states import merged_reactions
from messaging.messages.events.states import attachments_of


def to_foreign_message(
    item: import_service_pb2.ImportedMessage,
) -> ForeignMessage | tuple[str, Refusal]:
    """Read a message to import, or (its request id, why it cannot be read)."""
    try:
        bounds.check(item)
        imported = Imported(
            sent_at=from_timestamp(item.sent_at, field="sent_at"),
            edited_at=(
                from_timestamp(item.edited_at, field="edited_at")
                if item.HasField("edited_at")
                else None
            ),
            reactions=merged_reactions(
                Reaction(r.emoji, tuple(r.person_ids)) for r in item.reactions
            ),
            system=item.kind == messages_pb2.Message.KIND_SYSTEM,
            deleted=item.deleted,
        )
        made = new_message(
            conversation_id=item.conversation_id,
            sender_id=item.sender_id,
            request_id=item.request_id,
            text=item.text,
            spans=spans_in(item.spans),
            mentions=people_in(item.mentions),
            mention_all=any(mention.all for mention in item.mentions),
            attachments=attachments_of(item.attachments),
            imported=imported,
            department_ids=departments_in(item.mentions),
        )
    except Refusal as refusal:
        return item.request_id, refusal
    except Exception as error:  # noqa: BLE001 - one item fails alone (GW-8)
        return item.request_id, item_failed(error, of="messaging.import_messages")
    return ForeignMessage(made, item.root_request_id)


def to_foreign_conversation(item: import_service_pb2.ImportedConversation) -> ForeignConversation:
    """Read a conversation to import.

    Raises:
        InvalidArgument: no external id, a direct one without two people, or a group without name.
    """
    kind = kind_of(item.kind)
    members = tuple(dict.fromkeys(item.member_ids))
    source_of(item.external_id, field="external_id")
    if kind is Kind.DIRECT and len(members) != 2:  # noqa: PLR2004 - a pair
        raise InvalidArgument(field="member_ids", problem="of a direct conversation are two people")
    return ForeignConversation(
        external_id=item.external_id,
        kind=kind,
        name=clean_title(item.name) if kind is Kind.GROUP else "",
        topic=clean_topic(item.topic),
        member_ids=members,
        owner_id=item.owner_id,
        history=history_of(item.history),
        archived=item.archived,
        created_at=(
            from_timestamp(item.created_at, field="created_at")
            if item.HasField("created_at")
            else None
        ),
    )


def to_closed(
    item: import_service_pb2.ImportedConversation, begun: Begun, *, own: bool
) -> conversations_pb2.Conversation:
    """Return a conversation closed to imports, without its current fields (GW-11).

    `own` says that an import created it; of any other conversation not even the id is returned.
    """
    return conversations_pb2.Conversation(
        id=begun.conversation.id if own else "", kind=item.kind, external_id=item.external_id
    )
