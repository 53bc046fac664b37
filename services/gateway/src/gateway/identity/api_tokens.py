"""Long-lived tokens of apps: recognised by their shape, known by asking directory for a hash."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from plexus.directory.v1 import session_service_pb2 as pb
from plexus_access.api_tokens import is_well_formed
from plexuskit.clock import Clock
from plexuskit.errors import Kind, Refusal
from plexuskit.timestamps import instant_of

from gateway.identity.ended import EndedSessions
from gateway.identity.person import Identity
from gateway.identity.refusals import SessionEnded, TokenExpired, TokenInvalid

# Directory's answer is kept that long, positive or negative.
KEPT: Final = timedelta(seconds=30)
# A stream shows its token again after that time, as with access tokens: new roles reach it then.
STREAM_LIFE: Final = timedelta(minutes=15)
_CACHED: Final = 20_000
# Strangers with made-up tokens of the right shape may not keep directory from answering others.
_ASKED_AT_ONCE: Final = 16

ResolveApiToken = Callable[[pb.ResolveApiTokenRequest], Awaitable[pb.ResolveApiTokenResponse]]
"""Directory's method, as its stub calls it."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Directory's answer about a token: its holder or none, with the answer's expiry."""

    identity: Identity | None
    until: datetime


class ApiTokens:
    """Resolves API tokens to their holders; an answer is kept 30 s, or until revocation."""

    def __init__(
        self,
        resolve_api_token: ResolveApiToken,
        ended: EndedSessions,
        *,
        clock: Clock,
        cached: int = _CACHED,
    ) -> None:
        """Set up the resolution of tokens.

        Args:
            resolve_api_token: asks directory by the token's hash; the token itself stays here.
            ended: receives revoked tokens like ended sessions, and the tokens in use.
            clock: time for expiry.
            cached: maximum number of kept answers; the least recently used leave first.
        """
        self._resolve_api_token = resolve_api_token
        self._ended = ended
        self._clock = clock
        self._size = cached
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Identity | None]] = {}
        self._turns = asyncio.Semaphore(_ASKED_AT_ONCE)

    def known(self, token: str) -> Identity | None:
        """Return the identity of a token that was resolved in the last 30 s, else None.

        Refusals: TOKEN_INVALID, SESSION_ENDED for a revoked one.
        """
        answer = self._answers.get(token)
        if answer is None:
            return None
        if answer.until <= self._clock.now():
            del self._answers[token]
            return None
        self._answers.move_to_end(token)
        return self._checked(answer.identity)

    async def resolve(self, token: str) -> Identity:
        """Query directory for a token's holder; concurrent queries for one token share one call.

        Refusals: TOKEN_INVALID, TOKEN_EXPIRED, SESSION_ENDED. Raises DependencyDown when directory
        cannot be asked: that is no verdict on the token.
        """
        if not is_well_formed(token):
            raise TokenInvalid
        task = self._asking.get(token)
        if task is None:
            task = self._asking[token] = asyncio.create_task(self._ask(token))
            task.add_done_callback(lambda done: self._asked(token, done))
        # A caller who disconnects leaves the query to the others.
        identity = await asyncio.shield(task)
        return self._checked(identity)

    async def _ask(self, token: str) -> Identity | None:
        token_hash = hashlib.sha256(token.encode()).digest()
        async with self._turns:
            asked_at = self._clock.now()
            try:
                found = await self._resolve_api_token(
                    pb.ResolveApiTokenRequest(token_hash=token_hash)
                )
            except Refusal as refusal:
                if not _says_invalid(refusal):
                    raise
                identity, until = None, asked_at + KEPT
            else:
                identity = _identity(found, now=asked_at)
                until = min(asked_at + KEPT, identity.expires_at)
                self._ended.use(
                    session_id=identity.session_id,
                    person_id=identity.person_id,
                    issued_at=asked_at,
                    until=identity.expires_at,
                )
        self._answers[token] = _Answer(identity, until)
        if len(self._answers) > self._size:
            self._answers.popitem(last=False)
        return identity

    def _asked(self, token: str, task: "asyncio.Task[Identity | None]") -> None:
        del self._asking[token]
        if not task.cancelled():
            # Marks the result as retrieved even if no one waits for it any more.
            task.exception()

    def _checked(self, identity: Identity | None) -> Identity:
        if identity is None:
            raise TokenInvalid
        if self._ended.is_ended(identity.session_id):
            raise SessionEnded
        if identity.expires_at <= self._clock.now():
            raise TokenExpired
        return identity


def _says_invalid(refusal: Refusal) -> bool:
    return refusal.kind is Kind.UNAUTHENTICATED and refusal.reason == "API_TOKEN_INVALID"


def _identity(found: pb.ResolveApiTokenResponse, *, now: datetime) -> Identity:
    token = found.api_token
    said = hashlib.sha256(found.SerializeToString(deterministic=True)).hexdigest()[:16]
    return Identity(
        tenant_id=found.tenant_id,
        person_id=token.person_id,
        session_id=token.id,
        roles=frozenset(found.roles),
        expires_at=min(instant_of(token.expires_at), now + STREAM_LIFE),
        token_id=f"{token.id}.{said}",
        scopes=frozenset(token.scopes),
        api_token_id=token.id,
        guest=found.guest,
        as_of=now,
    )
