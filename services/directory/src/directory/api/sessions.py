"""plexus.directory.v1.SessionService."""

from typing import Any

from plexus.directory.v1 import session_service_pb2 as pb
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceServicer
from plexuskit.clock import Clock

from directory import operations, queries
from directory.api.translate import acting, hours_of
from directory.config import BootstrapSection
from directory.domain.sessions import Tokens
from directory.domain.working_hours import DEFAULT
from directory.events import person_to_proto, tenant_to_proto, timestamp
from directory.operations.hashing import Hashing
from directory.operations.tokens import TokenIssuer
from directory.store import Store


class SessionApi(SessionServiceServicer):
    """Signing in and what follows from it."""

    def __init__(
        self,
        store: Store,
        *,
        hashing: Hashing,
        issuer: TokenIssuer,
        bootstrap: BootstrapSection,
        clock: Clock,
    ) -> None:
        self._store = store
        self._hashing = hashing
        self._issuer = issuer
        self._bootstrap = bootstrap
        self._clock = clock

    async def InitTenant(
        self, request: pb.InitTenantRequest, context: Any
    ) -> pb.InitTenantResponse:
        """Make the tenant and its first administrator."""
        tenant, admin = await operations.init_tenant(
            self._store,
            self._hashing,
            name=request.tenant_name,
            time_zone=request.time_zone,
            working_hours=(
                hours_of(request.working_hours) if request.HasField("working_hours") else DEFAULT
            ),
            admin_handle=request.admin_handle,
            admin_display_name=request.admin_display_name,
            admin_password=request.admin_password,
            bootstrap_given=request.bootstrap_secret,
            bootstrap_secret=self._bootstrap.secret.get_secret_value(),
            now=self._clock.now(),
        )
        return pb.InitTenantResponse(tenant=tenant_to_proto(tenant), admin=person_to_proto(admin))

    async def SignIn(self, request: pb.SignInRequest, context: Any) -> pb.SignInResponse:
        """Exchange handle and password for tokens."""
        tokens, person = await operations.sign_in(
            self._store,
            self._hashing,
            self._issuer,
            handle=request.handle,
            password=request.password,
            device=request.device,
            now=self._clock.now(),
        )
        return pb.SignInResponse(tokens=_tokens(tokens), person=person_to_proto(person))

    async def RefreshSession(
        self, request: pb.RefreshSessionRequest, context: Any
    ) -> pb.RefreshSessionResponse:
        """Exchange a refresh token for new tokens."""
        tokens = await operations.refresh_session(
            self._store,
            self._issuer,
            refresh_token=request.refresh_token,
            now=self._clock.now(),
        )
        return pb.RefreshSessionResponse(tokens=_tokens(tokens))

    async def SignOut(self, request: pb.SignOutRequest, context: Any) -> pb.SignOutResponse:
        """End the caller's session."""
        await operations.sign_out(self._store, actor=acting(), now=self._clock.now())
        return pb.SignOutResponse()

    async def SetPassword(
        self, request: pb.SetPasswordRequest, context: Any
    ) -> pb.SetPasswordResponse:
        """Set one's own password, or another's as administrator."""
        await operations.set_password(
            self._store,
            self._hashing,
            actor=acting(),
            person_id=request.person_id,
            old_password=request.old_password,
            new_password=request.new_password,
            now=self._clock.now(),
        )
        return pb.SetPasswordResponse()

    async def GetSigningKeys(
        self, request: pb.GetSigningKeysRequest, context: Any
    ) -> pb.GetSigningKeysResponse:
        """Show the public keys of access tokens."""
        return pb.GetSigningKeysResponse(jwks_json=self._issuer.public_jwks)

    async def FindEndedSessions(
        self, request: pb.FindEndedSessionsRequest, context: Any
    ) -> pb.FindEndedSessionsResponse:
        """Find which sessions do not go on."""
        ended = await queries.find_ended_sessions(
            self._store, session_ids=request.session_ids, now=self._clock.now()
        )
        return pb.FindEndedSessionsResponse(ended_session_ids=ended)


def _tokens(tokens: Tokens) -> pb.Tokens:
    return pb.Tokens(
        access_token=tokens.access_token,
        access_expires_at=timestamp(tokens.access_expires_at),
        refresh_token=tokens.refresh_token,
        refresh_expires_at=timestamp(tokens.refresh_expires_at),
        session_id=tokens.session_id,
    )
