"""Exchanging a refresh token for the next one."""

import secrets
from dataclasses import replace
from datetime import datetime

import structlog
from plexuskit.mongo import Transaction

from directory.accounts.domain import sessions
from directory.accounts.domain.refusals import RefreshRefused, RefreshReused
from directory.accounts.domain.sessions import SECRET_BYTES, EndCause, Session, Tokens
from directory.accounts.operations.sessions import end_each
from directory.people.domain.people import Person
from directory.sign_in.operations.access_tokens import TokenIssuer
from directory.sign_in.operations.limiting import limits_of
from directory.store import Store

log = structlog.get_logger()


async def refresh_session(
    store: Store, issuer: TokenIssuer, *, refresh_token: str, now: datetime
) -> Tokens:
    """Spend a refresh token; out: new tokens, with the roles and limits that the person has now.

    A token that was spent before ends its session, unless its client asks again in time
    (`sessions.refresh`).

    Raises:
        RefreshRefused: the token is unknown, expired, or its session or person is no longer active.
        RefreshReused: the token was spent before; the session has ended now.
    """
    presented = sessions.parse(refresh_token)
    following = replace(presented, secret=secrets.token_bytes(SECRET_BYTES))

    async def work(tx: Transaction) -> tuple[Session, Person | None, frozenset[str]]:
        previous = await store.sessions.find_by_family(presented.family_hash, tx=tx)
        if previous is None:
            raise RefreshRefused
        try:
            after = sessions.refresh(previous, presented, successor=following.secret_hash, now=now)
        except RefreshReused:
            # Ending the session must be committed, so the refusal is raised after the transaction.
            await end_each(
                store,
                [previous],
                cause=EndCause.REFRESH_REUSED,
                actor_id=previous.person_id,
                now=now,
                tx=tx,
            )
            return previous, None, frozenset()
        person = await store.people.get(previous.person_id, tenant_id=previous.tenant_id, tx=tx)
        if not person.welcome(now=now):
            raise RefreshRefused
        await store.sessions.save_many([(previous, after)], tx=tx)
        scopes = await limits_of(store, person, methods=after.methods, now=now, tx=tx)
        return after, person, scopes

    session, person, scopes = await store.transact(work)
    if person is None:
        log.warning("session.refresh_reused", session_id=session.id, person_id=session.person_id)
        raise RefreshReused
    return issuer.issue(person=person, session=session, refresh=following, scopes=scopes, now=now)
