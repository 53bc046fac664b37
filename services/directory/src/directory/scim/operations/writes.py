"""Writing people that the feed has decided on, in the turn that its request has."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from plexuskit.mongo import Retry
from scim2_models import MutabilityException

from directory.access.domain.refusals import GrantExceedsOwn
from directory.accounts.domain.passwords import normalise
from directory.accounts.domain.sessions import EndCause
from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.lines import Source
from directory.accounts.operations.sessions import end_sessions
from directory.accounts.store import Credential
from directory.people import events
from directory.people.domain.people import Person
from directory.people.domain.refusals import HandleTaken
from directory.people.operations.accounts import IN_USE, check_addresses, in_use
from directory.people.operations.changes import check_managers, deactivated, save_changed
from directory.people.operations.standing import check_regrouped, check_written
from directory.scim.domain.resources import FeedUser
from directory.scim.operations.write_queue import Turn
from directory.scim.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordSet:
    """The hash of a password that the feed gave; empty: it gave none."""

    hash: str = field(default="", repr=False)


NO_PASSWORD = PasswordSet()
PERMISSION: Final = "people.provision"
ORIGIN: Final = "feed"
"""The reason that the ledger shows for changes of accounts by the feed."""

log = structlog.get_logger()


async def hashed(hashing: Hashing, user: FeedUser, *, source: Source) -> PasswordSet:
    """Hash the password of a resource, outside any transaction.

    Raises:
        InvalidArgument: it is not allowed.
    """
    if not user.password:
        return NO_PASSWORD
    names = (user.user_name or "", user.display_name or "")
    about = [part for name in names for part in (name, name.partition("@")[0])]
    return PasswordSet(
        hash=await hashing.make(
            normalise(user.password, field="password", about=about), source=source
        )
    )


async def check(
    store: Store,
    previous: Person | None,
    after: Person,
    *,
    password: PasswordSet = NO_PASSWORD,
    actor: Actor,
    permission: str = PERMISSION,
    now: datetime,
    turn: Turn,
) -> None:
    """Check, before a write and at the turn's end, that no person gains more than the actor holds.

    None is the previous state of a new person.

    Raises:
        GrantExceedsOwn: they would, or the account belongs to a person who holds more (GW-11).
    """
    if after is previous and not password.hash:
        return
    grants = await store.grants.holding(actor, permission, now=now, tx=turn.tx)
    written = [(previous, after)]
    await check_written(
        store,
        grants,
        written,
        signing_in=[after.id] if password.hash else (),
        tenant_id=actor.tenant_id,
        now=now,
        tx=turn.tx,
    )

    async def finish() -> None:
        await check_regrouped(
            store, grants, written, tenant_id=actor.tenant_id, now=now, tx=turn.tx
        )

    turn.checks.append(finish)


async def split_by_standing(
    store: Store,
    changed: Sequence[tuple[Person, Person]],
    *,
    actor: Actor,
    permission: str,
    now: datetime,
    turn: Turn,
) -> tuple[list[tuple[Person, Person]], dict[PersonId, GrantExceedsOwn]]:
    """Split changes of accounts into those the actor may make and refusals, as `check` decides.

    Returns: the permitted changes, and the refusals by person.
    """
    grants = await store.grants.holding(actor, permission, now=now, tx=turn.tx)
    refused: dict[PersonId, GrantExceedsOwn] = {}
    touched = [after.id for previous, after in changed if after is not previous]
    if not grants.holds_everything:
        held = await store.grants.of_people(touched, tenant_id=actor.tenant_id, now=now, tx=turn.tx)
        for person_id, other in held.items():
            try:
                grants.require_standing_over(other)
            except GrantExceedsOwn as refusal:
                refused[person_id] = refusal
    permitted = [each for each in changed if each[1].id not in refused]

    async def finish() -> None:
        await check_regrouped(
            store, grants, permitted, tenant_id=actor.tenant_id, now=now, tx=turn.tx
        )

    turn.checks.append(finish)
    return permitted, refused


async def save_many(
    store: Store,
    changed: Sequence[tuple[Person, Person]],
    *,
    actor: Actor,
    now: datetime,
    turn: Turn,
) -> None:
    """Store changed people after a check, as `save` does, in a fixed number of commands.

    Raises:
        LastAdministrator: the tenant would have no administrator any more.
    """
    different = [(previous, after) for previous, after in changed if after is not previous]
    if not different:
        return
    await check_managers(store, different, tenant_id=actor.tenant_id, tx=turn.tx)
    await save_changed(
        store,
        different,
        tenant_id=actor.tenant_id,
        actor_id=actor.person_id,
        now=now,
        tx=turn.tx,
    )
    turn.touched.extend(after.id for _, after in different)
    turn.left.extend(deactivated(different))


async def add(
    store: Store,
    person: Person,
    *,
    password: PasswordSet,
    actor: Actor,
    now: datetime,
    turn: Turn,
) -> None:
    """Store a new person, with an account when there is a password.

    Raises:
        GrantExceedsOwn: the person would hold more than the feed does.
        Retry: the handle was taken meanwhile; the transaction finds another one.
        EmployeeNumberTaken: another person of the tenant has the employee number.
        PersonNotFound, SuperiorUnavailable: there is no such manager.
    """
    await check(store, None, person, actor=actor, now=now, turn=turn)
    await check_managers(store, [(None, person)], tenant_id=actor.tenant_id, tx=turn.tx)
    try:
        await store.people.add(person, tx=turn.tx)
    except HandleTaken as taken:
        raise Retry from taken
    await _write_password(store, person, password, now=now, turn=turn)
    turn.facts.append(events.person_added(person, actor_id=actor.person_id, now=now))
    turn.touched.append(person.id)


async def save(
    store: Store,
    previous: Person,
    after: Person,
    *,
    password: PasswordSet = NO_PASSWORD,
    actor: Actor,
    now: datetime,
    turn: Turn,
) -> None:
    """Store a changed person after `check`; a deactivated one is signed out and leaves groups.

    A password, and an address that single sign-on links by, are for people who cannot sign in yet.
    An external id by which a provider signs people in ends the sessions of an account in use.

    Raises:
        MutabilityException: the person can sign in already.
        LastAdministrator: the tenant would have no administrator any more.
        EmployeeNumberTaken: another person of the tenant has the employee number.
        PersonNotFound, SuperiorUnavailable, ReportingCycle: the manager is not possible.
    """
    await _set_password(store, after, password, actor=actor, now=now, turn=turn)
    await _set_address(store, previous, after, actor=actor, now=now, turn=turn)
    await _set_external_id(store, previous, after, actor=actor, now=now, turn=turn)
    await save_many(store, [(previous, after)], actor=actor, now=now, turn=turn)


async def for_newcomers(
    store: Store, person: Person, password: PasswordSet, *, actor: Actor, turn: Turn
) -> PasswordSet:
    """Return the password for an adopted person, none for one who can sign in already.

    Okta sends a random password with every new resource, also for people who are here.
    """
    if not password.hash or not await _in_use(store, person, turn=turn):
        return password
    log.info("feed.password_kept", person_id=person.id, by=actor.person_id)
    return NO_PASSWORD


async def _set_password(
    store: Store, person: Person, password: PasswordSet, *, actor: Actor, now: datetime, turn: Turn
) -> None:
    if not password.hash:
        return
    if await _in_use(store, person, turn=turn):
        raise MutabilityException(detail=f"The password {IN_USE}.", attribute="password")
    await _sign_out(store, person, EndCause.PASSWORD_SET, actor=actor, now=now, turn=turn)
    await _write_password(store, person, password, now=now, turn=turn)
    fact = events.password_set(person, reason=ORIGIN, actor_id=actor.person_id, now=now)
    turn.facts.append(fact)


async def _set_address(
    store: Store, previous: Person, after: Person, *, actor: Actor, now: datetime, turn: Turn
) -> None:
    facts, kept = await check_addresses(
        store,
        [(previous, after)],
        tenant_id=after.tenant_id,
        origin=ORIGIN,
        actor_id=actor.person_id,
        now=now,
        tx=turn.tx,
    )
    if kept:
        raise MutabilityException(detail=f"The address {IN_USE}.", attribute="emails")
    turn.facts.extend(facts)


async def _set_external_id(
    store: Store, previous: Person, after: Person, *, actor: Actor, now: datetime, turn: Turn
) -> None:
    if after.external_id == previous.external_id:
        return
    providers = await store.provider_ids.list_of(after.tenant_id, tx=turn.tx)
    if after.external_id.partition(":")[0] not in providers:
        return
    if await _in_use(store, previous, turn=turn):
        await _sign_out(store, after, EndCause.REVOKED, actor=actor, now=now, turn=turn)
    reason = f"{ORIGIN}: external id"
    fact = events.sign_in_email_set(after, reason=reason, actor_id=actor.person_id, now=now)
    turn.facts.append(fact)


async def _sign_out(
    store: Store, person: Person, cause: EndCause, *, actor: Actor, now: datetime, turn: Turn
) -> None:
    turn.signed_out.append(person.id)
    await end_sessions(
        store,
        person_ids=[person.id],
        tenant_id=person.tenant_id,
        cause=cause,
        actor_id=actor.person_id,
        now=now,
        tx=turn.tx,
    )


async def _in_use(store: Store, person: Person, *, turn: Turn) -> bool:
    return bool(await in_use(store, [person], tenant_id=person.tenant_id, tx=turn.tx))


async def _write_password(
    store: Store, person: Person, password: PasswordSet, *, now: datetime, turn: Turn
) -> None:
    if password.hash:
        credential = Credential(
            person_id=person.id, tenant_id=person.tenant_id, password_hash=password.hash
        )
        await store.credentials.set(credential, now=now, tx=turn.tx)
