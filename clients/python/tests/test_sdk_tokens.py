"""Access tokens: renewed before they expire, once, also by several processes (REFRESH_REUSED)."""

import asyncio
import sys
import time

import grpc
import pytest
from plexus_sdk import AS_ASKED, THOROUGH, Plexus, Profiles, Refused, SignedOut, open_plexus
from plexus_sdk.people import People

from .scripted import Gateway, Refusal, person_profile

PROCESS = """
import asyncio, sys
from pathlib import Path
from plexus_sdk import Profiles, connect

async def main():
    async with connect(profile="me", profiles=Profiles(Path(sys.argv[1]))) as client:
        print((await client.people.me()).handle)

asyncio.run(main())
"""
LOST = Refusal(grpc.StatusCode.UNAVAILABLE, "LOST")


@pytest.fixture
def expired(address: str, profiles: Profiles) -> Profiles:
    profiles.save(person_profile(address, expires_at=time.time() - 1), default=True)
    return profiles


async def me(profiles: Profiles, retries=THOROUGH) -> str:
    async with open_plexus(profiles.find("me"), profiles, retries=retries) as plexus:
        return (await People(plexus).me()).handle


async def test_processes_that_share_a_profile_spend_a_refresh_token_once(
    gateway: Gateway, expired: Profiles
) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROCESS, str(expired.path), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    async with asyncio.timeout(120):
        said = await asyncio.gather(*(process.communicate() for process in processes))
    assert [out for out, _ in said] == [b"me\n"] * 3
    assert gateway.spent == ["refresh 0"]
    assert set(gateway.bearers) == {"", "Bearer access 1"}
    assert expired.find("me").refresh_token == "refresh 1"


async def test_a_lost_answer_is_asked_for_again_with_the_same_refresh_token(
    gateway: Gateway, expired: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.refusals["RefreshSession"] = [LOST]
    with pytest.raises(Refused):
        await me(expired, retries=AS_ASKED)

    reset = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="reset"
    )
    async with open_plexus(expired.find("me"), expired, retries=THOROUGH) as plexus:
        real = plexus.sessions.RefreshSession
        faults = [reset, reset]

        async def flaky(request, **options):
            if faults:
                raise faults.pop()
            return await real(request, **options)

        monkeypatch.setattr(plexus.sessions, "RefreshSession", flaky)
        assert (await People(plexus).me()).handle == "me"
    assert gateway.spent == ["refresh 0", "refresh 0"]


async def test_a_token_that_plexus_calls_expired_is_renewed_whatever_this_machines_clock_says(
    gateway: Gateway, address: str, profiles: Profiles
) -> None:
    profiles.save(person_profile(address, expires_at=time.time() + 4000), default=True)
    expired = Refusal(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")
    gateway.refusals["GetPerson"] = [expired]
    assert await me(profiles) == "me"
    assert gateway.spent == ["refresh 0"]
    assert gateway.bearers[-1] == "Bearer access 1"


@pytest.mark.parametrize("reason", ["REFRESH_REUSED", "REFRESH_REFUSED"])
async def test_a_session_that_has_ended_means_signed_out(
    gateway: Gateway, expired: Profiles, reason: str
) -> None:
    gateway.refusals["RefreshSession"] = [Refusal(grpc.StatusCode.UNAUTHENTICATED, reason)]
    with pytest.raises(SignedOut) as refused:
        await me(expired)
    assert refused.value.reason == reason
    assert len(gateway.spent) == 1


async def test_an_api_token_is_not_renewed(plexus: Plexus, gateway: Gateway) -> None:
    refusal = Refusal(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")
    gateway.refusals["GetPerson"] = [refusal]
    with pytest.raises(SignedOut):
        await People(plexus).me()
    assert gateway.spent == []
