"""Sign-in through every process: one-time codes, a company's identity provider, API tokens."""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pyotp
import pytest
from plexus.directory.v1.directory_service_pb2 import CreatePersonRequest
from plexus_local.servers.ports import free_port
from plexus_testkit.harness import PASSWORD
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock

PROVIDER = Path(__file__).parents[3] / "services/directory/tests/sign_in/openid_provider.py"
SAID = f"{PASSWORD}\n"


@pytest.fixture
async def provider():
    """Run a real OpenID provider: `await provider({"sub": …})` returns its address."""
    running = []

    async def run(*users: dict[str, object]) -> str:
        port = free_port()
        running.append(
            await asyncio.create_subprocess_exec(
                sys.executable,
                PROVIDER,
                str(port),
                json.dumps(users),
                env=os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        )
        address = f"http://127.0.0.1:{port}"

        async def answers() -> bool:
            try:
                async with aiohttp.ClientSession() as client, client.get(f"{address}/jwks") as keys:
                    return keys.status == 200
            except aiohttp.ClientError:
                return False

        await eventually(answers, within=30)
        return address

    yield run
    for process in running:
        process.terminate()
        await process.wait()


def code_of(secret: str, *, ahead: int = 0) -> str:
    # The code of the next step is valid too, and the one of this step was used to set the app up.
    return pyotp.TOTP(secret).at(SystemClock().now() + ahead * timedelta(seconds=30))


async def test_gw_01_a_role_that_needs_a_second_factor_opens_only_what_sets_it_up(
    platform, new_cli, cli
):
    handle = (await platform.new_people("iva"))["iva"]
    async with platform.admin() as plexus:
        request = CreatePersonRequest(
            handle=f"{handle}-auditor",
            display_name="审计",
            roles=["auditor", "member"],
            password=PASSWORD,
        )
        await plexus.call(plexus.directory.CreatePerson, request)
    await cli("--as", "root", "admin", "sign-in", "policy", "--second-factor", "auditor")
    try:
        url, login = platform.grpc_address, ("login", request.handle, "--password-stdin")
        limited = await new_cli("--url", url, *login, says=SAID)
        assert "second-factor totp" in limited.err
        assert "PERMISSION_MISSING" in (await new_cli("people", "list", code=1)).err

        shown = await new_cli("second-factor", "totp", "--password-stdin", says=SAID)
        secret = shown.lines[1].removeprefix("Secret: ")
        confirmed = await new_cli("second-factor", "confirm", code_of(secret))
        # The session is valid again without another sign-in.
        assert (await new_cli("people", "--json")).json

        await new_cli("--url", url, *login, "--code", code_of(secret, ahead=1), says=SAID)
        await new_cli("--url", url, *login, "--code", confirmed.lines[-1], says=SAID)
        used = await new_cli("--url", url, *login, "--code", confirmed.lines[-1], says=SAID, code=1)
        assert "SIGN_IN_REFUSED" in used.err
        assert "ended" in (await new_cli("sessions", "delete", "others")).out
        (session,) = (await new_cli("sessions", "list", "--json")).json
        assert (session["present"], session["second_factor"]) == (True, True)
    finally:
        await cli("--as", "root", "admin", "sign-in", "policy", "--second-factor", "none")


async def test_gw_01_the_company_s_own_provider_signs_in_whom_it_has_verified(
    platform, new_cli, cli, provider
):
    handle = (await platform.new_people("sonja"))["sonja"]
    address = await provider(
        {"sub": "s-1", "email": f"{handle}@example.com", "email_verified": True},
        {"sub": "s-2", "email": f"{handle}@example.com", "email_verified": False},
    )
    await cli(
        *("--as", "root", "admin", "sign-in", "provider", "acme", "--issuer", address),
        *("--client-id", "plexus", "--redirect", "http://127.0.0.1/callback"),
        *("--email-domain", "example.com", "--secret-stdin"),
        says="a client secret\n",
    )

    async def came_back(subject: str) -> tuple[int | None, str]:
        command = ("--url", platform.grpc_address, "login", "--sso", "acme")
        process = await new_cli.begin(*command)
        url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
        assert url.startswith(address)
        async with aiohttp.ClientSession() as browser:
            async with browser.post(url, data={"sub": subject}, allow_redirects=False) as answer:
                back = answer.headers["location"]
            assert urlsplit(back).hostname == "127.0.0.1"
            async with browser.get(back) as page:
                assert page.status == 200
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode() + err.decode()

    assert "SIGN_IN_REFUSED" in (await came_back("s-2"))[1]
    code, said = await came_back("s-1")
    assert (code, f"Signed in as {handle}" in said) == (0, True)
    (session,) = (await new_cli("sessions", "list", "--json")).json
    assert session["single_sign_on"] == "acme"
    await cli("--as", "root", "admin", "sign-in", "provider", "acme", "--remove")


async def test_gw_04_an_app_acts_within_its_scopes_until_its_token_is_revoked(platform, cli):
    made = await cli("--as", "ann", "tokens", "create", "报表", "--scope", "people.read")
    env = {"PLEXUS_API_TOKEN": made.lines[-1]}
    app = ("--url", platform.grpc_address)
    assert (await cli(*app, "people", "--json", env=env)).json
    refused = await cli(*app, "tasks", "list", env=env, code=1)
    assert "PERMISSION_MISSING" in refused.err
    more = await cli("--as", "ann", "tokens", "create", "x", "--scope", "people.manage", code=1)
    assert "GRANT_EXCEEDS_OWN" in more.err

    tokens = (await cli("--as", "ann", "tokens", "list", "--json")).json
    (token,) = [token for token in tokens if token["api_token"]["name"] == "报表"]
    await cli("--as", "ann", "tokens", "delete", token["session_id"])

    async def refuses() -> bool:
        process = await cli.begin(*app, "people", "--json", env=env)
        _, err = await process.communicate()
        return process.returncode == 1 and (b"SESSION_ENDED" in err or b"TOKEN_INVALID" in err)

    await eventually(refuses, within=30)
