"""Translation for the servicers of sign-in: sessions, tokens, factors, policies and providers."""

from typing import Final

from plexus.directory.v1 import session_service_pb2 as pb
from plexuskit.grpc import caller
from plexuskit.timestamps import optional_timestamp, timestamp

from directory.accounts.domain.api_tokens import ApiToken
from directory.accounts.domain.sessions import Session, Tokens, has_second
from directory.accounts.domain.sign_in_attempts import Origin
from directory.people.events import person_to_proto
from directory.shared.domain.ids import ProviderId, TenantId
from directory.sign_in.domain.openid import Provider
from directory.sign_in.domain.second_factors import Factor, FactorKind
from directory.sign_in.domain.sign_in_policies import SignInPolicy
from directory.sign_in.operations.admissions import Challenge, SignInResult
from directory.sign_in.operations.sign_ins import Answer, AnswerKind

_FACTOR_KINDS: Final = {
    FactorKind.TOTP: pb.SECOND_FACTOR_KIND_TOTP,
    FactorKind.PASSKEY: pb.SECOND_FACTOR_KIND_PASSKEY,
}
_ANSWERS: Final = {
    "totp_code": AnswerKind.TOTP,
    "passkey_json": AnswerKind.PASSKEY,
    "recovery_code": AnswerKind.RECOVERY_CODE,
}


def tokens_to_proto(tokens: Tokens) -> pb.Tokens:
    """Write the tokens of a signed-in client."""
    return pb.Tokens(
        access_token=tokens.access_token,
        access_expires_at=timestamp(tokens.access_expires_at),
        refresh_token=tokens.refresh_token,
        refresh_expires_at=timestamp(tokens.refresh_expires_at),
        session_id=tokens.session_id,
        cache_key=tokens.cache_key,
    )


def admitted_to_proto(
    admitted: SignInResult,
    response: pb.SignInResponse | pb.CompleteSignInResponse | pb.CompleteSingleSignOnResponse,
) -> None:
    """Write the result of a sign-in: tokens, a question, or tokens for setting up a factor."""
    if admitted.tokens is not None:
        response.tokens.CopyFrom(tokens_to_proto(admitted.tokens))
    if admitted.person is not None:
        response.person.CopyFrom(person_to_proto(admitted.person))
    response.device_key = admitted.device_key
    if isinstance(response, pb.CompleteSignInResponse):
        # It was the answer to a question; nothing is due after it.
        return
    if admitted.question is not None:
        response.challenge.CopyFrom(_question(admitted.question))
    if admitted.enrollment_due:
        response.challenge.enrollment_due = True


def origin_of_call(device_key: str = "") -> Origin:
    """Return the origin of the call that is being served."""
    return Origin(network=caller().network, device_key=device_key)


def answer_of(request: pb.CompleteSignInRequest) -> Answer:
    """Read the answer to a question; none is an answer too, a wrong one."""
    field = request.WhichOneof("answer")
    if field is None:
        return Answer(kind=AnswerKind.NOTHING, value="")
    return Answer(kind=_ANSWERS[field], value=getattr(request, field))


def session_to_proto(session: Session, *, current_id: str) -> pb.SessionInfo:
    """Write a signed-in device."""
    return pb.SessionInfo(
        session_id=session.id,
        device=session.device,
        created_at=timestamp(session.started_at),
        last_used_at=timestamp(session.last_used_at),
        expires_at=timestamp(session.expires_at),
        present=session.id == current_id,
        second_factor=has_second(session.methods),
        single_sign_on=session.single_sign_on,
    )


def session_of_token(token: ApiToken, *, current_id: str) -> pb.SessionInfo:
    """Write an API token as one of the sessions."""
    return pb.SessionInfo(
        session_id=token.id,
        device=token.name,
        created_at=timestamp(token.created_at),
        last_used_at=optional_timestamp(token.last_used_at),
        expires_at=timestamp(token.expires_at),
        present=token.id == current_id,
        api_token=api_token_to_proto(token),
    )


def api_token_to_proto(token: ApiToken) -> pb.ApiToken:
    """Write an API token, without its secret."""
    return pb.ApiToken(
        id=token.id,
        name=token.name,
        person_id=token.person_id,
        scopes=token.scopes,
        expires_at=timestamp(token.expires_at),
    )


def factor_to_proto(factor: Factor) -> pb.SecondFactor:
    """Write a second factor, without its secret."""
    return pb.SecondFactor(
        id=factor.id,
        kind=_FACTOR_KINDS[factor.kind],
        name=factor.name,
        created_at=timestamp(factor.created_at),
        last_used_at=optional_timestamp(factor.last_used_at),
    )


def policy_to_proto(policy: SignInPolicy) -> pb.SignInPolicy:
    """Write how a company signs in."""
    return pb.SignInPolicy(
        local_accounts=policy.local_accounts,
        second_factor_role_ids=policy.second_factor_role_ids,
        version=policy.version,
    )


def provider_to_proto(provider: Provider) -> pb.OpenIdProvider:
    """Write a provider, without its client secret."""
    return pb.OpenIdProvider(
        id=provider.id,
        name=provider.name,
        issuer=provider.issuer,
        client_id=provider.client_id,
        redirect_uris=provider.redirect_uris,
        subject_claim=provider.subject_claim,
        email_domains=provider.email_domains,
        version=provider.version,
    )


def provider_of(provider: pb.OpenIdProvider) -> Provider:
    """Read the requested settings of a provider; the operation sets the actor's tenant."""
    return Provider(
        id=ProviderId(provider.id),
        tenant_id=TenantId(""),
        name=provider.name,
        issuer=provider.issuer,
        client_id=provider.client_id,
        redirect_uris=tuple(provider.redirect_uris),
        subject_claim=provider.subject_claim,
        email_domains=tuple(provider.email_domains),
    )


def _question(question: Challenge) -> pb.SecondFactorChallenge:
    kinds = [_FACTOR_KINDS[kind] for kind in question.kinds]
    return pb.SecondFactorChallenge(
        challenge_id=question.challenge_id,
        kinds=[*kinds, pb.SECOND_FACTOR_KIND_RECOVERY_CODE],
        passkey_options_json=question.passkey_options,
        expires_at=timestamp(question.expires_at),
    )
