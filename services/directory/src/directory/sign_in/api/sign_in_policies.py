"""plexus.directory.v1.SessionService: the company's sign-in policy, and its providers."""

from typing import Any

from plexus.directory.v1 import session_service_pb2 as pb

from directory.shared.api.translation import acting
from directory.sign_in import operations, queries
from directory.sign_in.api.session_base import SessionRoom
from directory.sign_in.api.translation import (
    admitted_to_proto,
    origin_of_call,
    policy_to_proto,
    provider_of,
    provider_to_proto,
)
from directory.sign_in.operations.single_sign_on import Returned


class SignInPoliciesApi(SessionRoom):
    """The company's policy and providers, and signing in with those."""

    async def ListSignInOptions(
        self, request: pb.ListSignInOptionsRequest, context: Any
    ) -> pb.ListSignInOptionsResponse:
        """Return the company's sign-in methods; no sign-in needed."""
        options = await queries.list_sign_in_options(self._store)
        return pb.ListSignInOptionsResponse(
            local_accounts=options.local_accounts,
            providers=[
                pb.ListSignInOptionsResponse.Provider(id=provider.id, name=provider.name)
                for provider in options.providers
            ],
        )

    async def BeginSingleSignOn(
        self, request: pb.BeginSingleSignOnRequest, context: Any
    ) -> pb.BeginSingleSignOnResponse:
        """Send a browser to the provider."""
        begun = await operations.begin_single_sign_on(
            self._store,
            self._means.openid,
            provider_id=request.provider_id,
            redirect_uri=request.redirect_uri,
            device=request.device,
            now=self._clock.now(),
        )
        return pb.BeginSingleSignOnResponse(
            authorization_url=begun.authorization_url, state=begun.state, proof=begun.proof
        )

    async def CompleteSingleSignOn(
        self, request: pb.CompleteSingleSignOnRequest, context: Any
    ) -> pb.CompleteSingleSignOnResponse:
        """Trade the provider's code for tokens."""
        admitted = await operations.complete_single_sign_on(
            self._store,
            self._means.openid,
            self._means.issuer,
            passkeys=self._means.passkeys,
            sealing=self._means.sealing,
            returned=Returned(
                state=request.state,
                code=request.code,
                issuer=request.issuer,
                proof=request.proof,
            ),
            origin=origin_of_call(),
            now=self._clock.now(),
        )
        response = pb.CompleteSingleSignOnResponse()
        admitted_to_proto(admitted, response)
        return response

    async def GetSignInPolicy(
        self, request: pb.GetSignInPolicyRequest, context: Any
    ) -> pb.GetSignInPolicyResponse:
        """Return the company's sign-in policy."""
        policy, providers = await queries.get_sign_in_policy(
            self._store, actor=acting(), now=self._clock.now()
        )
        return pb.GetSignInPolicyResponse(
            policy=policy_to_proto(policy),
            providers=[provider_to_proto(provider) for provider in providers],
        )

    async def UpdateSignInPolicy(
        self, request: pb.UpdateSignInPolicyRequest, context: Any
    ) -> pb.UpdateSignInPolicyResponse:
        """Set how the company signs in."""
        policy = await operations.update_sign_in_policy(
            self._store,
            self._means.openid,
            actor=acting(),
            local_accounts=request.policy.local_accounts,
            second_factor_role_ids=request.policy.second_factor_role_ids,
            expected_version=request.policy.version,
            now=self._clock.now(),
        )
        return pb.UpdateSignInPolicyResponse(policy=policy_to_proto(policy))

    async def PutOpenIdProvider(
        self, request: pb.PutOpenIdProviderRequest, context: Any
    ) -> pb.PutOpenIdProviderResponse:
        """Create or change the company's provider."""
        provider = await operations.put_openid_provider(
            self._store,
            self._means.openid,
            sealing=self._means.sealing,
            actor=acting(),
            provider=provider_of(request.provider),
            client_secret=request.client_secret,
            expected_version=request.provider.version,
            now=self._clock.now(),
        )
        return pb.PutOpenIdProviderResponse(provider=provider_to_proto(provider))

    async def DeleteOpenIdProvider(
        self, request: pb.DeleteOpenIdProviderRequest, context: Any
    ) -> pb.DeleteOpenIdProviderResponse:
        """Delete a provider."""
        await operations.delete_openid_provider(
            self._store, actor=acting(), provider_id=request.provider_id, now=self._clock.now()
        )
        return pb.DeleteOpenIdProviderResponse()
