"""Sessions and their refresh tokens: single use, theft shows, a lost answer does no harm."""

import base64
import binascii
import enum
import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from plexuskit.names import without_tricks

from directory.accounts.domain.refusals import RefreshRefused, RefreshReused
from directory.shared.domain.ids import PersonId, SessionId, TenantId

ACCESS_LIFETIME: Final = timedelta(minutes=15)
REFRESH_LIFETIME: Final = timedelta(days=30)
# A client that did not receive the answer repeats the request: at once, or after its laptop has
# woken and the network is back. After a successor was used, the token is always a replay.
REPEAT_WINDOW: Final = timedelta(minutes=5)
MAX_SIBLINGS: Final = 3
MAX_DEVICE: Final = 200
# Open sessions of a person; a further one ends those that were used longest ago.
MAX_OPEN: Final = 200
FAMILY_BYTES: Final = 16
SECRET_BYTES: Final = 32
CACHE_KEY_LABEL: Final = b"plexus client cache v1"
# Methods of a session, as named in RFC 8176.
PASSWORD: Final = "pwd"  # noqa: S105 -- names a method, is no password
CODE: Final = "otp"
HARDWARE_KEY: Final = "hwk"
# Not in RFC 8176, which has no name for it: the company's provider vouches.
FEDERATED: Final = "fed"
SECOND_FACTOR: Final = "mfa"
# The permissions of a session whose person must set up a second factor first.
LIMITED: Final = frozenset({"sessions.set_second_factor", "sessions.end"})


class EndCause(enum.Enum):
    """Reason why a session ended early."""

    SIGNED_OUT = "signed_out"
    REFRESH_REUSED = "refresh_reused"
    PASSWORD_SET = "password_set"  # noqa: S105 -- names a cause, is no password
    PERSON_DEACTIVATED = "person_deactivated"
    REVOKED = "revoked"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    TOO_MANY_OPEN = "too_many_open"
    MAKER_ENDED = "maker_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """Refresh token: its session's family (16 bytes) and a single-use secret (32 bytes).

    Only SHA-256 of either is stored. The family finds the session and proves that a token was once
    issued for it, so that spent tokens need not be kept: right family and wrong secret is a replay,
    not a guess.
    """

    family: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @property
    def value(self) -> str:
        """The opaque text that goes to the client: 64 characters of base64url."""
        return base64.urlsafe_b64encode(self.family + self.secret).decode("ascii")

    @property
    def family_hash(self) -> bytes:
        """SHA-256 of the family."""
        return hashlib.sha256(self.family).digest()

    @property
    def cache_key(self) -> bytes:
        """Key of the client's local cache, unknown without a refresh token of the session."""
        return hmac.digest(self.family, CACHE_KEY_LABEL, hashlib.sha256)

    @property
    def secret_hash(self) -> bytes:
        """SHA-256 of the secret."""
        return hashlib.sha256(self.secret).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in device of a person."""

    id: SessionId
    tenant_id: TenantId
    person_id: PersonId
    device: str
    # Methods proved (RFC 8176), and the provider that vouched; empty for a local account.
    methods: tuple[str, ...]
    single_sign_on: str
    started_at: datetime
    # To the minute.
    last_used_at: datetime
    # Moves with every refresh: 30 days after the last one.
    expires_at: datetime
    family_hash: bytes = field(repr=False)
    # Hashes of the currently valid secrets: one, or siblings when a response was requested again.
    live: tuple[bytes, ...] = field(repr=False)
    # Hash of the secret used last, and when; empty before the first refresh.
    spent: bytes = field(repr=False)
    spent_at: datetime | None
    ended_at: datetime | None
    end_cause: EndCause | None
    # Of its person when it was opened: a session of an earlier generation has ended.
    generation: int
    version: int

    def alive(self, *, now: datetime) -> bool:
        """Return whether the session can still be refreshed."""
        return self.ended_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens of a signed-in client."""

    access_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_token: str = field(repr=False)
    refresh_expires_at: datetime
    session_id: SessionId
    cache_key: bytes = field(repr=False)


