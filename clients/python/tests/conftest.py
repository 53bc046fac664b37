"""Fixtures: a scripted gateway on a real socket, and sessions with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from plexus_sdk import Client, Event, MessagePosted, Plexus, Profiles, Session
from plexus_sdk import stream as stream_module

from .scripted import Gateway, Log, plexus_at, serving


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses between connection attempts."""
    monkeypatch.setattr(stream_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(stream_module, "MAX_WAIT", 0.05)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def address(gateway: Gateway) -> AsyncIterator[str]:
    async with serving(gateway) as address:
        yield address


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path / "credentials.json")


@pytest.fixture
async def plexus(address: str, profiles: Profiles) -> AsyncIterator[Plexus]:
    async with plexus_at(address, profiles) as plexus:
        yield plexus


@pytest.fixture
def client(plexus: Plexus) -> Client:
    return Client(plexus)


async def take(session: Session, count: int, *, within: float = 30) -> list[Event]:
    """Receive a number of events."""
    async with asyncio.timeout(within):
        return [await anext(session) for _ in range(count)]


async def texts(session: Session, count: int) -> list[str]:
    """Receive a number of events, which must all be new messages; return their texts."""
    taken = await take(session, count)
    assert all(isinstance(event, MessagePosted) for event in taken), taken
    return [event.message.text for event in taken if isinstance(event, MessagePosted)]


async def is_silent(session: Session, *, seconds: float = 0.3) -> bool:
    """Return whether no event arrives for this long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            event = await anext(session)
            raise AssertionError(event)
    return True


async def until(condition, *, within: float = 30) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - the condition is of another task
            await asyncio.sleep(0.005)


def posted(log: Log, *, since: int = 0) -> list[str]:
    """Return the texts of a log's messages that are not recalled."""
    return [
        message.text
        for seq, message in sorted(log.messages.items())
        if seq > since and not message.recalled
    ]
