"""Removing second factors, and the recovery codes that come with the first one."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from plexuskit.grpc import line_of
from plexuskit.mongo import Transaction

from directory.accounts.domain.sessions import EndCause
from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.sessions import end_sessions, finish_sessions
from directory.people.operations.rights import check_standing
from directory.shared.domain.actors import Actor, require
from directory.shared.domain.ids import PersonId
from directory.sign_in import events
from directory.sign_in.domain import recovery_codes, second_factors
from directory.sign_in.domain.refusals import SecondFactorNeeded
from directory.sign_in.domain.second_factors import Factor
from directory.sign_in.operations.admissions import confirmed, owes_second_factor
from directory.sign_in.operations.sessions import SESSIONS, person_of_sessions
from directory.sign_in.operations.step_ups import step_up
from directory.sign_in.store import Store

PERMISSION: Final = "sessions.set_second_factor"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A factor that works, and the recovery codes that come with a person's first one."""

    factor: Factor
    recovery_codes: tuple[str, ...] = field(repr=False)


async def remove_second_factor(
    store: Store,
    hashing: Hashing,
    *,
    actor: Actor,
    factor_id: str,
    person_id: str,
    password: str,
    now: datetime,
) -> None:
    """Remove a factor, or all if the id is empty; an empty person means oneself.

    An administrator removes another's after a loss, even if a role requires one: their sessions
    end, and the next session can only set up a new factor.

    Raises:
        PermissionMissing: not allowed, or another person's and the actor manages sessions nowhere.
        StepUpRequired: the password is wrong or missing, or a second factor was not given.
        PersonNotFound: absent, or the actor does not manage their sessions.
        GrantExceedsOwn: the person holds grants that the actor does not.
        SecondFactorNotFound: there is no factor of that id.
        SecondFactorNeeded: a role of the actor requires one, and this is the last.
    """
    require(actor, PERMISSION)
    own = person_id in {"", actor.person_id}
    if own:
        await step_up(store, hashing, actor=actor, password=password, now=now)
    else:
        await store.grants.holding(actor, SESSIONS, now=now)
    whose = actor.person_id if own else PersonId(person_id)

    async def work(tx: Transaction) -> int:
        person = await person_of_sessions(store, whose, actor=actor, now=now, tx=tx)
        if not own:
            grants = await store.grants.holding(actor, SESSIONS, now=now, tx=tx)
            await check_standing(store, grants, person, now=now, tx=tx)
        current = confirmed(await store.factors.list_of(person.id, tx=tx))
        removed = second_factors.chosen(current, factor_id)
        if len(removed) == len(current):
            if own and await owes_second_factor(store, person, now=now, tx=tx):
                raise SecondFactorNeeded
            await store.recovery_codes.forget(person.id, tx=tx)
        await store.factors.delete(removed, tx=tx)
        facts = [
            events.second_factor_removed(factor, actor_id=actor.person_id, now=now)
            for factor in removed
        ]
        await store.outbox.add(*facts, tx=tx)
        if own:
            return 0
        return await end_sessions(
            store,
            person_ids=[person.id],
            tenant_id=actor.tenant_id,
            cause=EndCause.SECOND_FACTOR_REMOVED,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
        )

    ended = await store.change_person(actor.tenant_id, whose, work, caller=line_of(actor.person_id))
    if ended:
        await finish_sessions(store, [whose], now=now)
    log.info("second_factor.removed", person_id=whose, by=actor.person_id, sessions_ended=ended)


async def first_codes(
    store: Store, actor: Actor, *, factors: tuple[Factor, ...], tx: Transaction
) -> tuple[str, ...]:
    """Make the recovery codes that come with the first factor; none with further ones."""
    if confirmed(factors):
        return ()
    codes = tuple(
        recovery_codes.written(secrets.token_bytes(recovery_codes.RANDOM_BYTES))
        for _ in range(recovery_codes.HOW_MANY)
    )
    await store.recovery_codes.set(
        actor.person_id,
        tenant_id=actor.tenant_id,
        codes=tuple(recovery_codes.digest(code) for code in codes),
        tx=tx,
    )
    return codes
