"""Setting a password: one's own with the old one, another's as administrator."""

from datetime import datetime

import structlog
from plexuskit.grpc import line_of
from plexuskit.mongo import Transaction

from directory.accounts.domain.passwords import attempt_key, normalise
from directory.accounts.domain.sessions import EndCause
from directory.accounts.operations.attempts import count_attempt
from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.lines import signed_in
from directory.accounts.operations.sessions import end_sessions, finish_sessions
from directory.accounts.store import Credential
from directory.people import events
from directory.people.domain.people import Person
from directory.people.domain.refusals import PersonDeactivated, ReasonRequired
from directory.people.operations.rights import PEOPLE, check_standing
from directory.shared.domain.actors import Actor, require
from directory.sign_in.domain.refusals import OldPasswordWrong
from directory.sign_in.store import Store

log = structlog.get_logger()


async def set_password(
    store: Store,
    hashing: Hashing,
    *,
    actor: Actor,
    person_id: str,
    old_password: str,
    new_password: str,
    reason: str,
    now: datetime,
) -> None:
    """Set a password and end the person's other sessions; an empty `person_id` means oneself.

    Another person also loses their API tokens, since their account may be compromised. An
    administrator could sign in with the password, so setting it requires a reason, which the ledger
    keeps (GW-11).

    One's own requires the old password, also for administrators: a stolen session must not give the
    account away. Wrong ones are counted per session, apart from sign-in attempts by strangers.

    Raises:
        PermissionMissing: another person's, and the actor manages people nowhere.
        ReasonRequired: another person's, and no reason is given.
        PersonNotFound: absent, or not managed by the actor.
        GrantExceedsOwn: the person holds grants that the actor does not.
        PersonDeactivated: the person cannot sign in.
        OldPasswordWrong: the old password is wrong, or there were too many attempts.
        InvalidArgument: the new password is too short or too long.
    """
    require(actor, "sessions.set_password")
    own = person_id in {"", actor.person_id}
    if not own and not reason.strip():
        raise ReasonRequired
    if own:
        person = await store.people.get(actor.person_id, tenant_id=actor.tenant_id)
    else:
        grants = await store.grants.holding(actor, PEOPLE, now=now)
        person = await store.places.managed_person(grants, person_id, tenant_id=actor.tenant_id)
    if not person.active:
        raise PersonDeactivated
    new = normalise(new_password, field="new_password", about=person.obvious_words)
    checked = None
    if own:
        checked = await _check_old(
            store, hashing, person, old_password, session_id=actor.session_id, now=now
        )
    credential = Credential(
        person_id=person.id,
        tenant_id=person.tenant_id,
        password_hash=await hashing.make(new, source=signed_in(actor.person_id)),
    )

    async def work(tx: Transaction) -> int:
        current = await store.people.get(person.id, tenant_id=actor.tenant_id, tx=tx)
        if not own:
            held = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
            await store.places.managed_person(held, person.id, tenant_id=actor.tenant_id, tx=tx)
            await check_standing(store, held, person, now=now, tx=tx)
        if not current.active:
            raise PersonDeactivated
        if own and await store.credentials.find(person.id, tx=tx) != checked:
            # The password was changed between the check and now: the old one is no longer valid.
            raise OldPasswordWrong
        ended = await end_sessions(
            store,
            person_ids=[person.id],
            tenant_id=actor.tenant_id,
            cause=EndCause.PASSWORD_SET,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
            but=actor.session_id if own else None,
            # People who set their own password keep their apps; another's account may be
            # compromised.
            api_tokens=not own,
        )
        await store.credentials.set(credential, now=now, tx=tx)
        why = "" if own else reason.strip()
        fact = events.password_set(person, reason=why, actor_id=actor.person_id, now=now)
        await store.outbox.add(fact, tx=tx)
        return ended

    ended = await store.change_person(
        actor.tenant_id, person.id, work, caller=line_of(actor.person_id)
    )
    await finish_sessions(store, [person.id], now=now)
    log.info("password.set", person_id=person.id, by=actor.person_id, sessions_ended=ended)


async def _check_old(
    store: Store,
    hashing: Hashing,
    person: Person,
    old_password: str,
    *,
    session_id: str,
    now: datetime,
) -> Credential | None:
    key = attempt_key(
        tenant_id=person.tenant_id, handle=person.handle, source=f"session:{session_id}"
    )
    async with hashing.turn(key):
        locked = await count_attempt(store, key, refusal=OldPasswordWrong, now=now)
        credential = await store.credentials.find(person.id)
        current = credential.password_hash if credential else None
        if not await hashing.matches(current, old_password, source=signed_in(person.id)):
            raise OldPasswordWrong(retry_after=locked)
        await store.attempts.forget(key)
    return credential
