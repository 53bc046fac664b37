"""plexus.directory.v1.SessionService: the tenant, local accounts and their sessions."""

from typing import Any

from plexus.directory.v1 import session_service_pb2 as pb

from directory.people.api.translation import hours_of
from directory.people.domain.working_hours import DEFAULT
from directory.people.events import person_to_proto, tenant_to_proto
from directory.people.operations import init_tenant
from directory.shared.api.translation import acting
from directory.sign_in import operations
from directory.sign_in.api.open_sessions import OpenSessionsApi
from directory.sign_in.api.second_factors import SecondFactorsApi
from directory.sign_in.api.sign_in_policies import SignInPoliciesApi
from directory.sign_in.api.translation import (
    admitted_to_proto,
    answer_of,
    origin_of_call,
    tokens_to_proto,
)


class SessionApi(SecondFactorsApi, SignInPoliciesApi, OpenSessionsApi):
    """Sign-in with a local account and its sessions; the rest is in its bases."""

    async def InitTenant(
        self, request: pb.InitTenantRequest, context: Any
    ) -> pb.InitTenantResponse:
        """Make the tenant and its first administrator."""
        tenant, admin = await init_tenant(
            self._store,
            self._means.hashing,
            name=request.tenant_name,
            time_zone=request.time_zone,
            working_hours=(
                hours_of(request.working_hours) if request.HasField("working_hours") else DEFAULT
            ),
            admin_handle=request.admin_handle,
            admin_display_name=request.admin_display_name,
            admin_password=request.admin_password,
            bootstrap_given=request.bootstrap_secret,
            bootstrap_secret=self._means.bootstrap.secret.get_secret_value(),
            now=self._clock.now(),
        )
        return pb.InitTenantResponse(tenant=tenant_to_proto(tenant), admin=person_to_proto(admin))

    async def SignIn(self, request: pb.SignInRequest, context: Any) -> pb.SignInResponse:
        """Exchange handle and password for tokens, or for a question."""
        admitted = await operations.sign_in(
            self._store,
            self._means.hashing,
            self._means.issuer,
            passkeys=self._means.passkeys,
            sealing=self._means.sealing,
            handle=request.handle,
            password=request.password,
            device=request.device,
            origin=origin_of_call(request.device_key),
            now=self._clock.now(),
        )
        response = pb.SignInResponse()
        admitted_to_proto(admitted, response)
        return response

    async def CompleteSignIn(
        self, request: pb.CompleteSignInRequest, context: Any
    ) -> pb.CompleteSignInResponse:
        """Answer the question for a second factor."""
        admitted = await operations.complete_sign_in(
            self._store,
            self._means.hashing,
            self._means.issuer,
            passkeys=self._means.passkeys,
            sealing=self._means.sealing,
            challenge_id=request.challenge_id,
            answer=answer_of(request),
            origin=origin_of_call(),
            now=self._clock.now(),
        )
        response = pb.CompleteSignInResponse()
        admitted_to_proto(admitted, response)
        return response

    async def RefreshSession(
        self, request: pb.RefreshSessionRequest, context: Any
    ) -> pb.RefreshSessionResponse:
        """Exchange a refresh token for new tokens."""
        tokens = await operations.refresh_session(
            self._store,
            self._means.issuer,
            refresh_token=request.refresh_token,
            now=self._clock.now(),
        )
        return pb.RefreshSessionResponse(tokens=tokens_to_proto(tokens))

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
            self._means.hashing,
            actor=acting(),
            person_id=request.person_id,
            old_password=request.old_password,
            new_password=request.new_password,
            reason=request.reason,
            now=self._clock.now(),
        )
        return pb.SetPasswordResponse()

    async def GetSigningKeys(
        self, request: pb.GetSigningKeysRequest, context: Any
    ) -> pb.GetSigningKeysResponse:
        """Return the public keys of access tokens."""
        return pb.GetSigningKeysResponse(jwks_json=self._means.issuer.public_jwks)
