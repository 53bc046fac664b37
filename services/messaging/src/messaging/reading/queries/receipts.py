"""Receipts of a message, as the policy of the tenant shows them (MSG-9, MSG-10)."""

from dataclasses import dataclass
from datetime import datetime

from plexus.messaging.v1 import messages_pb2
from plexuskit.grpc import Actor

from messaging.contract.events import IMPORT
from messaging.messages.domain.policies import Receipts as Shown
from messaging.messages.queries.messages import get_message
from messaging.reading.domain import ReceiptsAreOff
from messaging.reading.store.stores import Store


@dataclass(frozen=True, slots=True)
class Receipts:
    """Read receipts of a message's audience, with times (MSG-9)."""

    page: tuple[tuple[str, datetime | None], ...]
    audience: int
    read: int
    more: bool
    counts_only: bool = False


async def list_receipts(
    store: Store, *, actor: Actor, conversation_id: str, seq: int, after: str, limit: int
) -> Receipts:
    """List read receipts: members at the message's membership version without the sender (MSG-9).

    Imported messages have no audience (MSG-19). Parts that the tenant's policy hides are left out:
    names, in large groups or everywhere, or all of it (MSG-10); urgent messages always show names.

    Raises:
        ConversationNotFound, MessageNotFound: see get_message.
        ReceiptsAreOff: the tenant has turned read receipts off.
    """
    policy = await store.policies.get(actor.tenant_id)
    if policy.receipts is Shown.OFF:
        raise ReceiptsAreOff
    message = await get_message(
        store, actor=actor, conversation_id=conversation_id, seq=seq, message_id=""
    )
    if message.origin == IMPORT:
        return Receipts((), 0, 0, more=False)
    members = await store.conversations.members(conversation_id)
    audience = [
        member.person_id
        for member in members
        if member.was_member_at(message.membership_version)
        and member.person_id != message.sender_id
    ]
    cursors = await store.cursors.of_conversation(conversation_id)
    read = sum(1 for person in audience if cursors.get(person, 0) >= seq)
    urgent = message.priority == messages_pb2.PRIORITY_URGENT
    large = len(audience) + 1 > policy.receipt_names_limit
    if not urgent and (large or policy.receipts is Shown.COUNTS):
        return Receipts((), len(audience), read, more=False, counts_only=True)
    page = [person for person in audience if person > after][: limit + 1]
    times = await store.cursors.read_at(conversation_id, seq=seq, person_ids=page[:limit])
    return Receipts(
        page=tuple((person, times.get(person)) for person in page[:limit]),
        audience=len(audience),
        read=read,
        more=len(page) > limit,
    )
