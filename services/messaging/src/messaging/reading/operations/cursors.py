"""Reading on: cursors advance.

Coalesced to one write a second per person and conversation (MSG-7).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from plexuskit.clock import Clock
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.grpc import Actor
from plexuskit.items import item_failed
from plexuskit.timestamps import timestamp

from messaging.contract.events import envelope
from messaging.conversations.operations.settings import ReadOn, clear_marks
from messaging.log.domain.entries import Head
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import Conversation, Member, sees
from messaging.log.operations.logs import Log
from messaging.messages.domain.posts import MessageRef
from messaging.messages.domain.refusals import MessageNotFound
from messaging.reading.domain import CursorBeyondEnd
from messaging.reading.events import cursor_advanced, cursor_to_proto
from messaging.reading.store.cursors import Advance, CursorKey
from messaging.reading.store.stores import Store

COALESCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Read position of a person, and its time."""

    key: CursorKey
    through_seq: int
    read_at: datetime


@dataclass(slots=True)
class _Pending:
    tenant_id: str
    through_seq: int
    waiting: list[asyncio.Future[Reading]] = field(default_factory=list)


class Cursors:
    """The advances of one process.

    The first is written at once; those within the next second are written together.
    """

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._pending: dict[CursorKey, _Pending] = {}
        self._written: dict[CursorKey, float] = {}
        self._awake = asyncio.Event()

    async def advance(self, key: CursorKey, *, tenant_id: str, through_seq: int) -> Reading:
        """Ask for an advance and wait until it is stored; gives the cursor as it is then."""
        return await self.ask(key, tenant_id=tenant_id, through_seq=through_seq)

    def ask(self, key: CursorKey, *, tenant_id: str, through_seq: int) -> asyncio.Future[Reading]:
        """Ask for an advance; the future gives the cursor as it is when it is stored."""
        future: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        pending = self._pending.setdefault(key, _Pending(tenant_id, 0))
        pending.through_seq = max(pending.through_seq, through_seq)
        pending.waiting.append(future)
        self._awake.set()
        return future

    async def run(self) -> None:
        """Write due advances until cancelled."""
        while True:
            await self._awake.wait()
            self._awake.clear()
            wait = await self._flush_due()
            if wait is not None:
                asyncio.get_running_loop().call_later(wait, self._awake.set)

    async def flush(self) -> None:
        """Write everything that waits, due or not."""
        await self._write(list(self._pending))

    async def _flush_due(self) -> float | None:
        """Write due advances; return the seconds until the next, None when nothing waits."""
        now = self._clock.monotonic()
        due, wait = [], None
        for key in self._pending:
            left = self._written.get(key, -COALESCE_SECONDS) + COALESCE_SECONDS - now
            if left <= 0:
                due.append(key)
            else:
                wait = left if wait is None else min(wait, left)
        self._written = {k: at for k, at in self._written.items() if now - at < COALESCE_SECONDS}
        self._written.update(dict.fromkeys(due, now))
        await self._write(due)
        return wait

    async def _write(self, keys: Sequence[CursorKey]) -> None:
        await self._write_taken({key: self._pending.pop(key) for key in keys})

    async def _write_taken(self, taken: dict[CursorKey, _Pending]) -> None:
        """Write advances together; after an unexpected failure each alone (GW-8)."""
        if not taken:
            return
        try:
            readings = await self._store_all(taken)
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            if len(taken) == 1 or isinstance(error, Refusal):
                _fail(taken.values(), error)
                return
            for key, pending in taken.items():
                await self._write_taken({key: pending})
            return
        for key, pending in taken.items():
            for future in pending.waiting:
                if not future.done():
                    future.set_result(readings[key])

    async def _store_all(self, taken: dict[CursorKey, _Pending]) -> dict[CursorKey, Reading]:
        now = self._clock.now()
        current = await self._store.cursors.find(taken)
        forward = {
            key: pending
            for key, pending in taken.items()
            if pending.through_seq > current.get(key, (0, now))[0]
        }
        if forward:
            await self._store.cursors.advance(
                [_step(key, pending, now) for key, pending in forward.items()]
            )
            current |= await self._store.cursors.find(forward)
        # Repeating the cursor's position counts as reading; a late repeat of a lower one does not
        # (MSG-7).
        read = [
            ReadOn(pending.tenant_id, key.conversation_id, key.person_id, pending.through_seq)
            for key, pending in taken.items()
            if not key.root_seq and pending.through_seq >= current.get(key, (0, now))[0]
        ]
        await clear_marks(self._store, read=read, now=now)
        return {key: Reading(key, *current.get(key, (0, now))) for key in taken}


def _fail(pendings: Iterable[_Pending], error: Exception) -> None:
    """Raise an error where advances are waited for."""
    for pending in pendings:
        for future in pending.waiting:
            if not future.done():
                future.set_exception(error)


def _step(key: CursorKey, pending: _Pending, now: datetime) -> Advance:
    cursor = cursor_to_proto(
        conversation_id=key.conversation_id,
        person_id=key.person_id,
        through_seq=pending.through_seq,
        root_seq=key.root_seq,
        read_at=now,
    )
    event = envelope(
        cursor_advanced(cursor),
        tenant_id=pending.tenant_id,
        scope=key.id,
        change_no=pending.through_seq,
        entity_id=key.id,
        entity_version=pending.through_seq,
        actor_id=key.person_id,
        occurred_at=timestamp(now),
        now=now,
    )
    return Advance(key, pending.tenant_id, pending.through_seq, now, event)


