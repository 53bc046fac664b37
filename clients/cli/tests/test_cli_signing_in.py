"""Sign-in commands with a real server: codes, the company's provider, sessions, tokens."""

# ruff: noqa: N802 - RPC names, arguments and their meaning are the contract's

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import grpc
import pytest
from plexus.directory.v1 import session_service_pb2 as pb
from plexus.directory.v1.session_service_pb2_grpc import (
    SessionServiceServicer,
    add_SessionServiceServicer_to_server,
)

PLEXUS = Path(sys.executable).with_name("plexus")
PASSWORD = "correct horse"


class Sessions(SessionServiceServicer):  # type: ignore[misc] # only what the commands call
    """Answers as directory does and records its requests."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.bearers: list[str] = []
        self.factors = False
        self.policy = pb.SignInPolicy(local_accounts=True, version=3)
        self.provider = pb.OpenIdProvider(id="acme", issuer="https://id.example", version=2)

    def _tokens(self) -> pb.Tokens:
        tokens = pb.Tokens(access_token="access", refresh_token="refresh", session_id="ses_1")
        tokens.access_expires_at.FromSeconds(int(time.time()) + 900)
        return tokens

    def _note(self, request: Any, context: Any) -> None:
        self.asked.append(request)
        metadata = dict(context.invocation_metadata())
        self.bearers.append(metadata.get("authorization", ""))

    async def SignIn(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        if self.factors:
            challenge = pb.SecondFactorChallenge(
                challenge_id="challenge", kinds=[pb.SECOND_FACTOR_KIND_TOTP]
            )
            return pb.SignInResponse(challenge=challenge)
        response = pb.SignInResponse(tokens=self._tokens())
        response.person.handle = "ann"
        return response

    async def CompleteSignIn(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        response = pb.CompleteSignInResponse(tokens=self._tokens())
        response.person.handle = "ann"
        return response

    async def BeginSingleSignOn(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        return pb.BeginSingleSignOnResponse(
            authorization_url="https://id.example/authorize?state=s1", state="s1", proof="p1"
        )

    async def CompleteSingleSignOn(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        response = pb.CompleteSingleSignOnResponse(tokens=self._tokens())
        response.person.handle = "ann"
        return response

    async def RefreshSession(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        return pb.RefreshSessionResponse(tokens=self._tokens())

    async def EnrollTotp(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        return pb.EnrollTotpResponse(secret="BASE32", uri="otpauth://totp/x?secret=BASE32")

    async def ConfirmTotp(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        return pb.ConfirmTotpResponse(recovery_codes=["aaaa-bbbb", "cccc-dddd"])

    async def ListSecondFactors(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        factor = pb.SecondFactor(id="fac_1", kind=pb.SECOND_FACTOR_KIND_TOTP, name="TOTP")
        return pb.ListSecondFactorsResponse(factors=[factor], recovery_codes_left=9)

    async def RemoveSecondFactor(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        return pb.RemoveSecondFactorResponse()

    async def ListSessions(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        device = pb.SessionInfo(session_id="ses_1", device="cli", present=True)
        app = pb.SessionInfo(session_id="tok_1", device="report")
        app.api_token.id = "tok_1"
        app.api_token.name = "report"
        app.api_token.scopes.append("people.read")
        return pb.ListSessionsResponse(sessions=[device, app])

    async def RevokeSessions(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        return pb.RevokeSessionsResponse(ended=2)

    async def CreateApiToken(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        response = pb.CreateApiTokenResponse(secret="plx_secret")
        response.api_token.id = "tok_1"
        return response

    async def GetSignInPolicy(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        return pb.GetSignInPolicyResponse(policy=self.policy, providers=[self.provider])

    async def UpdateSignInPolicy(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        return pb.UpdateSignInPolicyResponse(policy=request.policy)

    async def PutOpenIdProvider(self, request: Any, context: Any) -> Any:
        self._note(request, context)
        return pb.PutOpenIdProviderResponse(provider=request.provider)


@dataclass
class Shell:
    """Runs commands."""

    sessions: Sessions
    url: str
    home: Path

    async def start(self, *arguments: str, **env: str) -> asyncio.subprocess.Process:
        known = {
            "PATH": os.environ["PATH"],
            "COLUMNS": "200",
            "PLEXUS_CREDENTIALS": str(self.home / "credentials.json"),
        }
        return await asyncio.create_subprocess_exec(
            PLEXUS,
            "--url",
            self.url,
            *arguments,
            env=known | env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str, says: str = "", **env: str) -> tuple[int, str, str]:
        process = await self.start(*arguments, **env)
        out, err = await asyncio.wait_for(process.communicate(says.encode()), 60)
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def login(self, *arguments: str) -> tuple[int, str, str]:
        return await self.run("login", "ann", "--password-stdin", *arguments, says=f"{PASSWORD}\n")


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    sessions = Sessions()
    add_SessionServiceServicer_to_server(sessions, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield Shell(sessions, f"127.0.0.1:{port}", tmp_path)
    await server.stop(None)


async def test_a_code_answers_the_question_for_a_second_factor(shell: Shell) -> None:
    shell.sessions.factors = True
    code, out, err = await shell.login()
    assert code == 1
    assert "--code" in err
    assert PASSWORD not in out + err

    assert (await shell.login("--code", "123 456"))[0] == 0
    assert shell.sessions.asked[-1].challenge_id == "challenge"
    assert shell.sessions.asked[-1].totp_code == "123456"
    assert (await shell.login("--code", "aaaq-eayd-aqcq-mbyi"))[0] == 0
    assert shell.sessions.asked[-1].recovery_code == "aaaq-eayd-aqcq-mbyi"


async def test_a_browser_comes_back_to_a_port_of_this_machine(shell: Shell) -> None:
    process = await shell.start("login", "--sso", "acme")
    assert process.stdout
    shown = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
    assert shown == "https://id.example/authorize?state=s1"
    redirect = shell.sessions.asked[0].redirect_uri
    assert urlsplit(redirect).hostname == "127.0.0.1"
    async with aiohttp.ClientSession() as browser:
        async with browser.get(redirect.replace("/callback", "/favicon.ico")) as other:
            assert other.status == 404
        async with browser.get(f"{redirect}?code=c1&state=s1&iss=https%3A%2F%2Fid.example") as page:
            assert page.status == 200
            assert page.headers["referrer-policy"] == "no-referrer"
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert "Signed in as ann" in out.decode()
    completed = shell.sessions.asked[-1]
    assert (completed.state, completed.code, completed.proof, completed.issuer) == (
        "s1",
        "c1",
        "p1",
        "https://id.example",
    )


@pytest.mark.parametrize("query", ["code=c1&state=other", "error=access_denied&state=s1"])
async def test_the_answer_to_another_attempt_or_a_refusal_signs_nobody_in(
    shell: Shell, query: str
) -> None:
    process = await shell.start("login", "--sso", "acme")
    assert process.stdout
    await asyncio.wait_for(process.stdout.readline(), 60)
    redirect = shell.sessions.asked[0].redirect_uri
    async with aiohttp.ClientSession() as browser, browser.get(f"{redirect}?{query}") as page:
        assert page.status == 200
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"Traceback" not in err
    assert len(shell.sessions.asked) == 1


async def test_login_takes_a_handle_or_a_provider(shell: Shell) -> None:
    for arguments in (("login",), ("login", "ann", "--sso", "acme")):
        assert (await shell.run(*arguments))[0] == 2


async def test_second_factors_sessions_and_tokens_are_kept_by_command(shell: Shell) -> None:
    assert (await shell.login())[0] == 0
    _, out, _ = await shell.run("second-factor", "totp", "--password-stdin", says=f"{PASSWORD}\n")
    assert "Secret: BASE32" in out
    assert "second-factor confirm" in out
    _, out, _ = await shell.run("second-factor", "confirm", "123456")
    assert "aaaa-bbbb" in out
    # The session is renewed at once, so that a limited one has its full permissions.
    assert isinstance(shell.sessions.asked[-1], pb.RefreshSessionRequest)
    _, out, _ = await shell.run("second-factor", "list")
    assert "9 recovery codes left" in out
    said = f"{PASSWORD}\n"
    await shell.run("second-factor", "delete", "all", "--password-stdin", says=said)
    removed = shell.sessions.asked[-1]
    assert (removed.factor_id, removed.password) == ("", PASSWORD)

    _, out, _ = await shell.run("sessions", "list", "--json")
    assert [each["session_id"] for each in json.loads(out)] == ["ses_1", "tok_1"]
    assert "2 ended" in (await shell.run("sessions", "delete", "others"))[1]
    assert shell.sessions.asked[-1].session_id == ""

    _, out, _ = await shell.run("tokens", "create", "report", "--scope", "people.read")
    assert out.strip() == "plx_secret"
    made = shell.sessions.asked[-1]
    assert list(made.scopes) == ["people.read"]
    assert made.request_id
    assert (await shell.run("tokens", "create", "report"))[0] == 2
    _, out, _ = await shell.run("tokens", "list")
    assert "people.read" in out
    assert "ses_1" not in out
    assert (await shell.run("tokens", "delete", "tok_1"))[0] == 0


async def test_the_policy_changes_by_what_is_named_only(shell: Shell) -> None:
    assert (await shell.login())[0] == 0
    assert "Local accounts: yes" in (await shell.run("admin", "sign-in", "show"))[1]
    await shell.run("admin", "sign-in", "policy", "--second-factor", "admin")
    policy = shell.sessions.asked[-1].policy
    assert (policy.local_accounts, list(policy.second_factor_role_ids)) == (True, ["admin"])
    assert policy.version == 3
    await shell.run(
        "admin", "sign-in", "provider", "acme", "--client-id", "c1", "--secret-stdin", says="s\n"
    )
    put = shell.sessions.asked[-1]
    assert (put.provider.issuer, put.provider.client_id, put.client_secret) == (
        "https://id.example",
        "c1",
        "s",
    )
    assert put.provider.version == 2


async def test_a_script_acts_with_an_api_token_of_its_environment(shell: Shell) -> None:
    code, _, _ = await shell.run("sessions", "list", PLEXUS_API_TOKEN="plx_token")
    assert code == 0
    assert shell.sessions.bearers == ["Bearer plx_token"]
