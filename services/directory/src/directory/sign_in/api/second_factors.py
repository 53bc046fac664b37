"""plexus.directory.v1.SessionService: second factors."""

from typing import Any

from plexus.directory.v1 import session_service_pb2 as pb

from directory.shared.api.translation import acting
from directory.sign_in import operations, queries
from directory.sign_in.api.session_base import SessionRoom
from directory.sign_in.api.translation import factor_to_proto


class SecondFactorsApi(SessionRoom):
    """Setup and removal of second factors."""

    async def EnrollTotp(
        self, request: pb.EnrollTotpRequest, context: Any
    ) -> pb.EnrollTotpResponse:
        """Begin the setup of one-time codes."""
        enrolment = await operations.enroll_totp(
            self._store,
            self._means.hashing,
            sealing=self._means.sealing,
            actor=acting(),
            password=request.password,
            now=self._clock.now(),
        )
        return pb.EnrollTotpResponse(secret=enrolment.secret, uri=enrolment.uri)

    async def ConfirmTotp(
        self, request: pb.ConfirmTotpRequest, context: Any
    ) -> pb.ConfirmTotpResponse:
        """Prove that the app for one-time codes works."""
        enrolled = await operations.confirm_totp(
            self._store,
            sealing=self._means.sealing,
            actor=acting(),
            code=request.code,
            now=self._clock.now(),
        )
        return pb.ConfirmTotpResponse(recovery_codes=enrolled.recovery_codes)

    async def BeginPasskey(
        self, request: pb.BeginPasskeyRequest, context: Any
    ) -> pb.BeginPasskeyResponse:
        """Begin the setup of a passkey."""
        options = await operations.begin_passkey(
            self._store,
            self._means.hashing,
            passkeys=self._means.passkeys,
            actor=acting(),
            password=request.password,
            now=self._clock.now(),
        )
        return pb.BeginPasskeyResponse(options_json=options)

    async def FinishPasskey(
        self, request: pb.FinishPasskeyRequest, context: Any
    ) -> pb.FinishPasskeyResponse:
        """Store the passkey that the browser made."""
        enrolled = await operations.finish_passkey(
            self._store,
            passkeys=self._means.passkeys,
            actor=acting(),
            answer=request.credential_json,
            name=request.name,
            now=self._clock.now(),
        )
        return pb.FinishPasskeyResponse(
            factor=factor_to_proto(enrolled.factor), recovery_codes=enrolled.recovery_codes
        )

    async def ListSecondFactors(
        self, request: pb.ListSecondFactorsRequest, context: Any
    ) -> pb.ListSecondFactorsResponse:
        """List one's own second factors."""
        own = await queries.list_second_factors(self._store, actor=acting())
        return pb.ListSecondFactorsResponse(
            factors=[factor_to_proto(factor) for factor in own.factors],
            recovery_codes_left=own.recovery_codes_left,
        )

    async def RemoveSecondFactor(
        self, request: pb.RemoveSecondFactorRequest, context: Any
    ) -> pb.RemoveSecondFactorResponse:
        """Remove a second factor."""
        await operations.remove_second_factor(
            self._store,
            self._means.hashing,
            actor=acting(),
            factor_id=request.factor_id,
            person_id=request.person_id,
            password=request.password,
            now=self._clock.now(),
        )
        return pb.RemoveSecondFactorResponse()
