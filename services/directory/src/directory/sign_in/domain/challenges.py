"""Challenge to complete a sign-in: used once, within 5 minutes and 5 attempts."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from directory.shared.domain.ids import PersonId, TenantId

LIFETIME: Final = timedelta(minutes=5)
MAX_ATTEMPTS: Final = 5
RANDOM_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInChallenge:
    """Sign-in whose first factor was correct.

    Attributes:
        key: SHA-256 of the opaque id that the client holds.
        methods: methods proved so far.
        credential_stamp: of the correct password; a new password ends the challenge.
        passkey_challenge: bytes for a passkey to sign; empty for a person without one.
        device: name of the future session.
        single_sign_on: name of the provider that vouched; empty for a local account.
        attempts: number of wrong answers.
    """

    key: bytes = field(repr=False)
    tenant_id: TenantId
    person_id: PersonId
    methods: tuple[str, ...]
    credential_stamp: bytes = field(repr=False)
    passkey_challenge: bytes = field(repr=False)
    device: str
    single_sign_on: str
    attempts: int = 0
    expires_at: datetime

    def open(self, *, now: datetime) -> bool:
        """Return whether it may still be answered."""
        return now < self.expires_at and self.attempts < MAX_ATTEMPTS


def written(random: bytes) -> str:
    """Write random bytes as the opaque text that a client holds."""
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode("ascii")


def key_of(value: str) -> bytes:
    """Return the key under which a client's text is stored: its hash."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
