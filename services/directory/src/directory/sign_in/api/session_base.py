"""Dependencies shared by the parts of SessionService."""

from dataclasses import dataclass

from plexus.directory.v1.session_service_pb2_grpc import SessionServiceServicer
from plexuskit.clock import Clock

from directory.accounts.operations.hashing import Hashing
from directory.accounts.store import SecretBox
from directory.config import BootstrapSection
from directory.sign_in.operations.access_tokens import TokenIssuer
from directory.sign_in.operations.openid import OpenIdClient
from directory.sign_in.operations.webauthn import Passkeys
from directory.sign_in.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInDeps:
    """Dependencies of sign-in beside the store.

    Attributes:
        hashing: checks passwords.
        issuer: signs access tokens.
        sealing: encrypts secrets that must be read again.
        passkeys: makes passkey requests for browsers.
        openid: client of the company's provider.
        bootstrap: permission to create the tenant.
    """

    hashing: Hashing
    issuer: TokenIssuer
    sealing: SecretBox
    passkeys: Passkeys
    openid: OpenIdClient
    bootstrap: BootstrapSection


class SessionRoom(SessionServiceServicer):
    """A part of SessionService."""

    def __init__(self, store: Store, *, means: SignInDeps, clock: Clock) -> None:
        self._store = store
        self._means = means
        self._clock = clock
