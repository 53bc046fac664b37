"""Ending sessions and API tokens by hand: one, or all but the present one."""

from datetime import datetime

import structlog
from plexuskit.mongo import Transaction

from directory.accounts.domain.sessions import EndCause
from directory.accounts.operations.sessions import end_each, end_sessions, revoke_each
from directory.shared.domain.actors import Actor, require
from directory.sign_in.domain.refusals import SessionNotFound
from directory.sign_in.operations.sessions import person_of_sessions
from directory.store import Store

log = structlog.get_logger()


async def revoke_sessions(
    store: Store, *, actor: Actor, session_id: str, person_id: str, now: datetime
) -> int:
    """End a session or API token, or all of a person but the one that asks; out: how many ended.

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

    ended = await store.transact(work)
    log.info(
        "sessions.revoked", person_id=person_id or actor.person_id, by=actor.person_id, ended=ended
    )
    return ended
