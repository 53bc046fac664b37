"""Refreshing, ending and revoking sessions."""

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog
from plexuskit.grpc import line_of
from plexuskit.mongo import Transaction

from directory.accounts import events
from directory.accounts.domain import sessions
from directory.accounts.domain.refusals import RefreshRefused, RefreshReused
from directory.accounts.domain.sessions import SECRET_BYTES, EndCause, Session, Tokens
from directory.accounts.operations.sessions import (
    end_each,
    end_sessions,
    finish_sessions,
    revoke_each,
)
from directory.people.domain.people import Person
from directory.shared.domain.actors import Actor, require
from directory.shared.domain.ids import PersonId
from directory.sign_in.domain.refusals import SessionNotFound
from directory.sign_in.operations.access_tokens import TokenIssuer
from directory.sign_in.operations.admissions import limits_of
from directory.sign_in.store import Store

log = structlog.get_logger()

SESSIONS: Final = "sessions.manage"


async def person_of_sessions(
    store: Store, person_id: str, *, actor: Actor, now: datetime, tx: Transaction
) -> Person:
    """Load the person whose sessions are changed: the actor or a person they manage.

    In: "" or the actor's id for themselves.

    Raises:
        PermissionMissing: another person, and the actor manages sessions nowhere.
        PersonNotFound: absent, or the actor does not manage their sessions.
    """
    if person_id in {"", actor.person_id}:
        return await store.people.get(actor.person_id, tenant_id=actor.tenant_id, tx=tx)
    grants = await store.grants.holding(actor, SESSIONS, now=now, tx=tx)
    return await store.places.managed_person(
        grants, person_id, permission=SESSIONS, tenant_id=actor.tenant_id, tx=tx
    )


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
        if sessions.repeats(previous, presented):
            await store.outbox.add(events.refresh_repeated(after, now=now), tx=tx)
        scopes = await limits_of(store, person, methods=after.methods, now=now, tx=tx)
        return after, person, scopes

    session, person, scopes = await store.transact(work)
    if person is None:
        log.warning("session.refresh_reused", session_id=session.id, person_id=session.person_id)
        raise RefreshReused
    # Ending all sessions does not write this one, so it can have happened beside this transaction.
    generation = await store.generations.find(session.person_id)
    if generation is not None and generation.seen(session) is not session:
        raise RefreshRefused
    return issuer.issue(person=person, session=session, refresh=following, scopes=scopes, now=now)


async def revoke_sessions(
    store: Store, *, actor: Actor, session_id: str, person_id: str, now: datetime
) -> int:
    """End a session or API token, or all of a person but the current one; out: the number.

    An empty person means oneself.

    Raises:
        PermissionMissing: the actor may not, or it is another's and they manage sessions nowhere.
        PersonNotFound: there is none whose sessions the actor manages.
        SessionNotFound: the person has no such session that is open.
    """
    require(actor, "sessions.end")

    async def work(tx: Transaction) -> int:
        person = await person_of_sessions(store, person_id, actor=actor, now=now, tx=tx)
        if not session_id:
            return await end_sessions(
                store,
                person_ids=[person.id],
                tenant_id=actor.tenant_id,
                cause=EndCause.REVOKED,
                actor_id=actor.person_id,
                now=now,
                tx=tx,
                but=actor.session_id,
            )
        session = await store.sessions.find(session_id, tenant_id=actor.tenant_id, tx=tx)
        token = await store.api_tokens.find(session_id, tenant_id=actor.tenant_id, tx=tx)
        if session and session.person_id == person.id and session.alive(now=now):
            await end_each(
                store,
                [session],
                cause=EndCause.REVOKED,
                actor_id=actor.person_id,
                now=now,
                tx=tx,
            )
        elif token and token.person_id == person.id and token.alive(now=now):
            await revoke_each(
                store, [token], cause=EndCause.REVOKED, actor_id=actor.person_id, now=now, tx=tx
            )
        else:
            raise SessionNotFound
        return 1

    whose = PersonId(person_id) if person_id else actor.person_id
    ended = await store.change_person(actor.tenant_id, whose, work, caller=line_of(actor.person_id))
    await finish_sessions(store, [whose], now=now)
    log.info("sessions.revoked", person_id=whose, by=actor.person_id, ended=ended)
    return ended


async def sign_out(store: Store, *, actor: Actor, now: datetime) -> None:
    """End the caller's session; one that has ended already stays so.

    Raises:
        PermissionMissing: the actor has no role in the tenant.
    """
    require(actor, "sessions.end")

    async def work(tx: Transaction) -> None:
        session = await store.sessions.find(actor.session_id, tenant_id=actor.tenant_id, tx=tx)
        if session is None or session.ended_at is not None:
            return
        await end_each(
            store,
            [session],
            cause=EndCause.SIGNED_OUT,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
        )

    await store.transact(work)
    log.info("session.signed_out", session_id=actor.session_id, person_id=actor.person_id)