def parse(value: str) -> RefreshToken:
    """Read a refresh token from its text.

    Raises:
        RefreshRefused: it has not the form of one.
    """
    try:
        raw = base64.b64decode(value, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefreshRefused from error
    if len(raw) != FAMILY_BYTES + SECRET_BYTES:
        raise RefreshRefused
    return RefreshToken(family=raw[:FAMILY_BYTES], secret=raw[FAMILY_BYTES:])


def start(
    *,
    session_id: SessionId,
    tenant_id: TenantId,
    person_id: PersonId,
    device: str,
    methods: tuple[str, ...],
    single_sign_on: str,
    token: RefreshToken,
    generation: int,
    now: datetime,
) -> Session:
    """Open a session whose first refresh token is `token`; the device is cut at 200 characters."""
    return Session(
        id=session_id,
        tenant_id=tenant_id,
        person_id=person_id,
        device=device_name(device),
        methods=methods,
        single_sign_on=single_sign_on,
        started_at=now,
        last_used_at=to_the_minute(now),
        expires_at=now + REFRESH_LIFETIME,
        family_hash=token.family_hash,
        live=(token.secret_hash,),
        spent=b"",
        spent_at=None,
        ended_at=None,
        end_cause=None,
        generation=generation,
        version=1,
    )


def refresh(session: Session, token: RefreshToken, *, successor: bytes, now: datetime) -> Session:
    """Spend a refresh token; `successor` is the hash of the next secret.

    A live token is spent and its siblings with it. The token spent last may be presented again
    within 5 minutes as long as none of the refresh tokens issued for it was used: it gets a further
    sibling (3 at most), because the first one is hashed and cannot be returned again. The first
    sibling to be used continues the session and spends the others. Any other token of the family is
    a replay. Uses of access tokens do not count, because only the gateway sees them.

    Raises:
        RefreshRefused: the session has ended or expired.
        RefreshReused: the token was spent before; the caller ends the session.
    """
    if not session.alive(now=now):
        raise RefreshRefused

    if token.secret_hash in session.live:
        renewed = replace(session, live=(successor,), spent=token.secret_hash, spent_at=now)
    elif _asked_again(session, token, now=now):
        renewed = replace(session, live=(*session.live, successor))
    else:
        raise RefreshReused
    return replace(
        renewed,
        expires_at=now + REFRESH_LIFETIME,
        last_used_at=to_the_minute(now),
        version=session.version + 1,
    )


def prove(session: Session, *, methods: tuple[str, ...]) -> Session:
    """Record further proved methods in a session. Out: the same object when nothing differs."""
    if methods == session.methods:
        return session
    return replace(session, methods=methods, version=session.version + 1)


def device_name(device: str) -> str:
    """Clean the name of a session; truncated to 200 characters."""
    return without_tricks(device[: 4 * MAX_DEVICE])[:MAX_DEVICE]


def to_the_minute(at: datetime) -> datetime:
    """Truncate an instant to its minute: a person's activity is not recorded to the second."""
    return at.replace(second=0, microsecond=0)


def end(session: Session, *, cause: EndCause, now: datetime) -> Session:
    """End a session before its time. Out: the same object when it has ended already."""
    if session.ended_at is not None:
        return session
    return replace(session, live=(), ended_at=now, end_cause=cause, version=session.version + 1)


def keep(session: Session, *, generation: int) -> Session:
    """Carry a session over into the next generation of its person's sessions."""
    return replace(session, generation=generation, version=session.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The generation of a person's sessions: all of earlier ones have ended.

    One number decides at once about any number of sessions; their documents and facts follow.

    Attributes:
        number: 0 until sessions are ended together for the first time.
        ended_at: time, actor and cause of that; None, empty and None before.
    """

    tenant_id: TenantId
    person_id: PersonId
    number: int
    ended_at: datetime | None = None
    actor_id: str = ""
    cause: EndCause | None = None

    def seen(self, session: Session) -> Session:
        """Return a session as it is: ended if it is of an earlier generation."""
        if self.ended_at is None or self.cause is None or session.generation >= self.number:
            return session
        return end(session, cause=self.cause, now=self.ended_at)


def repeats(session: Session, token: RefreshToken) -> bool:
    """Return whether a token is the one that was spent last, not one that may be used now."""
    return token.secret_hash == session.spent


def _asked_again(session: Session, token: RefreshToken, *, now: datetime) -> bool:
    return (
        session.spent_at is not None
        and token.secret_hash == session.spent
        and now - session.spent_at <= REPEAT_WINDOW
        and len(session.live) < MAX_SIBLINGS
    )


def with_second(methods: tuple[str, ...], *, method: str) -> tuple[str, ...]:
    """Add a second factor to the proved methods; repeating it changes nothing."""
    return tuple(dict.fromkeys((*methods, method, SECOND_FACTOR)))


def has_second(methods: tuple[str, ...]) -> bool:
    """Return whether a second factor was used."""
    return SECOND_FACTOR in methods
