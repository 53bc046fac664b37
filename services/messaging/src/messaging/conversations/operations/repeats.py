"""Changes that are decided outside their transaction, once for each request id (GW-6)."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from plexuskit.mongo import Transaction
from plexuskit.request_ids import Answer, Request

from messaging.conversations.store.stores import Store
from messaging.log.domain.entries import LogState
from messaging.log.operations.changes import Change, apply_change
from messaging.log.operations.logs import Log


class Repeated(Exception):  # noqa: N818 - a fact that ends a transaction, no failure
    """The request was carried out before, or by a copy at the same moment."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("the request was carried out before")
        self.answer = answer


async def check_new(
    store: Store, request: Request | None, *, now: datetime, tx: Transaction | None = None
) -> None:
    """Pass when a request was not carried out yet.

    Raises:
        Repeated: it was.
        RequestIdReused: its id was used for other content.
    """
    answer = await store.requests.answer(request, now=now, tx=tx)
    if answer is not None:
        raise Repeated(answer)


async def record_new(
    store: Store, request: Request | None, answer: Answer, *, now: datetime, tx: Transaction
) -> None:
    """Record a request in the transaction of its change.

    Raises:
        Repeated: a copy was carried out meanwhile: this change must not be.
        RequestIdReused: its id was used for other content meanwhile.
    """
    await check_new(store, request, now=now, tx=tx)
    await store.requests.record(request, answer, now=now, tx=tx)


async def record_unchanged(
    store: Store, request: Request | None, answer: Answer, *, now: datetime
) -> Answer:
    """Record a request that found everything as it asks for, so that no repeat changes anything.

    Returns: the recorded answer: that of a copy if one was carried out meanwhile.

    Raises:
        RequestIdReused: its id was used for other content meanwhile.
    """
    if request is None:
        return answer

    async def work(tx: Transaction) -> Answer:
        earlier = await store.requests.answer(request, now=now, tx=tx)
        if earlier is not None:
            return earlier
        await store.requests.record(request, answer, now=now, tx=tx)
        return answer

    return await store.transact(work)


async def apply_once(
    log: Log[Store],
    conversation_id: str,
    decide: Callable[[LogState], Awaitable[Change | None]],
    *,
    request: Request | None,
    answer: Callable[[Change | None], Answer],
    actor_id: str,
    now: datetime,
) -> tuple[LogState, Answer]:
    """Decide on the present tail, and write entry, state and request together.

    Args:
        log: the way into the log.
        conversation_id: which conversation.
        decide: as `apply_change` takes it; asks `check_new` once the caller is known to be one who
            may be answered.
        request: the change as its id identifies it; None: carried out every time.
        answer: the ids to record of a decision.
        actor_id: who changes it.
        now: when.

    Returns:
        The tail after the change, or the present one for a repeat; and the recorded answer.

    Raises:
        RequestIdReused: the request id was used for other content.
        DependencyDown: as `apply_change`.
    """

    async def recorded(tx: Transaction, _: LogState, change: Change) -> None:
        await record_new(log.store, request, answer(change), now=now, tx=tx)

    try:
        log_state, change = await apply_change(
            log, conversation_id, decide, actor_id=actor_id, now=now, also=recorded
        )
        answered = answer(change)
        if change is None:
            answered = await record_unchanged(log.store, request, answered, now=now)
    except Repeated as repeated:
        return await log.state(conversation_id), repeated.answer
    return log_state, answered
