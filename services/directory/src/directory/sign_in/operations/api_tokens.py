"""API tokens of apps: creation, and resolution for gateways."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from plexus_access.api_tokens import new_token
from plexus_access.roles import PERMISSIONS
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import line_of
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from directory.access.domain.grants import Grants
from directory.accounts import events
from directory.accounts.domain import api_tokens
from directory.accounts.domain.api_tokens import MAX_MADE, MAX_TOKENS, ApiToken
from directory.accounts.domain.sessions import to_the_minute
from directory.people.domain.people import Kind, Person
from directory.people.domain.refusals import PersonDeactivated
from directory.people.operations.rights import check_standing
from directory.shared.domain.actors import Actor, require
from directory.shared.domain.ids import ApiTokenId, PersonId
from directory.shared.domain.refusals import PersonNotFound
from directory.sign_in.domain.refusals import ApiTokenInvalid, ApiTokenOfAnother
from directory.sign_in.store import Store

MANAGE: Final = "api_tokens.manage"
_HASH_BYTES: Final = 32

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiToken:
    """A token and its secret, which is empty when the same request comes again."""

    token: ApiToken
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Holder of an API token."""

    token: ApiToken
    person: Person


async def create_api_token(
    store: Store,
    *,
    actor: Actor,
    name: str,
    person_id: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    request: Request | None,
    now: datetime,
) -> NewApiToken:
    """Make a token for an app, which acts as a person within scopes; an empty person is oneself.

    The secret is shown this once: a repeat of the request gets the token without it.

    For another only where that is a service account: a token of a human reads what they read, so
    only they make one (GW-11).

    A token that another token makes ends with it at the latest, so that who holds an app's token
    for a day has nothing the day after, and nothing once it is revoked.

    Raises:
        PermissionMissing: the actor may not, or it is another's and they manage tokens nowhere.
        ApiTokenOfAnother: it is for a human other than the actor.
        InvalidArgument: name, scopes or expiry are not allowed, the expiry is later than that of
            the token in use, or there are 100 tokens.
        ApiTokenInvalid: the token in use has just been revoked, or that of the same request is
            gone.
        PermissionUnknown: a scope is no permission.
        GrantExceedsOwn: the actor does not hold a scope, or not all that the person holds.
        PersonNotFound: there is none whose tokens the actor manages.
        PersonDeactivated: the person cannot act.
        RequestIdReused: the request id was used with other content.
    """
    require(actor, "api_tokens.create")
    own = person_id in {"", actor.person_id}
    if not own:
        await store.grants.holding(actor, MANAGE, now=now)
    maker = await store.api_tokens.find(actor.session_id, tenant_id=actor.tenant_id)
    secret = new_token()
    token = ApiToken(
        id=ApiTokenId(new_id("tok", now=now)),
        tenant_id=actor.tenant_id,
        person_id=actor.person_id if own else PersonId(person_id),
        name=api_tokens.clean_name(name),
        scopes=api_tokens.check_scopes(scopes, known=PERMISSIONS),
        token_hash=hashlib.sha256(secret.encode("ascii")).digest(),
        created_at=now,
        created_by=actor.person_id,
        expires_at=api_tokens.check_expiry(expires_at, maker=maker, now=now),
        made_with=(*maker.made_with, maker.id) if maker else (),
    )

    async def work(tx: Transaction) -> NewApiToken:
        if answered := await store.requests.answer(request, now=now, tx=tx):
            earlier = await store.api_tokens.find(answered["id"], tenant_id=actor.tenant_id, tx=tx)
            if earlier is None:
                raise ApiTokenInvalid
            return NewApiToken(token=earlier, secret="")
        await store.requests.record(request, {"id": token.id}, now=now, tx=tx)
        grants = await store.grants.of_actor(actor, now=now, tx=tx)
        person = await _person(store, token.person_id, actor=actor, grants=grants, now=now, tx=tx)
        if not person.welcome(now=now):
            raise PersonDeactivated
        grants.require_somewhere(token.scopes)
        current = await store.api_tokens.list_alive(
            person.id, tenant_id=actor.tenant_id, now=now, tx=tx
        )
        if len(current) >= MAX_TOKENS:
            raise InvalidArgument(field="person_id", problem=f"has {MAX_TOKENS} tokens already")
        if maker is not None:
            await _check_maker(store, maker, now=now, tx=tx)
        # Deactivating at the same moment conflicts here: no token survives it.
        await store.people.touch(person.id, tx=tx)
        await store.api_tokens.add(token, tx=tx)
        fact = events.api_token_created(token, actor_id=actor.person_id, now=now)
        await store.outbox.add(fact, tx=tx)
        return NewApiToken(token=token, secret=secret)

    made = await store.change_person(
        actor.tenant_id, token.person_id, work, caller=line_of(actor.person_id)
    )
    if made.secret:
        log.info(
            "api_token.created",
            api_token_id=token.id,
            person_id=token.person_id,
            by=actor.person_id,
        )
    return made


async def _check_maker(store: Store, maker: ApiToken, *, now: datetime, tx: Transaction) -> None:
    """Check that the token in use may make one more, which ends when it is revoked."""
    current = await store.api_tokens.find(maker.id, tenant_id=maker.tenant_id, tx=tx)
    if current is None or not current.alive(now=now):
        raise ApiTokenInvalid
    first = (*maker.made_with, maker.id)[0]
    if len(await store.api_tokens.list_made_with([first], tx=tx)) >= MAX_MADE:
        raise InvalidArgument(
            field="person_id", problem=f"cannot have it: {MAX_MADE} were made with this token"
        )
    # Revoking it at the same moment conflicts here: nothing made with it survives it.
    await store.api_tokens.touch(maker.id, tx=tx)


async def resolve_api_token(store: Store, *, token_hash: bytes, now: datetime) -> Resolved:
    """Return the holder of a token, and record the minute of its use.

    Raises:
        ApiTokenInvalid: unknown, revoked or expired, its person is not active, or another person
            made it on behalf of a human, as was possible once (GW-11).
    """
    if len(token_hash) != _HASH_BYTES:
        raise ApiTokenInvalid
    token = await store.api_tokens.find_by_hash(token_hash)
    if token is None or not token.alive(now=now):
        raise ApiTokenInvalid
    try:
        person = await store.people.get(token.person_id, tenant_id=token.tenant_id)
    except PersonNotFound:
        raise ApiTokenInvalid from None
    if not person.welcome(now=now) or not _may_act_as(person, made_by=token.created_by):
        raise ApiTokenInvalid
    await store.api_tokens.note_use(token, at=to_the_minute(now))
    return Resolved(token=token, person=person)


async def _person(
    store: Store,
    person_id: PersonId,
    *,
    actor: Actor,
    grants: Grants,
    now: datetime,
    tx: Transaction,
) -> Person:
    """Load whom a token acts as: oneself, or a service account with nothing beyond the actor's."""
    if person_id == actor.person_id:
        return await store.people.get(person_id, tenant_id=actor.tenant_id, tx=tx)
    person = await store.places.managed_person(
        grants, person_id, permission=MANAGE, tenant_id=actor.tenant_id, tx=tx
    )
    if not _may_act_as(person, made_by=actor.person_id):
        raise ApiTokenOfAnother
    await check_standing(store, grants, person, now=now, tx=tx)
    return person


def _may_act_as(person: Person, *, made_by: str) -> bool:
    service = person.kind is Kind.SERVICE_ACCOUNT
    return api_tokens.may_act_as(person.id, service=service, made_by=made_by)
