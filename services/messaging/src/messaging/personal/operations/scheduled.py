"""Author's operations on scheduled messages (MSG-17); `schedulers` sends them."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from plexuskit.grpc import Actor
from plexuskit.ids import new_id
from plexuskit.mongo import Retry, Transaction
from plexuskit.request_ids import Request

from messaging.conversations.operations.members import require_membership
from messaging.messages.domain.messages import NewMessage
from messaging.personal.domain.refusals import ScheduledMessageNotFound, TooManyScheduled
from messaging.personal.domain.scheduled import (
    SCHEDULED_LIMIT,
    Authority,
    Scheduled,
    cancelled,
    changed,
    check_time,
)
from messaging.personal.events import scheduled_changed
from messaging.personal.store.stores import Store


def schedule_message(
    store: Store,
    *,
    actor: Actor,
    new_message: NewMessage,
    words: bytes,
    send_at: datetime,
    authority: Authority,
    shortest: timedelta,
    now: datetime,
) -> Callable[[Transaction], Awaitable[Scheduled]]:
    """Check a scheduled message and return the re-runnable closure that stores and returns it.

    Args:
        store: the service's database.
        actor: its author.
        new_message: the message as it would be sent now, as proof that its content is valid.
        words: the same in the form of the contract; read again when due.
        send_at: when to send it.
        authority: the rights with which it is sent.
        shortest: minimum time ahead.
        now: current time.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        ScheduleInThePast, ScheduleTooFar: see domain.
        TooManyScheduled: 500 are waiting already.
    """
    scheduled = Scheduled(
        id=new_id("sch", now=now),
        tenant_id=actor.tenant_id,
        person_id=actor.person_id,
        conversation_id=new_message.conversation_id,
        words=words,
        send_at=send_at,
        created_at=now,
        authority=authority,
    )

    async def work(tx: Transaction) -> Scheduled:
        await require_membership(store, actor=actor, conversation_id=scheduled.conversation_id)
        check_time(send_at, now=now, shortest=shortest)
        if await store.scheduled.count_open(actor.person_id, tx=tx) >= SCHEDULED_LIMIT:
            raise TooManyScheduled(limit=SCHEDULED_LIMIT)
        await store.scheduled.insert(scheduled, tx=tx)
        await store.outbox.add(scheduled_changed(scheduled, now=now), tx=tx)
        return scheduled

    return work


async def schedule_once(
    store: Store,
    write: Callable[[Transaction], Awaitable[Scheduled]],
    *,
    request: Request | None,
    now: datetime,
) -> Scheduled:
    """Keep a message for later in one transaction, or return the one that the same request kept.

    Args:
        store: the service's database.
        write: what `schedule_message` gave.
        request: the call as its id identifies it; None: carried out every time.
        now: the present instant.

    Raises:
        RequestIdReused: the request id was used for other content.
        ScheduledMessageNotFound: what the same request kept has ended, and is gone.
    """

    async def work(tx: Transaction) -> Scheduled:
        if answered := await store.requests.answer(request, now=now, tx=tx):
            kept = await store.scheduled.find(answered["id"], tx=tx)
            if kept is None:
                raise ScheduledMessageNotFound(id=answered["id"])
            return kept
        scheduled = await write(tx)
        await store.requests.record(request, {"id": scheduled.id}, now=now, tx=tx)
        return scheduled

    return await store.transact(work)


async def update_scheduled_message(
    store: Store,
    *,
    actor: Actor,
    scheduled_id: str,
    conversation_id: str,
    words: bytes | None,
    send_at: datetime | None,
    authority: Authority,
    expected_version: int,
    shortest: timedelta,
    now: datetime,
) -> Scheduled:
    """Change words or time until it is being sent; None leaves them as they are.

    Raises:
        ScheduledMessageNotFound: no such message of the caller.
        ScheduledMessageClaimed, ScheduledMessageEnded, VersionConflict, InvalidArgument,
            ScheduleInThePast, ScheduleTooFar: see domain.
    """

    def step(current: Scheduled) -> Scheduled:
        return changed(
            current,
            conversation_id=conversation_id,
            words=words,
            send_at=send_at,
            authority=authority,
            expected_version=expected_version,
            now=now,
            shortest=shortest,
        )

    return await _step(store, actor=actor, scheduled_id=scheduled_id, step=step, now=now)


async def cancel_scheduled_message(
    store: Store, *, actor: Actor, scheduled_id: str, now: datetime
) -> Scheduled:
    """Cancel a message; repeating it changes nothing.

    Raises:
        ScheduledMessageNotFound: no such message of the caller.
        ScheduledMessageClaimed, ScheduledMessageEnded: see domain.
    """

    def step(current: Scheduled) -> Scheduled:
        return cancelled(current, now=now)

    return await _step(store, actor=actor, scheduled_id=scheduled_id, step=step, now=now)


async def _step(
    store: Store,
    *,
    actor: Actor,
    scheduled_id: str,
    step: Callable[[Scheduled], Scheduled],
    now: datetime,
) -> Scheduled:
    async def work(tx: Transaction) -> Scheduled:
        current = await store.scheduled.find(scheduled_id, tx=tx)
        if (
            current is None
            or current.person_id != actor.person_id
            or current.tenant_id != actor.tenant_id
        ):
            raise ScheduledMessageNotFound(id=scheduled_id)
        after = step(current)
        if after.version != current.version:
            if not await store.scheduled.swap(current, after, tx=tx):
                raise Retry
            await store.outbox.add(scheduled_changed(after, now=now), tx=tx)
        return after

    return await store.transact(work)
