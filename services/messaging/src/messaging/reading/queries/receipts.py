"""Receipts of a message, as the policy of the tenant shows them (MSG-9, MSG-10)."""

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from plexus.messaging.v1 import messages_pb2
from plexuskit.grpc import Actor

from messaging.contract.events import IMPORT
from messaging.messages.domain.policies import Receipts as Shown
from messaging.messages.queries.messages import get_message
from messaging.reading.domain import ReceiptsAreOff
from messaging.reading.store.stores import Store

# Each of at most 5,000 ids: some 5 MB together.
_MAX_KEPT: Final = 16


class Audience(NamedTuple):
    """Recipients of a message in order of their ids, and the number of those who have read it."""

    people: tuple[str, ...]
    read: int


class Audiences:
    """Reads audiences; keeps those read last, so that the later pages of a list cost nothing.

    The people of an audience never change (MSG-9). Later pages repeat the number of readers of the
    first one.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], Audience] = OrderedDict()

    async def read(self, store: Store, message: messages_pb2.Message, *, again: bool) -> Audience:
        """Return the audience of a message, for a later page (`again`) from memory if possible."""
        key = (message.conversation_id, message.seq)
        found = self._kept.get(key) if again else None
        if found is None:
            found = await _read(store, message)
        self._kept[key] = found
        self._kept.move_to_end(key)
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class Receipts:
    """A page of the recipients of a message, with the time of reading (MSG-9)."""

    page: tuple[tuple[str, datetime | None], ...]
    audience: int
    read: int
    more: bool
    counts_only: bool = False


async def list_receipts(
    store: Store,
    audiences: Audiences,
    *,
    actor: Actor,
    conversation_id: str,
    seq: int,
    after: str,
    limit: int,
) -> Receipts:
    """List the readers of a message: members at its membership version without the sender (MSG-9).

    Imported messages have no audience (MSG-19). Parts that the tenant's policy hides are left out:
    names, in large groups or everywhere, or all of it (MSG-10). An urgent message shows names in
    large groups, never against the policy of the tenant: any sender may choose it.

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
    audience, read = await audiences.read(store, message, again=bool(after))
    urgent = message.priority == messages_pb2.PRIORITY_URGENT
    large = len(audience) + 1 > policy.receipt_names_limit
    if policy.receipts is Shown.COUNTS or (large and not urgent):
        return Receipts((), len(audience), read, more=False, counts_only=True)
    first = bisect_right(audience, after)
    page = audience[first : first + limit]
    times = await store.cursors.read_at(conversation_id, seq=seq, person_ids=page)
    return Receipts(
        page=tuple((person, times.get(person)) for person in page),
        audience=len(audience),
        read=read,
        more=first + limit < len(audience),
    )


async def _read(store: Store, message: messages_pb2.Message) -> Audience:
    members = await store.conversations.members(message.conversation_id)
    people = tuple(
        member.person_id
        for member in members
        if member.was_member_at(message.membership_version)
        and member.person_id != message.sender_id
    )
    cursors = await store.cursors.of_conversation(message.conversation_id)
    return Audience(people, sum(1 for person in people if cursors.get(person, 0) >= message.seq))
