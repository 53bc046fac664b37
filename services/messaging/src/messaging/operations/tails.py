"""The tails of active conversations, held in memory by the process that writes them."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from messaging.domain.log import Head, Tail
from messaging.domain.refusals import ConversationNotFound
from messaging.store import Store

log = structlog.get_logger()


class Tails:
    """A bounded cache of tails; a tail is dropped on any doubt and read again (majority).

    Also gathers the heads that changed, for the bulk write once a second: they are a cache of the
    log.
    """

    def __init__(self, store: Store, *, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._tails: OrderedDict[str, Tail] = OrderedDict()
        self._dirty: dict[str, tuple[Head, datetime]] = {}

    async def get(self, conversation_id: str) -> Tail:
        """Give the tail of a conversation, from memory or the store.

        Raises:
            ConversationNotFound: there is no such conversation.
        """
        tail = self._tails.get(conversation_id)
        if tail is not None:
            self._tails.move_to_end(conversation_id)
            return tail
        return await self.load(conversation_id)

    async def load(self, conversation_id: str) -> Tail:
        """Read the tail from the store.

        The head is read before the state: when an entry is written in between, the state is newer
        than the head, and whoever writes the next number meets the taken one and loads again. So
        nobody ever writes on stale members.

        Raises:
            ConversationNotFound: there is no such conversation.
        """
        head = await self._store.entries.head(conversation_id)
        conversation = await self._store.conversations.find(conversation_id)
        if conversation is None:
            raise ConversationNotFound(conversation_id=conversation_id)
        members = await self._store.conversations.members(conversation_id, active=True)
        tail = Tail(
            conversation=conversation,
            head=head,
            members={member.person_id: member for member in members},
        )
        self.put(tail)
        return tail

    async def is_current(self, tail: Tail) -> bool:
        """Tell whether nothing was written since the tail was read, by any process (majority)."""
        head = await self._store.entries.head(tail.conversation.id)
        return head.change_no == tail.head.change_no

    def put(self, tail: Tail) -> None:
        """Keep a tail, forgetting the one unused for longest beyond the limit."""
        self._tails[tail.conversation.id] = tail
        self._tails.move_to_end(tail.conversation.id)
        if len(self._tails) > self._limit:
            self._tails.popitem(last=False)

    def advance(self, tail: Tail, head: Head, *, at: datetime) -> None:
        """Note that the log went on to `head`, written and acknowledged."""
        self.put(replace(tail, head=head))
        self._dirty[tail.conversation.id] = (head, at)

    def forget(self, conversation_id: str) -> None:
        """Drop a tail that may be wrong: somebody else wrote, or a write's outcome is unknown."""
        self._tails.pop(conversation_id, None)

    def take_dirty(self) -> Mapping[str, tuple[Head, datetime]]:
        """Give the heads that changed since the last call."""
        dirty, self._dirty = self._dirty, {}
        return dirty

    def return_dirty(self, heads: Mapping[str, tuple[Head, datetime]]) -> None:
        """Take back heads that could not be written; newer ones stay."""
        self._dirty = {**heads, **self._dirty}
