"""The bot of the SDK's README as a process: it answers every message exactly once."""

import asyncio
import contextlib
import os
import re
import secrets
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from plexus.directory.v1.session_service_pb2 import CreateApiTokenRequest
from plexus_local.servers.home import home
from plexus_sdk import THOROUGH, Client, MessagePosted, Session

README = home() / "clients/python/README.md"
SCOPES = ("sessions.open", "conversations.read", "messages.read", "messages.send")
MAX_BOT_LINES = 30
MESSAGES = 24


def bot_of_readme() -> str:
    """Return the first Python program of the README."""
    found = re.search(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_bot_of_the_readme_is_short() -> None:
    assert len(bot_of_readme().splitlines()) <= MAX_BOT_LINES


class Bot:
    """The bot as a process, with a folder of its own."""

    def __init__(self, folder: Path, *, url: str, token: str) -> None:
        self._folder = folder
        self._program = folder / "echo_bot.py"
        self._program.write_text(bot_of_readme())
        kept = {name: value for name, value in os.environ.items() if "PLEXUS" not in name}
        self._env = kept | {"PLEXUS_URL": url, "PLEXUS_TOKEN": token}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it is connected."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            self._program,
            cwd=self._folder,
            env=self._env,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout
        async with asyncio.timeout(60):
            assert await self._process.stdout.readline() == b"ready\n"

    async def kill(self) -> None:
        """Kill it with SIGKILL; fail if it printed anything besides `ready`."""
        assert self._process
        assert self._process.returncode is None, "the bot has ended by itself"
        self._process.kill()
        said, _ = await self._process.communicate()
        assert said == b""


@pytest.fixture
async def bot(platform, people, tmp_path) -> AsyncIterator[Bot]:
    """Return a bot that acts as bob."""
    bob = people["bob"]
    request = CreateApiTokenRequest(
        request_id=secrets.token_hex(8), name=f"echo {secrets.token_hex(4)}", scopes=SCOPES
    )
    request.expires_at.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    made = await bob.call(bob.sessions.CreateApiToken, request)
    bot = Bot(tmp_path, url=platform.grpc_address, token=made.secret)
    await bot.start()
    yield bot
    await bot.kill()


@pytest.fixture
async def ann(platform, handles) -> AsyncIterator[Client]:
    """Return ann's client, which retries every call that can be retried."""
    async with platform.signed_in(handles["ann"]) as plexus:
        plexus.retries = THOROUGH
        yield Client(plexus)


async def answered(session: Session, wanted: set[str], *, by: str) -> None:
    """Consume events until every text has an answer."""
    async with asyncio.timeout(90):
        while wanted:
            event = await anext(session)
            if isinstance(event, MessagePosted) and event.message.sender_id == by:
                wanted.discard(event.message.text)


@pytest.mark.timeout(400)
async def test_msg_03_a_bot_answers_once_while_the_gateway_and_itself_are_killed(
    platform, people, group, bot, ann
) -> None:
    bob = people["bob"].profile.person_id
    room = await group("ann", "bob")
    asked = [f"question {number}" for number in range(MESSAGES)]
    gateway = platform["gateway"]

    async with ann.session(conversations=[room]) as session:

        async def ask(texts: list[str]) -> None:
            for text in texts:
                await session.messages.send(room, f"!echo {text}")

        third = MESSAGES // 3
        await ask(asked[:third])
        # The gateway is down while questions and answers are in flight.
        asking = asyncio.create_task(ask(asked[third : 2 * third]))
        gateway.kill()
        await gateway.begin()
        await asyncio.wait_for(asking, 90)
        await answered(session, set(asked[: 2 * third]), by=bob)

        # So is the bot, at any point between an answer and the next event.
        asking = asyncio.create_task(ask(asked[2 * third :]))
        await bot.kill()
        await asyncio.wait_for(asking, 90)
        await bot.start()
        await answered(session, set(asked[2 * third :]), by=bob)

    messages = [message async for message in ann.messages.history(room)]
    answers = Counter(message.text for message in messages if message.sender_id == bob)
    assert answers == Counter(asked)
    by_seq = {message.seq: message.text for message in messages}
    for message in messages:
        if message.sender_id == bob:
            assert by_seq[message.reply_to_seq] == f"!echo {message.text}"


@pytest.mark.timeout(300)
async def test_msg_06_a_session_resumes_over_two_deaths_of_the_gateway(
    platform, group, ann
) -> None:
    room = await group("ann", "chen")
    gateway = platform["gateway"]
    texts: list[str] = []
    async with ann.session(conversations=[room]) as session:
        for number in range(2):
            await ann.messages.send(room, f"before {number}")
            gateway.kill()
            await gateway.begin()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    event = await anext(session)
                    texts.append(event.message.text)
            await ann.messages.send(room, f"after {number}")
            async with asyncio.timeout(60):
                while not texts or texts[-1] != f"after {number}":
                    event = await anext(session)
                    texts.append(event.message.text)
    assert texts == ["before 0", "after 0", "before 1", "after 1"]