async def place_cursors(store: Store, ends: Mapping[str, int], now: datetime) -> None:
    """Set the cursors of all members of conversations to a `seq`, without a fact (MSG-19)."""
    members = await store.conversations.active_member_ids(ends)
    places = {
        CursorKey(conversation_id, person_id): ends[conversation_id]
        for conversation_id, people in members.items()
        for person_id in people
    }
    await store.cursors.place(places, at=now)


async def advance_cursor(
    log: Log[Store],
    cursors: Cursors,
    *,
    actor: Actor,
    conversation_id: str,
    through_seq: int,
    root_seq: int,
) -> Reading:
    """Advance the caller's read cursor of a conversation or thread; never back (MSG-7, MSG-15).

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        CursorBeyondEnd: the position is beyond the last message.
        MessageNotFound: no such thread that the caller may see.
        InvalidArgument: a negative number.
    """
    advances = [(conversation_id, through_seq, root_seq)]
    # The call itself was decided about before it came here.
    (verdict,) = await advance_cursors(
        log, cursors, actor=actor, advances=advances, may=lambda _: None
    )
    if isinstance(verdict, Refusal):
        raise verdict
    return verdict


async def advance_cursors(
    log: Log[Store],
    cursors: Cursors,
    *,
    actor: Actor,
    advances: Sequence[tuple[str, int, int]],
    may: Callable[[str], Refusal | None],
) -> list[Reading | Refusal]:
    """Advance several cursors, given as (conversation, through_seq, root_seq).

    Each has its own verdict. The state for all decisions is read together: three reads, and one
    more if some are about threads.

    Args:
        log: the conversations.
        cursors: the advances of this process.
        actor: the reader.
        advances: the advances.
        may: returns the refusal of a conversation by roles and policies (GW-10).
    """
    places = {conversation_id for conversation_id, _, _ in advances}
    members = await log.store.conversations.members_of(actor.person_id, places)
    conversations = await log.store.conversations.find_many(members)
    roots = await _find_roots(log.store, advances, members)
    # Read last: no message visible before this call can be beyond the end.
    heads = await log.store.heads.actual(conversations)
    verdicts: list[Refusal | asyncio.Future[Reading]] = []
    for conversation_id, through_seq, root_seq in advances:
        try:
            refusal = may(conversation_id)
            if refusal is not None:
                raise refusal
            if through_seq < 0 or root_seq < 0:
                raise InvalidArgument(field="through_seq", problem="is negative")
            _check_advance(
                conversations.get(conversation_id),
                members.get(conversation_id),
                heads.get(conversation_id),
                through_seq=through_seq,
                root_seq=root_seq,
                conversation_id=conversation_id,
                root=roots.get(conversation_id, {}).get(root_seq),
            )
        except Refusal as refusal:
            verdicts.append(refusal)
            continue
        key = CursorKey(conversation_id, actor.person_id, root_seq)
        verdicts.append(cursors.ask(key, tenant_id=actor.tenant_id, through_seq=through_seq))
    asked = [each for each in verdicts if not isinstance(each, Refusal)]
    settled: dict[asyncio.Future[Reading], Reading | Refusal] = {}
    for future, reading in zip(
        asked, await asyncio.gather(*asked, return_exceptions=True), strict=True
    ):
        if isinstance(reading, Exception) and not isinstance(reading, Refusal):
            # One advance fails alone (GW-8).
            settled[future] = item_failed(reading, of="messaging.advance_cursors")
            continue
        if not isinstance(reading, Reading | Refusal):
            raise reading
        settled[future] = reading
    return [each if isinstance(each, Refusal) else settled[each] for each in verdicts]


async def _find_roots(
    store: Store, advances: Sequence[tuple[str, int, int]], members: Mapping[str, Member]
) -> dict[str, dict[int, MessageRef]]:
    """Find the messages that threads begin with, in one read; none for advances without one."""
    wanted: dict[str, set[int]] = {}
    for conversation_id, _, root_seq in advances:
        if root_seq > 0 and conversation_id in members:
            wanted.setdefault(conversation_id, set()).add(root_seq)
    return await store.messages.find_refs(wanted)


def _check_advance(
    conversation: Conversation | None,
    member: Member | None,
    head: Head | None,
    *,
    conversation_id: str,
    through_seq: int,
    root_seq: int,
    root: MessageRef | None,
) -> None:
    if member is None or not member.active or conversation is None or head is None:
        raise ConversationNotFound(conversation_id=conversation_id)
    if through_seq > head.seq:
        raise CursorBeyondEnd(through_seq=through_seq, last_seq=head.seq)
    if not root_seq:
        return
    # A cursor for each number that a request can name would be documents without a bound (GW-13).
    begins = root is not None and not root.root_seq
    if not begins or not sees(member, history=conversation.history, seq=root_seq):
        raise MessageNotFound(conversation_id=conversation_id)
