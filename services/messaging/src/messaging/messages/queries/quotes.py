"""What a quote shows: the present words of the quoted message, where the reader may see them."""

from collections.abc import Iterable

from plexus.messaging.v1 import messages_pb2

from messaging.conversations.queries.seats import Seat
from messaging.messages.store.stores import Store

EXCERPT_LENGTH = 200


async def fill_quotes(store: Store, place: Seat, messages: Iterable[messages_pb2.Message]) -> None:
    """Put the words of quoted messages into those that quote them: read together.

    Who may not see the quoted message (MSG-14), and everybody once it is recalled (MSG-12), gets
    the numbers alone.
    """
    quoting = [message for message in messages if message.HasField("quote")]
    wanted = {message.quote.seq for message in quoting if place.sees(message.quote.seq)}
    if not quoting:
        return
    excerpts: dict[int, str] = {}
    if wanted:
        async for original in store.history.stream_messages(place.conversation.id, wanted):
            if not original.recalled:
                excerpts[original.seq] = original.text[:EXCERPT_LENGTH]
    for message in quoting:
        excerpt = excerpts.get(message.quote.seq)
        if excerpt is None:
            message.quote.unavailable = True
        else:
            message.quote.text = excerpt
