"""Second factors: one-time codes and passkeys, each of which is good once."""

import enum
import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import pyotp
from plexuskit.names import clean_line

from directory.shared.domain.ids import FactorId, PersonId, TenantId
from directory.sign_in.domain.refusals import SecondFactorNotFound, TooManySecondFactors

MAX_FACTORS: Final = 10
STEP_SECONDS: Final = 30
DIGITS: Final = 6
# A code of the step before or after is good too: clocks differ and people type slowly.
STEPS_ASIDE: Final = 1
_MAX_NAME: Final = 100


class FactorKind(enum.Enum):
    """Kind of a second factor."""

    TOTP = "totp"
    PASSKEY = "passkey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A second factor of a person.

    Attributes:
        confirmed: it was proved to work; until then nothing is asked for.
        sealed_secret: of one-time codes, encrypted.
        last_step: the 30-second step of the code used last; no code of it or before is good again.
        credential_id: of a passkey, as the authenticator names it.
        public_key: of a passkey, COSE.
        sign_count: of a passkey; one that does not grow shows a copy.
    """

    id: FactorId
    tenant_id: TenantId
    person_id: PersonId
    kind: FactorKind
    name: str
    created_at: datetime
    last_used_at: datetime | None = None
    confirmed: bool
    sealed_secret: bytes = field(default=b"", repr=False)
    last_step: int = 0
    credential_id: bytes = b""
    public_key: bytes = field(default=b"", repr=False)
    sign_count: int = 0
    version: int = 1


def clean_name(name: str, *, otherwise: str) -> str:
    """Check the name of a factor; empty stands for `otherwise`.

    Raises:
        InvalidArgument: it is longer than 100 characters.
    """
    return clean_line(name, field="name", max_chars=_MAX_NAME) or otherwise


def matching_step(secret: str, code: str, *, after: int, now: datetime) -> int | None:
    """Find the 30-second step that a code is of; None for a wrong, old or used one.

    In: the Base32 secret, the code as it was typed, and the step that was used last.
    """
    typed = "".join(code.split())
    totp = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_SECONDS)
    current = int(now.timestamp()) // STEP_SECONDS
    found = None
    # Every candidate is compared, so that the time taken does not reveal the match.
    for step in range(current - STEPS_ASIDE, current + STEPS_ASIDE + 1):
        expected = totp.at(step * STEP_SECONDS)
        equal = hmac.compare_digest(expected.encode(), typed.encode("utf-8", "surrogatepass"))
        if equal and step > after and found is None:
            found = step
    return found


def used(factor: Factor, *, now: datetime, step: int = 0, sign_count: int = 0) -> Factor:
    """Record that a factor was used, so that the same answer is not valid again."""
    return replace(
        factor,
        confirmed=True,
        last_used_at=now,
        last_step=max(step, factor.last_step),
        sign_count=max(sign_count, factor.sign_count),
        version=factor.version + 1,
    )


def check_room(factors: tuple[Factor, ...]) -> None:
    """Check that a person may have one more.

    Raises:
        TooManySecondFactors: there are 10.
    """
    if len(factors) >= MAX_FACTORS:
        raise TooManySecondFactors(limit=MAX_FACTORS)


def chosen(factors: tuple[Factor, ...], factor_id: str) -> tuple[Factor, ...]:
    """Choose the factor of an id, or all with an empty one.

    Raises:
        SecondFactorNotFound: there is none.
    """
    found = tuple(factor for factor in factors if factor_id in {"", factor.id})
    if not found:
        raise SecondFactorNotFound
    return found
