"""Sign-in through a real gRPC server, and that no secret shows in logs or facts."""

import base64
import hashlib
import json
from typing import Any

import grpc
import pyotp
import pytest
import structlog
from plexus.directory.v1 import session_service_pb2 as pb
from plexuskit.grpc import refused
from plexuskit.mongo import Database

PASSWORD = "correct horse"


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code(), refused(raised.value).reason


async def set_up(served: Any) -> Any:
    response = await served.sessions.InitTenant(
        pb.InitTenantRequest(
            tenant_name="北方贸易",
            admin_handle="root",
            admin_password=PASSWORD,
            time_zone="Asia/Shanghai",
            bootstrap_secret=served.secret,
        ),
        **served.anonymous,
    )
    return response.admin


async def test_sign_in_lives_through_the_contract_and_shows_no_secret(
    served: Any, db: Database, capsys: pytest.CaptureFixture[str], clock: Any
) -> None:
    admin = await set_up(served)
    sessions = served.sessions
    with structlog.testing.capture_logs() as logged:
        secrets = await _every_secret(served, admin, sessions, clock)
    captured = capsys.readouterr()
    outbox = [
        bytes(document["event"])
        for document in await db.collection("outbox", schema_version=1).find_all({})
    ]
    said = repr(logged) + captured.out + captured.err
    assert not [secret for secret in secrets if secret in said]
    assert not [secret for secret in secrets if any(secret.encode() in fact for fact in outbox)]
    assert {"second_factor.added", "second_factor.refused", "api_token.created"} <= {
        entry["event"] for entry in logged
    }


async def _every_secret(served: Any, admin: Any, sessions: Any, clock: Any) -> list[str]:
    """Use everything that has a secret; out: all of them."""
    sign_in = pb.SignInRequest(handle="root", password=PASSWORD, device="test")
    first = await sessions.SignIn(sign_in, **served.anonymous)
    caller = served.person(
        admin.id, admin.tenant_id, *admin.roles, session_id=first.tokens.session_id
    )
    app = await sessions.EnrollTotp(pb.EnrollTotpRequest(password=PASSWORD), **caller)
    totp = pyotp.TOTP(app.secret)
    first_code = totp.at(clock.now())
    confirmed = await sessions.ConfirmTotp(pb.ConfirmTotpRequest(code=first_code), **caller)
    own = await sessions.ListSecondFactors(pb.ListSecondFactorsRequest(), **caller)
    assert [factor.kind for factor in own.factors] == [pb.SECOND_FACTOR_KIND_TOTP]

    asked = await sessions.SignIn(sign_in, **served.anonymous)
    assert not asked.HasField("tokens")
    assert not asked.HasField("person")
    challenge = asked.challenge
    assert list(challenge.kinds) == [
        pb.SECOND_FACTOR_KIND_TOTP,
        pb.SECOND_FACTOR_KIND_RECOVERY_CODE,
    ]
    for wrong in (
        pb.CompleteSignInRequest(challenge_id=challenge.challenge_id),
        pb.CompleteSignInRequest(challenge_id=challenge.challenge_id, totp_code="000000"),
        pb.CompleteSignInRequest(challenge_id="unknown", totp_code=first_code),
    ):
        assert await refusal(sessions.CompleteSignIn(wrong, **served.anonymous)) == (
            grpc.StatusCode.UNAUTHENTICATED,
            "SIGN_IN_REFUSED",
        )
    answered = await sessions.CompleteSignIn(
        pb.CompleteSignInRequest(
            challenge_id=challenge.challenge_id, recovery_code=confirmed.recovery_codes[0]
        ),
        **served.anonymous,
    )
    asked_for = pb.CreateApiTokenRequest(request_id="r1", name="报表", scopes=["people.read"])
    asked_for.expires_at.FromSeconds(int(clock.now().timestamp()) + 3600)
    made = await sessions.CreateApiToken(asked_for, **caller)
    hashed = pb.ResolveApiTokenRequest(token_hash=hashlib.sha256(made.secret.encode()).digest())
    found = await sessions.ResolveApiToken(hashed, **served.service)
    assert (found.tenant_id, found.api_token.person_id) == (admin.tenant_id, admin.id)
    unknown = sessions.ResolveApiToken(pb.ResolveApiTokenRequest(), **served.service)
    assert await refusal(unknown) == (grpc.StatusCode.UNAUTHENTICATED, "API_TOKEN_INVALID")

    listed = (await sessions.ListSessions(pb.ListSessionsRequest(), **caller)).sessions
    assert [each.present for each in listed].count(True) == 1
    assert [each.api_token.name for each in listed if each.HasField("api_token")] == ["报表"]
    ended = await sessions.RevokeSessions(pb.RevokeSessionsRequest(), **caller)
    assert ended.ended == 2
    return [
        PASSWORD,
        app.secret,
        first_code,
        *confirmed.recovery_codes,
        challenge.challenge_id,
        made.secret,
        *(each.access_token for each in (first.tokens, answered.tokens)),
        *(each.refresh_token for each in (first.tokens, answered.tokens)),
    ]


async def test_gw_01_the_policy_is_for_who_configures_sign_in(served: Any) -> None:
    admin = await set_up(served)
    caller = served.person(admin.id, admin.tenant_id, *admin.roles)
    member = served.person("per_x", admin.tenant_id, "member")
    sessions = served.sessions
    for call in (
        sessions.GetSignInPolicy(pb.GetSignInPolicyRequest(), **member),
        sessions.UpdateSignInPolicy(pb.UpdateSignInPolicyRequest(), **member),
        sessions.PutOpenIdProvider(pb.PutOpenIdProviderRequest(), **member),
        sessions.DeleteOpenIdProvider(pb.DeleteOpenIdProviderRequest(), **member),
    ):
        assert await refusal(call) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    changed = pb.SignInPolicy(local_accounts=True, second_factor_role_ids=["admin"])
    updated = await sessions.UpdateSignInPolicy(
        pb.UpdateSignInPolicyRequest(policy=changed), **caller
    )
    assert updated.policy.version == 1
    found = await sessions.GetSignInPolicy(pb.GetSignInPolicyRequest(), **caller)
    assert found.policy == updated.policy
    options = await sessions.ListSignInOptions(pb.ListSignInOptionsRequest(), **served.anonymous)
    assert (options.local_accounts, len(options.providers)) == (True, 0)
    signed_in = await sessions.SignIn(
        pb.SignInRequest(handle="root", password=PASSWORD), **served.anonymous
    )
    assert signed_in.challenge.enrollment_due
    assert not signed_in.challenge.challenge_id
    claims = json.loads(_payload(signed_in.tokens.access_token))
    assert claims["scopes"] == ["sessions.end", "sessions.set_second_factor"]


def _payload(token: str) -> bytes:
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
