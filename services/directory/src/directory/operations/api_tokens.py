"""API tokens of apps: making them, and telling gateways whose they are."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from plexus_access.api_tokens import new_token
from plexus_access.roles import PERMISSIONS, permissions_of
from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.domain import api_tokens
from directory.domain.access import Actor, require
from directory.domain.api_tokens import MOST_TOKENS, ApiToken
from directory.domain.ids import ApiTokenId, PersonId
from directory.domain.people import Person
from directory.domain.refusals import PersonDeactivated, PersonNotFound
from directory.domain.requests import Request
from directory.domain.sessions import to_the_minute
from directory.domain.sign_in_refusals import ApiTokenInvalid
from directory.store import Store
from directory.store.sign_in_documents import api_token_document, api_token_from

_HASH_BYTES: Final = 32

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiToken:
    """A token and its secret, which is empty when the same request comes again."""

    token: ApiToken
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Who holds an API token."""

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

    Raises:
        PermissionMissing: the actor may not, or it is another's and they may not manage tokens.
        InvalidArgument: name, scopes or expiry are not allowed, or there are 100 tokens.
        PermissionUnknown: a scope is no permission.
        ScopeExceedsOwn: the actor does not hold a scope.
        PersonNotFound: there is none in the tenant.
        PersonDeactivated: the person cannot act.
        RequestIdReused: the request id was used with other content.
    """
    require(actor, "api_tokens.create")
    own = person_id in {"", actor.person_id}
    if not own:
        require(actor, "api_tokens.manage")
    held = frozenset(each for each in permissions_of(actor.roles) if actor.lets(each))
    secret = new_token()
    token = ApiToken(
        id=ApiTokenId(new_id("tok", now=now)),
        tenant_id=actor.tenant_id,
        person_id=actor.person_id if own else PersonId(person_id),
        name=api_tokens.clean_name(name),
        scopes=api_tokens.check_scopes(scopes, known=PERMISSIONS, own=held),
        token_hash=hashlib.sha256(secret.encode("ascii")).digest(),
        created_at=now,
        created_by=actor.person_id,
        expires_at=api_tokens.check_expiry(expires_at, now=now),
    )

    async def work(tx: Transaction) -> NewApiToken:
        if answered := await store.requests.answer(request, tx=tx):
            return NewApiToken(token=api_token_from(answered), secret="")
        await store.requests.remember(request, api_token_document(token), now=now, tx=tx)
        person = await store.people.get(token.person_id, tenant_id=actor.tenant_id, tx=tx)
        if not person.active:
            raise PersonDeactivated
        present = await store.api_tokens.list_alive(
            person.id, tenant_id=actor.tenant_id, now=now, tx=tx
        )
        if len(present) >= MOST_TOKENS:
            raise InvalidArgument(field="person_id", problem=f"has {MOST_TOKENS} tokens already")
        # Deactivating at the same moment conflicts here: no token survives it.
        await store.people.touch(person.id, tx=tx)
        await store.api_tokens.add(token, tx=tx)
        return NewApiToken(token=token, secret=secret)

    made = await store.transact(work)
    if made.secret:
        log.info(
            "api_token.created",
            api_token_id=token.id,
            person_id=token.person_id,
            by=actor.person_id,
        )
    return made


async def resolve_api_token(store: Store, *, token_hash: bytes, now: datetime) -> Resolved:
    """Tell who holds a token, and note the minute of its use.

    Raises:
        ApiTokenInvalid: unknown, revoked or expired, or its person is not active.
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
    if not person.active:
        raise ApiTokenInvalid
    await store.api_tokens.note_use(token, at=to_the_minute(now))
    return Resolved(token=token, person=person)
