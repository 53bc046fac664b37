"""Reading on: cursors advance.

Coalesced to one write a second per person and conversation (MSG-7).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from plexuskit.clock import Clock
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.grpc import Actor

from messaging.domain.conversations import sees
from messaging.domain.refusals import ConversationNotFound, CursorBeyondEnd, MessageNotFound
from messaging.events import cursor_advanced, cursor_to_proto, envelope, timestamp
from messaging.operations.log import Log
from messaging.operations.settings import clear_marks
from messaging.store import Store
from messaging.store.cursors import Advance, CursorKey

COALESCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a person has read, and since when."""

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

    The first is written at once, what follows within a second goes together.
    """

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._pending: dict[CursorKey, _Pending] = {}
        self._written: dict[CursorKey, float] = {}
        self._awake = asyncio.Event()

    async def advance(self, key: CursorKey, *, tenant_id: str, through_seq: int) -> Reading:
        """Ask for an advance and wait until it is stored; gives the cursor as it is then."""
        future: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        pending = self._pending.setdefault(key, _Pending(tenant_id, 0))
        pending.through_seq = max(pending.through_seq, through_seq)
        pending.waiting.append(future)
        self._awake.set()
        return await future

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
        """Write what is due; give the seconds until the next is, None when nothing waits."""
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
        taken = {key: self._pending.pop(key) for key in keys}
        if not taken:
            return
        try:
            readings = await self._store_all(taken)
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            for pending in taken.values():
                for future in pending.waiting:
                    if not future.done():
                        future.set_exception(error)
            return
        for key, pending in taken.items():
            for future in pending.waiting:
                if not future.done():
                    future.set_result(readings[key])

    async def _store_all(self, taken: dict[CursorKey, _Pending]) -> dict[CursorKey, Reading]:
        now = self._clock.now()
        present = await self._store.cursors.find(taken)
        forward = {
            key: pending
            for key, pending in taken.items()
            if pending.through_seq > present.get(key, (0, now))[0]
        }
        if forward:
            await self._store.cursors.advance(
                [_step(key, pending, now) for key, pending in forward.items()]
            )
            present |= await self._store.cursors.find(forward)
        # Who reads to where the cursor stands has read on; a late repeat of less has not (MSG-7).
        read = [
            (pending.tenant_id, key.conversation_id, key.person_id)
            for key, pending in taken.items()
            if not key.root_seq and pending.through_seq >= present.get(key, (0, now))[0]
        ]
        await clear_marks(self._store, read=read, now=now)
        return {key: Reading(key, *present.get(key, (0, now))) for key in taken}


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


async def advance_cursor(
    log: Log,
    cursors: Cursors,
    *,
    actor: Actor,
    conversation_id: str,
    through_seq: int,
    root_seq: int,
) -> Reading:
    """Say how far the caller has read a conversation or a thread; never goes back (MSG-7, MSG-15).

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        CursorBeyondEnd: nothing is said there yet.
        MessageNotFound: no such thread that the caller may see.
        InvalidArgument: a negative number.
    """
    if through_seq < 0 or root_seq < 0:
        raise InvalidArgument(field="through_seq", problem="is negative")
    member = await log.store.conversations.member(conversation_id, actor.person_id)
    conversation = await log.store.conversations.find(conversation_id)
    if member is None or not member.active or conversation is None:
        raise ConversationNotFound(conversation_id=conversation_id)
    head = await log.store.entries.head(conversation_id)
    if through_seq > head.seq:
        raise CursorBeyondEnd(through_seq=through_seq, last_seq=head.seq)
    if root_seq and not sees(member, history=conversation.history, seq=root_seq):
        raise MessageNotFound(conversation_id=conversation_id)
    key = CursorKey(conversation_id, actor.person_id, root_seq)
    return await cursors.advance(key, tenant_id=actor.tenant_id, through_seq=through_seq)


async def advance_cursors(
    log: Log,
    cursors: Cursors,
    *,
    actor: Actor,
    advances: Sequence[tuple[str, int, int]],
    may: Callable[[str], Refusal | None],
) -> list[Reading | Refusal]:
    """Advance several cursors, given as (conversation, through_seq, root_seq).

    Each has its own verdict.

    Args:
        log: the conversations.
        cursors: the advances of this process.
        actor: who reads on.
        advances: how far, and where.
        may: returns what roles and policies refuse of a conversation (GW-10).
    """

    async def advance(conversation_id: str, through_seq: int, root_seq: int) -> Reading:
        refusal = may(conversation_id)
        if refusal is not None:
            raise refusal
        return await advance_cursor(
            log,
            cursors,
            actor=actor,
            conversation_id=conversation_id,
            through_seq=through_seq,
            root_seq=root_seq,
        )

    verdicts = await asyncio.gather(
        *(advance(*each) for each in advances),
        return_exceptions=True,
    )
    settled: list[Reading | Refusal] = []
    for verdict in verdicts:
        if not isinstance(verdict, Reading | Refusal):
            raise verdict
        settled.append(verdict)
    return settled
