"""Renewal of tokens: once for all concurrent callers, and with a bounded wait."""

import asyncio
import threading
import time
from types import SimpleNamespace

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.directory.v1.session_service_pb2 import RefreshSessionResponse, Tokens
from plexus_sdk import Plexus, Profile, Profiles, Refused
from plexus_sdk import profiles as module


@pytest.fixture
def profiles(tmp_path):
    profiles = Profiles(tmp_path / "home" / "credentials.json")
    profiles.save(
        Profile(
            name="ann",
            url="127.0.0.1:1",
            person_id="per_1",
            handle="ann",
            access_token="old",
            access_expires_at=time.time() - 1,
            refresh_token="r1",
            session_id="ses_1",
        ),
        default=True,
    )
    return profiles


@pytest.fixture
def spent():
    """Return the refresh tokens that were used."""
    return []


@pytest.fixture
async def connect(profiles, spent):
    """Connect as ann, to sessions that answer once every caller waits."""
    channels = []

    async def refresh(request, **_):
        spent.append(request.refresh_token)
        await asyncio.sleep(0.05)
        expires = Timestamp(seconds=int(time.time()) + 900)
        tokens = Tokens(access_token="new", access_expires_at=expires, refresh_token="r2")
        return RefreshSessionResponse(tokens=tokens)

    def connected():
        channel = grpc.aio.insecure_channel("127.0.0.1:1")
        channels.append(channel)
        # Each has a Profiles of its own, as separate clients in one process do.
        plexus = Plexus(channel, profiles.find("ann"), Profiles(profiles.path))
        plexus.sessions = SimpleNamespace(RefreshSession=refresh)
        return plexus

    yield connected
    for channel in channels:
        await channel.close()


async def test_calls_that_need_a_new_token_at_once_get_one_and_the_same(connect, spent):
    first, second = connect(), connect()
    async with asyncio.timeout(60):
        told = await asyncio.gather(*(each.metadata() for each in (first, first, second, second)))
    assert told == [(("authorization", "Bearer new"),)] * 4
    assert spent == ["r1"]


async def test_another_process_that_holds_the_file_is_waited_for(connect, profiles, spent):
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with Profiles(profiles.path).locked():
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    assert entered.wait(5)
    waiting = asyncio.create_task(connect().metadata())
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    leave.set()
    assert await waiting == (("authorization", "Bearer new"),)
    other.join(5)
    assert spent == ["r1"]


async def test_a_file_that_is_never_free_is_named(connect, profiles, monkeypatch):
    monkeypatch.setattr(module, "HOLD_SECONDS", 0.1)
    with profiles.locked(), pytest.raises(Refused, match=r"credentials\.lock"):
        await connect().metadata()
