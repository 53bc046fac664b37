"""Ending sessions: all of a person at once by one number, each with its fact in batches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from plexuskit.errors import Refusal
from plexuskit.mongo import Transaction

from directory.accounts import events
from directory.accounts.domain import api_tokens as tokens_of_apps
from directory.accounts.domain import sessions
from directory.accounts.domain.api_tokens import ApiToken
from directory.accounts.domain.sessions import MAX_OPEN, EndCause, Generation, Session
from directory.accounts.store import Store
from directory.shared.domain.ids import PersonId, SessionId, TenantId

ENDED_AT_ONCE: Final = 200
SURPLUS_AT_ONCE: Final = 100
PEOPLE_AT_ONCE: Final = 100

log = structlog.get_logger()


async def end_sessions(
    store: Store,
    *,
    person_ids: Sequence[PersonId],
    tenant_id: TenantId,
    cause: EndCause,
    actor_id: str,
    now: datetime,
    tx: Transaction,
    but: SessionId | None = None,
    api_tokens: bool = True,
) -> int:
    """End all open sessions of people and revoke their API tokens; out: the number of both.

    In: a session, or an API token, to keep; and whether API tokens are revoked too.

    The next generation takes effect at once, whatever their number: no earlier session can be
    refreshed from now on, and gateways that ask learn that it has ended. It is the only document of
    sessions that is written, so a client that refreshes all the time does not keep the transaction
    from committing. The caller then calls `finish_sessions`. A concurrent sign-in conflicts with
    this transaction, so none is missed.
    """
    kept = await store.sessions.find(but, tenant_id=tenant_id, tx=tx) if but else None
    ended = await store.sessions.count_open(person_ids, tx=tx)
    await store.generations.advance(
        person_ids,
        tenant_id=tenant_id,
        cause=cause,
        actor_id=actor_id,
        unfinished=ended > 0,
        now=now,
        tx=tx,
    )
    if kept is not None and kept.ended_at is None and kept.person_id in person_ids:
        ended -= 1
        current = await store.generations.find_many([kept.person_id], tx=tx)
        after = sessions.keep(kept, generation=current[kept.person_id].number)
        await store.sessions.save_many([(kept, after)], tx=tx)
    tokens = await store.api_tokens.list_open(person_ids, tx=tx) if api_tokens else []
    tokens = [token for token in tokens if SessionId(token.id) != but]
    await revoke_each(store, tokens, cause=cause, actor_id=actor_id, now=now, tx=tx)
    return ended + len(tokens)


async def finish_sessions(store: Store, person_ids: Sequence[PersonId], *, now: datetime) -> None:
    """State the sessions that `end_sessions` has ended, once its transaction is committed.

    In: the people; of each, the 200 sessions that were used last get their facts here: the only
    ones that can have a valid access token. `end_earlier_sessions` states the others, and those
    that could not be stated here.
    """
    for person_id in person_ids:
        try:
            await _end_earlier(store, person_id, now=now)
        except Refusal as refusal:
            log.warning("sessions.postponed", person_id=person_id, reason=str(refusal))


async def end_surplus(
    store: Store, generation: Generation, *, now: datetime, tx: Transaction
) -> None:
    """End the sessions used longest ago, so that with one more a person has at most 200 open.

    At most 100 at once: people with more, from before this bound, lose them with later sign-ins.
    """
    surplus = await store.sessions.list_surplus(
        generation, skip=MAX_OPEN - 1, limit=SURPLUS_AT_ONCE, now=now, tx=tx
    )
    await end_each(
        store,
        surplus,
        cause=EndCause.TOO_MANY_OPEN,
        actor_id=generation.person_id,
        now=now,
        tx=tx,
    )


async def end_earlier_sessions(store: Store, *, now: datetime) -> int:
    """End the rest of earlier generations, 200 sessions per transaction; out: the number.

    The remaining work is in the stored state, so none is lost if a process dies, and any number of
    processes may do this at once.
    """
    total = 0
    while unfinished := await store.generations.find_unfinished(limit=PEOPLE_AT_ONCE):
        for person in unfinished:
            while ended := await _end_earlier(store, person.person_id, now=now):
                total += ended
    return total


async def _end_earlier(store: Store, person_id: PersonId, *, now: datetime) -> int:
    """End some sessions of a person's earlier generations; out: their number, 0 at the end."""

    async def work(tx: Transaction) -> int:
        generation = await store.generations.find(person_id, tx=tx)
        if generation is None or generation.cause is None:
            return 0
        ending = await store.sessions.list_earlier(generation, limit=ENDED_AT_ONCE, tx=tx)
        await end_each(
            store,
            ending,
            cause=generation.cause,
            actor_id=generation.actor_id,
            now=now,
            tx=tx,
        )
        if not ending:
            await store.generations.finish(person_id, tx=tx)
        return len(ending)

    return await store.transact(work)


async def end_each(
    store: Store,
    ending: Sequence[Session],
    *,
    cause: EndCause,
    actor_id: str,
    now: datetime,
    tx: Transaction,
) -> None:
    """End these open sessions and state it."""
    if not ending:
        return
    ended = [sessions.end(session, cause=cause, now=now) for session in ending]
    await store.sessions.save_many(list(zip(ending, ended, strict=True)), tx=tx)
    facts = [events.session_revoked(session, actor_id=actor_id, now=now) for session in ended]
    await store.outbox.add(*facts, tx=tx)


async def revoke_each(
    store: Store,
    revoked: Sequence[ApiToken],
    *,
    cause: EndCause,
    actor_id: str,
    now: datetime,
    tx: Transaction,
) -> None:
    """Revoke these API tokens with a fact each, as for sessions: gateways treat both alike.

    Sessions and tokens made with one of them end too.
    """
    if not revoked:
        return
    ids = [token.id for token in revoked]
    made = [
        token
        for token in await store.api_tokens.list_made_with(ids, tx=tx)
        if token.id not in set(ids)
    ]
    ended = [
        *(tokens_of_apps.end(token, cause=cause, now=now) for token in revoked),
        *(tokens_of_apps.end(token, cause=EndCause.MAKER_ENDED, now=now) for token in made),
    ]
    await store.api_tokens.save_many(list(zip([*revoked, *made], ended, strict=True)), tx=tx)
    facts = [events.session_revoked(token, actor_id=actor_id, now=now) for token in ended]
    await store.outbox.add(*facts, tx=tx)
