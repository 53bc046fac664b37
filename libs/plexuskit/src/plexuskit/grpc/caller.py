"""Signed caller context: the identity on whose behalf a request runs (GW-1).

The gateway signs a person's context, a service its own; the serving side verifies it. A context
lives 60 s at most, for one audience. Verifying costs about 100 µs, so its result is cached by the
exact bytes. Keys are those currently in the file: they rotate without a restart.
"""

from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cryptography.exceptions import InvalidSignature
from google.protobuf.message import DecodeError
from plexus.authz.v1.caller_pb2 import CallerContext, SignedCaller

from plexuskit.clock import Clock, SystemClock
from plexuskit.config import CallerSection
from plexuskit.errors import Kind, Refusal
from plexuskit.grpc.keys import UnusableKeys, owner_of, watched_keys

METADATA_KEY = "plexus-caller-bin"
GATEWAY = "gateway"
MAX_LIFE = timedelta(seconds=60)
MAX_SKEW = timedelta(seconds=30)
MAX_BYTES = 8 * 1024
CACHED = 8192

log = structlog.get_logger()

_MS = timedelta(milliseconds=1)
_MAX_LIFE_MS = MAX_LIFE // _MS
_MAX_SKEW_MS = MAX_SKEW // _MS
_GATEWAY_ONLY = frozenset({CallerContext.KIND_PERSON, CallerContext.KIND_ANONYMOUS})


class CallerContextMissing(Refusal):
    """The request names no caller."""

    kind = Kind.UNAUTHENTICATED
    text = "The request carries no caller context; call through the gateway."


class CallerContextInvalid(Refusal):
    """The caller context is not one that this service accepts."""

    kind = Kind.UNAUTHENTICATED
    text = "The caller context is not valid here ({problem}); call through the gateway."


class CallerContextExpired(Refusal):
    """The caller context is past its life."""

    kind = Kind.UNAUTHENTICATED
    text = "The caller context has expired; send the request again."


class CallerNotAllowed(Refusal):
    """The certificate or the signing key is of a service that does not call this one (GW-12)."""

    kind = Kind.UNAUTHENTICATED
    text = "The service {peer} does not call this one."


class Unauthenticated(Refusal):
    """Only a signed-in person may do this."""

    kind = Kind.UNAUTHENTICATED
    text = "Sign in to do this."


class InternalOnly(Refusal):
    """Only Plexus services may call this method."""

    kind = Kind.PERMISSION_DENIED
    text = "This method is for Plexus services only."


@dataclass(frozen=True, slots=True)
class Actor:
    """The signed-in person who asks.

    `roles` are the built-in ones held for the tenant, `extra` permissions that other roles give
    there; `scopes`, unless empty, are all that an API token may use of both.
    """

    tenant_id: str
    person_id: str
    session_id: str
    roles: frozenset[str]
    scopes: frozenset[str] = frozenset()
    extra: frozenset[str] = frozenset()


_serving: ContextVar[CallerContext] = ContextVar("plexus_caller")


def caller() -> CallerContext:
    """Return the context of the request being served; it is shared, never change it.

    Raises CallerContextMissing outside a request.
    """
    context = _serving.get(None)
    if context is None:
        raise CallerContextMissing
    return context


def actor() -> Actor:
    """Return the person of the request being served. Raises Unauthenticated for anyone else."""
    return actor_of(caller())


def actor_of(context: CallerContext) -> Actor:
    """Return the person of a verified context. Raises Unauthenticated for anyone else."""
    return Actor(
        person_id=person_of(context),
        tenant_id=context.tenant_id,
        session_id=context.session_id,
        roles=frozenset(context.roles),
        scopes=frozenset(context.scopes),
        extra=frozenset(context.extra_permissions),
    )


def person_of(context: CallerContext) -> str:
    """Return the id of the person of a verified context. Raises Unauthenticated for anyone else."""
    if context.kind != CallerContext.KIND_PERSON:
        raise Unauthenticated
    return context.person_id


def line_of(person_id: str) -> str:
    """Name the line in which calls of a person wait for each other (`plexuskit.lines`).

    Calls with API tokens have a line of their own, so that an app delays no call of its person.
    """
    context = _serving.get(None)
    return f"{person_id}:app" if context is not None and context.api_token_id else person_id


def enter(context: CallerContext) -> None:
    """Make a verified context the one that `caller` answers, for the task that runs now."""
    _serving.set(context)


class CallerSigner:
    """Signs caller contexts with the service's own key."""

    def __init__(self, section: CallerSection) -> None:
        """Read the key. Raises UnusableKeys for a file without one."""
        self._file = watched_keys(section.keys_file)
        self.key_id, self._key = self._file.look().private_key()
        self._generation = self._file.generation
        self.service = owner_of(self.key_id)

    def sign(self, context: CallerContext) -> bytes:
        """Return the serialized SignedCaller of a complete context.

        Raises ValueError for a context that no verifier would accept: a fault of the program, not
        of a caller.
        """
        self._follow()
        problem = _problem(context, signer=self.service)
        if problem or not context.audience:
            raise ValueError(f"caller context not signed: {problem or 'audience'}")
        signed = context.SerializeToString(deterministic=True)
        return SignedCaller(
            context=signed,
            signature=self._key.sign(signed),
            key_id=self.key_id,
        ).SerializeToString()

    def _follow(self) -> None:
        """Sign with the file's current key; a key of another service is not used."""
        keys = self._file.look()
        if self._generation == self._file.generation:
            return
        self._generation = self._file.generation
        try:
            key_id, key = keys.private_key()
        except UnusableKeys as error:
            log.error("caller.key_missing", service=self.service, error=str(error))  # noqa: TRY400 - the text is sufficient
            return
        if owner_of(key_id) != self.service:
            log.error("caller.key_foreign", service=self.service, key_id=key_id)
            return
        self.key_id, self._key = key_id, key


