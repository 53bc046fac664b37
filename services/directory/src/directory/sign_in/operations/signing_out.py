"""Ending one's own session."""

from datetime import datetime

import structlog
from plexuskit.mongo import Transaction

from directory.accounts.domain.sessions import EndCause
from directory.accounts.operations.sessions import end_each
from directory.shared.domain.actors import Actor, require
from directory.store import Store

log = structlog.get_logger()


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
