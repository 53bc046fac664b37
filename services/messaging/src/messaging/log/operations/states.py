"""The tails of active conversations, held in memory by the process that writes them."""

import contextlib
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import structlog

from messaging.log.domain.entries import Head, LogState
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import Conversation, Member
from messaging.log.operations.heads import Heads
from messaging.log.store.stores import Store

log = structlog.get_logger()


class LogStates:
    """A bounded cache of tails; a tail is dropped on any doubt and read again (majority)."""

    def __init__(self, store: Store, *, limit: int, heads: Heads) -> None:
        self._store = store
        self._limit = limit
        self._heads = heads
        self._log_states: OrderedDict[str, LogState] = OrderedDict()

    async def get(self, conversation_id: str) -> LogState:
        """Return the tail of a conversation, from memory or the store.

        Raises:
            ConversationNotFound: there is no such conversation.
        """
        log_state = self._log_states.get(conversation_id)
        if log_state is not None:
            self._log_states.move_to_end(conversation_id)
            return log_state
        return await self.load(conversation_id)

    async def load(self, conversation_id: str) -> LogState:
        """Read the tail from the store.

        The head is read before the state: if an entry is written in between, the state is newer
        than the head, and a writer of the next number finds it taken and loads again. So no write
        is ever based on stale members.

        Raises:
            ConversationNotFound: there is no such conversation.
        """
        head = await self._store.entries.head(conversation_id)
        conversation = await self._store.states.find(conversation_id)
        if conversation is None:
            raise ConversationNotFound(conversation_id=conversation_id)
        members = await self._store.states.members(conversation_id, active=True)
        return self._loaded(conversation, head, members)

    async def get_many(self, conversation_ids: Iterable[str]) -> dict[str, LogState]:
        """Return the tails of several conversations; three reads load all that are not in memory.

        Conversations that there are not are left out.
        """
        ids = set(conversation_ids)
        known = {id_: await self.get(id_) for id_ in ids if id_ in self._log_states}
        missing = ids - known.keys()
        if len(missing) == 1:
            (one,) = missing
            with contextlib.suppress(ConversationNotFound):
                known[one] = await self.load(one)
        elif missing:
            known |= await self._load_many(missing)
        return known

    async def _load_many(self, conversation_ids: Collection[str]) -> dict[str, LogState]:
        """Read tails from the store: the heads before the state, as in load."""
        heads = await self._store.heads.actual(conversation_ids)
        conversations = await self._store.states.find_many(heads)
        members = await self._store.states.active_members(conversations)
        return {
            id_: self._loaded(conversation, heads[id_], members.get(id_, []))
            for id_, conversation in conversations.items()
        }

    def _loaded(
        self, conversation: Conversation, head: Head, members: Sequence[Member]
    ) -> LogState:
        log_state = LogState(
            conversation=conversation,
            head=head,
            members={member.person_id: member for member in members},
        )
        self.put(log_state)
        self._heads.mark_stale([conversation.id])
        return log_state

    async def is_current(self, log_state: LogState) -> bool:
        """Return whether no process has written since the tail was read (majority read)."""
        head = await self._store.entries.head(log_state.conversation.id)
        return head.change_no == log_state.head.change_no

    async def find_stale(self, log_states: Iterable[LogState]) -> set[str]:
        """Find the conversations that were written to since their tails were read (majority)."""
        read = {log_state.conversation.id: log_state for log_state in log_states}
        if not read:
            return set()
        if len(read) == 1:
            ((id_, log_state),) = read.items()
            return set() if await self.is_current(log_state) else {id_}
        heads = await self._store.heads.actual(read)
        return {
            id_
            for id_, log_state in read.items()
            if id_ not in heads or heads[id_].change_no != log_state.head.change_no
        }

    def put(self, log_state: LogState) -> None:
        """Keep a tail; beyond the limit drop the least recently used one."""
        self._log_states[log_state.conversation.id] = log_state
        self._log_states.move_to_end(log_state.conversation.id)
        if len(self._log_states) > self._limit:
            self._log_states.popitem(last=False)

    def advance(self, log_state: LogState, head: Head, *, at: datetime) -> LogState:
        """Advance the log's tail to `head`, which is written and acknowledged; return the tail."""
        advanced = LogState(
            conversation=log_state.conversation, head=head, members=log_state.members
        )
        self.put(advanced)
        self._heads.note(log_state.conversation.id, head, at=at)
        return advanced

    def forget(self, conversation_id: str) -> None:
        """Drop a tail that may be wrong: another process wrote, or a write's outcome is unknown."""
        self._log_states.pop(conversation_id, None)
        self._heads.mark_stale([conversation_id], unknown=True)
