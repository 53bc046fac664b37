"""Long-lived tokens of apps: they act as a person within scopes, and never beyond their roles."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.names import clean_line

from directory.access.domain.refusals import PermissionUnknown
from directory.accounts.domain.sessions import EndCause
from directory.shared.domain.ids import ApiTokenId, PersonId, TenantId

MAX_LIFE: Final = timedelta(days=366)
USED_TO_THE: Final = timedelta(minutes=1)
MAX_SCOPES: Final = 100
MAX_TOKENS: Final = 100
# Open tokens that one token made, and those they made. They end together, in one transaction.
MAX_MADE: Final = 100
_MAX_NAME: Final = 100
# Ids, times and the frame of a message, generously.
_SHOWN_BYTES: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token of an app; only SHA-256 of it is stored."""

    id: ApiTokenId
    tenant_id: TenantId
    person_id: PersonId
    name: str
    scopes: tuple[str, ...]
    token_hash: bytes = field(repr=False)
    created_at: datetime
    created_by: PersonId
    expires_at: datetime
    # The token that made it, after the one that made that; empty when a session did.
    made_with: tuple[ApiTokenId, ...] = ()
    last_used_at: datetime | None = None
    ended_at: datetime | None = None
    end_cause: EndCause | None = None
    version: int = 1

    @property
    def shown_bytes(self) -> int:
        """Maximum size of the token in a list, in bytes."""
        scopes = sum(len(scope) + 2 for scope in self.scopes)
        return _SHOWN_BYTES + 4 * len(self.name) + scopes

    def alive(self, *, now: datetime) -> bool:
        """Return whether an app can still use it."""
        return self.ended_at is None and now < self.expires_at


def clean_name(name: str) -> str:
    """Check the name of a token.

    Raises:
        InvalidArgument: it is empty or longer than 100 characters.
    """
    clean = clean_line(name, field="name", max_chars=_MAX_NAME)
    if not clean:
        raise InvalidArgument(field="name", problem="is empty")
    return clean


def check_scopes(scopes: Sequence[str], *, known: frozenset[str]) -> tuple[str, ...]:
    """Check the scopes of a token; in: all existing permissions.

    Raises:
        InvalidArgument: there is no scope, or there are more than 100.
        PermissionUnknown: no contract knows the permission.
    """
    if not scopes:
        raise InvalidArgument(field="scopes", problem="is empty")
    if len(scopes) > MAX_SCOPES:
        raise InvalidArgument(field="scopes", problem=f"holds more than {MAX_SCOPES}")
    for scope in scopes:
        if scope not in known:
            raise PermissionUnknown(permission=scope[:100])
    return tuple(sorted(set(scopes)))


def check_expiry(expires_at: datetime | None, *, maker: ApiToken | None, now: datetime) -> datetime:
    """Check when a token ends; in: the token that makes it, which it does not outlive.

    Raises:
        InvalidArgument: it is missing, past, more than a year ahead, or later than its maker's.
    """
    if expires_at is None:
        raise InvalidArgument(field="expires_at", problem="is missing")
    if not now < expires_at <= now + MAX_LIFE:
        raise InvalidArgument(field="expires_at", problem="is past or more than a year ahead")
    if maker is not None and expires_at > maker.expires_at:
        raise InvalidArgument(field="expires_at", problem="is later than that of the token in use")
    return expires_at


def may_act_as(person_id: PersonId, *, service: bool, made_by: str) -> bool:
    """Return whether a token that `made_by` made may act as a person (GW-11).

    A human's token reads everything the human reads, direct conversations too, so only they make
    one.
    """
    return made_by == person_id or service


def end(token: ApiToken, *, cause: EndCause, now: datetime) -> ApiToken:
    """Revoke a token. Out: the same object when it has ended already."""
    if token.ended_at is not None:
        return token
    return replace(token, ended_at=now, end_cause=cause, version=token.version + 1)
