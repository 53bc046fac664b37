"""Passkeys by WebAuthn: options for the browser, and verification of its answers."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import webauthn
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from directory.config import PasskeysSection
from directory.people.domain.people import Person
from directory.sign_in.domain.refusals import PasskeyRefused, PasskeysNotSetUp
from directory.sign_in.domain.second_factors import Factor

CHALLENGE_BYTES: Final = 32
MAX_ANSWER: Final = 64 * 1024
_TIMEOUT_MS: Final = 5 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A passkey that a browser made."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int


class Passkeys:
    """Asks browsers for passkeys of this installation, always with the user's verification."""

    def __init__(self, section: PasskeysSection) -> None:
        self._section = section

    @property
    def set_up(self) -> bool:
        """True if there is a relying party for passkeys."""
        return bool(self._section.rp_id and self._section.origins)

    def creation(self, person: Person, current: Sequence[Factor]) -> tuple[str, bytes]:
        """Return options for a new passkey: PublicKeyCredentialCreationOptions and the challenge.

        Raises:
            PasskeysNotSetUp: this installation has no relying party.
        """
        if not self.set_up:
            raise PasskeysNotSetUp
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        options = webauthn.generate_registration_options(
            rp_id=self._section.rp_id,
            rp_name=self._section.rp_name,
            user_id=person.id.encode(),
            user_name=person.handle,
            user_display_name=person.display_name,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_described(current),
        )
        return webauthn.options_to_json(options), challenge

    def made(self, answer: str, *, challenge: bytes) -> Made:
        """Check a RegistrationResponseJSON.

        Raises:
            PasskeyRefused: it is no answer to this question.
        """
        _check_size(answer)
        try:
            verified = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._section.rp_id,
                expected_origin=list(self._section.origins),
                require_user_verification=True,
            )
        except _FAILURES as failure:
            raise PasskeyRefused from failure
        return Made(
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
        )

    def request(self, factors: Sequence[Factor]) -> tuple[str, bytes]:
        """Return options for using one of the passkeys: JSON and the challenge."""
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        options = webauthn.generate_authentication_options(
            rp_id=self._section.rp_id,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            allow_credentials=_described(factors),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return webauthn.options_to_json(options), challenge

    def used(
        self, answer: str, *, challenge: bytes, factors: Sequence[Factor]
    ) -> tuple[Factor, int]:
        """Check an AuthenticationResponseJSON; out: the passkey used and its new sign count.

        Raises:
            PasskeyRefused: it is no answer to this question, or of a copy of the passkey.
        """
        _check_size(answer)
        if not challenge or not self.set_up:
            raise PasskeyRefused
        try:
            parsed = webauthn.helpers.parse_authentication_credential_json(answer)
            factor = _of_id(factors, parsed.raw_id)
            verified = webauthn.verify_authentication_response(
                credential=parsed,
                expected_challenge=challenge,
                expected_rp_id=self._section.rp_id,
                expected_origin=list(self._section.origins),
                credential_public_key=factor.public_key,
                credential_current_sign_count=factor.sign_count,
                require_user_verification=True,
            )
        except _FAILURES as failure:
            raise PasskeyRefused from failure
        return factor, verified.new_sign_count


# Exceptions of the library for invalid answers; its parsers let Python's own through.
_FAILURES: Final[tuple[type[Exception], ...]] = (
    WebAuthnException,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    RecursionError,
)


def _check_size(answer: str) -> None:
    if len(answer) > MAX_ANSWER:
        raise PasskeyRefused


def _of_id(factors: Sequence[Factor], credential_id: bytes) -> Factor:
    for factor in factors:
        if factor.credential_id == credential_id:
            return factor
    raise PasskeyRefused


def _described(factors: Sequence[Factor]) -> list[Any]:
    return [
        PublicKeyCredentialDescriptor(id=factor.credential_id)
        for factor in factors
        if factor.credential_id
    ]
