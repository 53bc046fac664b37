"""Quoted text: the current text of the quoted message, if the reader may see it."""

from collections.abc import Collection

from plexus.messaging.v1 import messages_pb2

from messaging.conversations.queries.seats import Seat, confirm
from messaging.messages.store.stores import Store

EXCERPT_LENGTH = 200


async def complete(store: Store, place: Seat, messages: Collection[messages_pb2.Message]) -> None:
    """Fill in the text of quoted messages in messages that were read, and check the reader again.

    Readers who may not see the quoted message (MSG-14) get only its numbers; so does everyone once
    it is recalled (MSG-12).

    Raises:
        ConversationNotFound: a message read is newer than the seat, and the reader was removed.
    """
    quoted = await _fill_quotes(store, place, messages)
    newest = max((message.change_no for message in messages), default=0)
    await confirm(store, place, through=max(quoted, newest))


async def _fill_quotes(
    store: Store, place: Seat, messages: Collection[messages_pb2.Message]
) -> int:
    """Fill the quotes of messages; return the highest change_no of the quoted messages."""
    quoting = [message for message in messages if message.HasField("quote")]
    wanted = {message.quote.seq for message in quoting if place.sees(message.quote.seq)}
    if not quoting:
        return 0
    newest = 0
    excerpts: dict[int, str] = {}
    if wanted:
        async for original in store.history.stream_messages(place.conversation.id, wanted):
            newest = max(newest, original.change_no)
            if not original.recalled:
                excerpts[original.seq] = original.text[:EXCERPT_LENGTH]
    for message in quoting:
        excerpt = excerpts.get(message.quote.seq)
        if excerpt is None:
            message.quote.unavailable = True
        else:
            message.quote.text = excerpt
    return newest
