"""Messages and their versions, as far as one member may see them (MSG-5, MSG-14)."""

from collections.abc import Sequence

from plexus.messaging.v1 import messages_pb2
from plexus.messaging.v1.messaging_service_pb2 import MessageVersion
from plexuskit.grpc import Actor
from plexuskit.paging import PageBudget

from messaging.conversations.queries.seats import confirm, seat
from messaging.log.store.entries import entry_size
from messaging.messages.domain.refusals import MessageNotFound
from messaging.messages.events.states import message_in
from messaging.messages.queries.quotes import complete
from messaging.messages.store.stores import Store


async def list_messages(
    store: Store,
    *,
    actor: Actor,
    conversation_id: str,
    before_seq: int,
    after_seq: int | None,
    root_seq: int,
    limit: int,
) -> tuple[list[messages_pb2.Message], bool, int]:
    """Read history.

    Returns:
        Messages oldest first, whether more follow in that direction, and the last seq.

    Raises:
        ConversationNotFound: see seat.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    backwards = after_seq is None
    low = 1 if after_seq is None else after_seq + 1
    high = before_seq - 1 if before_seq else place.head.seq
    ranges = _clip(place.ranges, low=low, high=high)
    budget = PageBudget(items=limit)
    root: list[messages_pb2.Message] = []
    if root_seq and any(first <= root_seq <= last for first, last in ranges):
        root = await store.messages.find_messages(conversation_id, [root_seq])
    if root and not backwards:
        budget.takes(root[0].ByteSize())
    found, more = await store.history.list_messages(
        conversation_id, ranges=ranges, root_seq=root_seq, backwards=backwards, budget=budget
    )
    page = found[::-1] if backwards else [*root, *found]
    if root and backwards and not more:
        more = not budget.takes(root[0].ByteSize())
        page = page if more else [*root, *page]
    await complete(store, place, page)
    return page, more, place.head.seq


def _clip(ranges: Sequence[tuple[int, int]], *, low: int, high: int) -> list[tuple[int, int]]:
    """Cut ranges (last 0: open) down to [low, high]."""
    clipped = [(max(first, low), min(last or high, high)) for first, last in ranges]
    return [(first, last) for first, last in clipped if first <= last]


async def get_message(
    store: Store, *, actor: Actor, conversation_id: str, seq: int, message_id: str
) -> messages_pb2.Message:
    """Read one message by number or id.

    Raises:
        ConversationNotFound: see seat.
        MessageNotFound: no such message that the caller may see.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    if message_id:
        message = await store.messages.find_message(conversation_id, message_id)
    else:
        message = next(iter(await store.messages.find_messages(conversation_id, [seq])), None)
    if message is None or not place.sees(message.seq):
        raise MessageNotFound(conversation_id=conversation_id)
    await complete(store, place, [message])
    return message


async def list_message_versions(
    store: Store, *, actor: Actor, conversation_id: str, seq: int, after: int, limit: int
) -> tuple[list[MessageVersion], int]:
    """Read the versions of a message, oldest first; without content once it is recalled.

    Args:
        store: the service's database.
        actor: a member.
        conversation_id: which conversation.
        seq: number of the message.
        after: change_no at the end of the last page; 0 begins with the posted version.
        limit: maximum number, within the bytes of a page.

    Returns:
        The versions, and the change_no after which to continue; 0 when these were the last.

    Raises:
        ConversationNotFound: see seat.
        MessageNotFound: no such message that the caller may see.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    posted = await store.messages.find_entry(conversation_id, seq)
    if posted is None or not place.sees(seq):
        raise MessageNotFound(conversation_id=conversation_id)
    budget = PageBudget(items=limit)
    page = []
    if after < posted["change_no"]:
        budget.takes(entry_size(posted))
        page.append(posted)
    edits, more = await store.history.list_edits(conversation_id, seq, after=after, budget=budget)
    page += edits
    await confirm(store, place, through=page[-1]["change_no"] if page else 0)
    versions = [_version(message_in(bytes(entry["event"]))) for entry in page]
    return versions, page[-1]["change_no"] if more else 0


def _version(message: messages_pb2.Message) -> MessageVersion:
    return MessageVersion(
        version=message.version,
        text=message.text,
        spans=message.spans,
        attachments=message.attachments,
        at=message.edited_at if message.version else message.posted_at,
    )
