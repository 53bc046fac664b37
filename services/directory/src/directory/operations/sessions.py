"""Ending sessions inside somebody else's transaction: state and one fact for each."""

from collections.abc import Sequence
from datetime import datetime

from plexuskit.mongo import Transaction

from directory import events
from directory.domain import sessions
from directory.domain.ids import PersonId, SessionId
from directory.domain.sessions import EndCause, Session
from directory.store import Store


async def end_sessions(
    store: Store,
    *,
    person_ids: Sequence[PersonId],
    cause: EndCause,
    actor_id: str,
    now: datetime,
    tx: Transaction,
    but: SessionId | None = None,
) -> int:
    """End all open sessions of people, one excepted if given; out: how many.

    Signing in at the same moment conflicts with this on the credential, so no session is missed.
    """
    await store.credentials.touch(person_ids, tx=tx)
    ending = [
        session
        for session in await store.sessions.list_open(person_ids, tx=tx)
        if session.id != but
    ]
    await end_each(store, ending, cause=cause, actor_id=actor_id, now=now, tx=tx)
    return len(ending)


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
    await store.sessions.save_many(
        [(session, sessions.end(session, cause=cause, now=now)) for session in ending], tx=tx
    )
    facts = [events.session_revoked(session, actor_id=actor_id, now=now) for session in ending]
    await store.outbox.add(*facts, tx=tx)
