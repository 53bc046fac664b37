"""Ending sessions inside somebody else's transaction: state and one fact for each."""

from collections.abc import Sequence
from datetime import datetime

from plexuskit.mongo import Transaction

from directory.accounts import events
from directory.accounts.domain import api_tokens as tokens_of_apps
from directory.accounts.domain import sessions
from directory.accounts.domain.api_tokens import ApiToken
from directory.accounts.domain.sessions import EndCause, Session
from directory.accounts.store import Store
from directory.shared.domain.ids import PersonId, SessionId


async def end_sessions(
    store: Store,
    *,
    person_ids: Sequence[PersonId],
    cause: EndCause,
    actor_id: str,
    now: datetime,
    tx: Transaction,
    but: SessionId | None = None,
    api_tokens: bool = True,
) -> int:
    """End all open sessions of people and revoke their API tokens; out: how many together.

    In: a session that goes on, and whether API tokens are revoked too. Signing in at the same
    moment conflicts with this on the credential, so no session is missed.
    """
    await store.credentials.touch(person_ids, tx=tx)
    ending = [
        session
        for session in await store.sessions.list_open(person_ids, tx=tx)
        if session.id != but
    ]
    await end_each(store, ending, cause=cause, actor_id=actor_id, now=now, tx=tx)
    tokens = await store.api_tokens.list_open(person_ids, tx=tx) if api_tokens else []
    await revoke_each(store, tokens, cause=cause, actor_id=actor_id, now=now, tx=tx)
    return len(ending) + len(tokens)


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


async def revoke_each(
    store: Store,
    revoked: Sequence[ApiToken],
    *,
    cause: EndCause,
    actor_id: str,
    now: datetime,
    tx: Transaction,
) -> None:
    """Revoke these API tokens and state it, as of sessions: gateways know no difference."""
    if not revoked:
        return
    await store.api_tokens.save_many(
        [(token, tokens_of_apps.end(token, cause=cause, now=now)) for token in revoked], tx=tx
    )
    facts = [events.session_revoked(token, actor_id=actor_id, now=now) for token in revoked]
    await store.outbox.add(*facts, tx=tx)