class CallerTokens:
    """Signed contexts of one principal, one per audience, renewed at half their life."""

    def __init__(
        self,
        signer: CallerSigner,
        context: CallerContext,
        *,
        clock: Clock,
        life: timedelta = MAX_LIFE,
    ) -> None:
        """Set the caller.

        Args:
            signer: signs with the service's own key.
            context: kind and, for a person, tenant, person, session and roles; service, audience
                and times are set here.
            clock: time, to renew a context halfway through its life.
            life: validity of each signed context, at most 60 s.
        """
        self._signer = signer
        self._context = CallerContext()
        self._context.CopyFrom(context)
        self._context.service = signer.service
        self._clock = clock
        self._life_ms = life // _MS
        self._signed: dict[str, tuple[int, bytes]] = {}

    def for_audience(self, audience: str) -> bytes:
        """Return a SignedCaller for a service, with at least half of its life left."""
        now = _millis(self._clock.now())
        held = self._signed.get(audience)
        if held is not None and self._is_fresh(held[0], now=now):
            return held[1]
        self._context.audience = audience
        self._context.issued_at_ms = now
        self._context.expires_at_ms = now + self._life_ms
        signed = self._signer.sign(self._context)
        self._signed[audience] = (now, signed)
        return signed

    @property
    def fresh(self) -> bool:
        """True if a previously signed context can still be used."""
        now = _millis(self._clock.now())
        return any(self._is_fresh(at, now=now) for at, _ in self._signed.values())

    def _is_fresh(self, at: int, *, now: int) -> bool:
        # A clock that was set back would extend the life of earlier signatures.
        return 0 <= now - at < self._life_ms // 2


class CallerVerifier:
    """Verifies the caller contexts that reach one service."""

    def __init__(
        self,
        section: CallerSection,
        audience: str,
        *,
        clock: Clock | None = None,
        cached: int = CACHED,
    ) -> None:
        """Read the public keys.

        Args:
            section: settings of the keys file.
            audience: the service that serves; a context for another one is refused.
            clock: time for expiry; the system's unless given.
            cached: maximum number of cached verified contexts.
        """
        self._file = watched_keys(section.keys_file)
        self._keys = self._file.look().public_keys()
        self._generation = self._file.generation
        self._audience = audience
        self._clock = clock or SystemClock()
        self._size = cached
        self._verified: OrderedDict[bytes, CallerContext] = OrderedDict()

    def verify(self, token: bytes) -> CallerContext:
        """Return the context of a serialized SignedCaller; it is shared, never change it.

        Refusals: CALLER_CONTEXT_MISSING for no bytes, CALLER_CONTEXT_INVALID (with `problem`),
        CALLER_CONTEXT_EXPIRED.
        """
        now = _millis(self._clock.now())
        context = self._verified.get(token)
        if context is None:
            context = self._checked(token, now=now)
            self._verified[token] = context
            if len(self._verified) > self._size:
                self._verified.popitem(last=False)
        elif now < context.expires_at_ms:
            self._verified.move_to_end(token)
        else:
            del self._verified[token]
            raise CallerContextExpired
        return context

    def _checked(self, token: bytes, *, now: int) -> CallerContext:
        if not token:
            raise CallerContextMissing
        context, signer = self._opened(token)
        if problem := _problem(context, signer=signer):
            raise CallerContextInvalid(problem=problem)
        if context.audience != self._audience:
            raise CallerContextInvalid(problem="audience")
        if context.issued_at_ms > now + _MAX_SKEW_MS:
            raise CallerContextInvalid(problem="issued_at")
        if now >= context.expires_at_ms:
            raise CallerContextExpired
        return context

    def _opened(self, token: bytes) -> tuple[CallerContext, str]:
        if len(token) > MAX_BYTES:
            raise CallerContextInvalid(problem="size")
        self._follow()
        try:
            signed = SignedCaller.FromString(token)
            key = self._keys[signed.key_id]
            key.verify(signed.signature, signed.context)
            return CallerContext.FromString(signed.context), owner_of(signed.key_id)
        except KeyError:
            raise CallerContextInvalid(problem="key_id") from None
        except InvalidSignature:
            raise CallerContextInvalid(problem="signature") from None
        except DecodeError:
            raise CallerContextInvalid(problem="encoding") from None

    def _follow(self) -> None:
        """Verify with the file's current keys; signatures of a withdrawn key are invalid."""
        keys = self._file.look()
        if self._generation != self._file.generation:
            self._generation = self._file.generation
            self._keys = keys.public_keys()
            self._verified.clear()


def _problem(context: CallerContext, *, signer: str) -> str:
    """Return the field that makes a context invalid for any audience, or an empty string."""
    person = context.kind == CallerContext.KIND_PERSON
    if context.kind in _GATEWAY_ONLY:
        kind_fits = signer == GATEWAY
    else:
        kind_fits = context.kind == CallerContext.KIND_SERVICE
    life = context.expires_at_ms - context.issued_at_ms
    checks = (
        ("service", bool(signer) and context.service == signer),
        ("kind", kind_fits),
        ("person_id", person == bool(context.person_id)),
        ("tenant_id", person == bool(context.tenant_id)),
        ("session_id", person or not context.session_id),
        ("expires_at", context.issued_at_ms > 0 and 0 < life <= _MAX_LIFE_MS),
    )
    return next((field for field, fits in checks if not fits), "")


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
