"""Data of an older release: the current platform starts on it, keeps it and continues."""

import asyncio
import io
import json
import os
import secrets
import shutil
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus_cli.commands.verifying import walk
from plexus_local.journal import recorded
from plexus_local.layout import Layout, read_json
from plexus_local.table import CHAT
from plexus_sdk import Plexus
from plexus_testkit.fresh import fresh
from plexus_testkit.harness import ADMIN_PASSWORD
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection, MongoSection
from plexuskit.kafka.grants import OPERATOR

from .older_company import (
    SECRET,
    WORD,
    Company,
    check_entries_kept,
    dead_letters,
    look,
    move_in,
    signed_in,
    stored,
)

GIVEN = ("PLEXUS_MONGO_URL", "PLEXUS_KAFKA_URL", "PLEXUS_OPENSEARCH_URL")

ROOT = Path(__file__).parents[3]
OLDER = "873a8ee"
DATABASE = "plexus_messaging"
# Two platforms start one after the other, possibly beside other tests.
CHAT_SECONDS = 900
WHOLE_SECONDS = 1500
FOUND_WITHIN = 60


@pytest.fixture(scope="session")
def older_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Check the older release out of the history and return its folder."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    archive = subprocess.run(
        [git, "-C", str(ROOT), "archive", OLDER], check=False, capture_output=True
    )
    if archive.returncode:
        pytest.skip(f"the history of this clone does not reach back to {OLDER}")
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def environment_of(release: Path) -> dict[str, str]:
    """Return the environment in which Python finds a release's own code.

    It uses the dependencies of the current environment: none has been removed or downgraded.
    """
    sources = [path.parent / "src" for path in sorted(release.glob("*/*/pyproject.toml"))]
    assert sources
    kept = {name: value for name, value in os.environ.items() if name not in GIVEN}
    # The tools are those of this checkout.
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, sources))}


@asynccontextmanager
async def older_chat(release: Path, directory: Path) -> AsyncIterator[dict[str, str]]:
    """Run the chat processes of the older release; yield its addresses."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("older_platform.py")),
        str(directory),
        env=environment_of(release),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(CHAT_SECONDS / 2):
            line = await process.stdout.readline()
        assert line, "the older release did not start"
        yield json.loads(line)
    finally:
        process.stdin.close()
        async with asyncio.timeout(60):
            await process.wait()
    assert process.returncode == 0


async def remember(company: Company, *, address: str, mongo: MongoSection, folder: Path) -> None:
    """Record the state that the older release shows and stores."""
    company.shown = await look(company, address=address, folder=folder)
    company.entries = await stored(mongo)
    assert {room for _, room in company.shown} >= set(company.rooms.values())


async def check_kept(company: Company, *, address: str, folder: Path) -> None:
    """Compare the state shown to each person with that of the older release."""
    shown = await look(company, address=address, folder=folder)
    assert shown == company.shown


async def check_goes_on(company: Company, *, address: str, folder: Path) -> None:
    """Verify each conversation, write to it, and check that version 2 of its chain has begun."""
    handle = next(iter(company.people))
    async with signed_in(address, handle, company.people[handle], folder=folder) as plexus:
        for room in company.rooms.values():
            before = await walk(plexus, room)
            assert before.problems == []
            assert before.begun == 0
            stored_now = await say(plexus, room)
            after = await walk(plexus, room)
            assert after.problems == []
            assert after.begun == before.through + 1
            assert stored_now == after.through == after.begun + 1


async def check_found(company: Company, *, address: str, folder: Path) -> None:
    """Search for existing and recalled messages as one of their senders."""
    handle = next(iter(company.people))
    async with signed_in(address, handle, company.people[handle], folder=folder) as plexus:

        async def found(query: str) -> set[str]:
            request = SearchRequest(query=query, types=["message"], page_size=100)
            response = await plexus.call(plexus.search.Search, request)
            return {hit.conversation_id for hit in response.hits}

        rooms = {company.rooms["group"], company.rooms["direct"]}

        async def everywhere() -> bool:
            return rooms <= await found(WORD)

        await eventually(everywhere, within=FOUND_WITHIN)
        assert await found(SECRET) == set()


async def say(plexus: Plexus, room: str) -> int:
    """Send a message and return its number in the log."""
    request = SendMessageRequest(
        conversation_id=room, request_id=secrets.token_hex(8), text="said by the release of now"
    )
    return (await plexus.call(plexus.messaging.SendMessage, request)).change_no


@pytest.mark.long
@pytest.mark.rule("MSG-20")
@pytest.mark.timeout(CHAT_SECONDS)
async def test_conversations_of_an_older_release_are_kept_to_the_byte_and_go_on(
    older_release: Path, tmp_path: Path
) -> None:
    async with older_chat(older_release, tmp_path / "data") as place:
        older = f"127.0.0.1:{place['grpc']}"
        async with signed_in(older, "root", ADMIN_PASSWORD, folder=tmp_path) as admin:
            company = await move_in(admin, address=older, folder=tmp_path)
        await remember(company, address=older, mongo=messaging_of(place), folder=tmp_path)

    with fresh(tmp_path / "data", entries=CHAT) as platform:
        await check_kept(company, address=platform.grpc_address, folder=tmp_path)
        check_entries_kept(
            company.entries, await stored(MongoSection(url=platform.mongo_url, database=DATABASE))
        )
        await check_goes_on(company, address=platform.grpc_address, folder=tmp_path)
        assert await dead_letters(platform.kafka) == {}


@pytest.fixture
def demo_home(older_release: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a checkout's folder whose `.plexus` both releases use; stop everything afterwards."""
    home = tmp_path / "home"
    (home / ".plexus").mkdir(parents=True)
    tools = ROOT / ".plexus" / "tools"
    if tools.is_dir():
        (home / ".plexus" / "tools").symlink_to(tools.resolve())
    (home / "samples").symlink_to(older_release / "samples")
    yield home
    local("down", home=home, release=ROOT)


def local(command: str, *, home: Path, release: Path) -> None:
    """Run `python -m plexus_local COMMAND` of a release."""
    env = environment_of(release) | {
        "PLEXUS_HOME": str(home),
        "PLEXUS_CREDENTIALS": str(home / "credentials.json"),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "plexus_local", command],
        check=False,
        capture_output=True,
        text=True,
        env=env,
        cwd=home,
        timeout=WHOLE_SECONDS / 3,
    )
    assert ran.returncode == 0, f"{command} of {release}:\n{ran.stdout}\n{ran.stderr}"


def messaging_of(addresses: Mapping[str, str]) -> MongoSection:
    """Return messaging's database, accessed as the operator if there are users."""
    file = addresses.get("mongo password")
    named = {"user": OPERATOR, "password_file": file} if file else {}
    return MongoSection.model_validate({"url": addresses["mongo"], "database": DATABASE, **named})


@pytest.mark.long
@pytest.mark.rule("MSG-20")
@pytest.mark.timeout(WHOLE_SECONDS)
async def test_the_demo_of_an_older_release_starts_again_with_everything_that_it_had(
    older_release: Path, demo_home: Path
) -> None:
    layout = Layout(demo_home / ".plexus")
    await asyncio.to_thread(local, "demo", home=demo_home, release=older_release)
    secret = read_json(layout.secrets / "demo.json")
    older = recorded(layout)["addresses"]
    address = older["gateway (gRPC)"]
    async with signed_in(address, "admin", secret["password:admin"], folder=demo_home) as admin:
        company = await move_in(admin, address=address, folder=demo_home)
    everybody = secret["password:everybody"]
    company.people |= {"admin": secret["password:admin"], "wu.hao": everybody}
    await remember(company, address=address, mongo=messaging_of(older), folder=demo_home)
    await asyncio.to_thread(local, "down", home=demo_home, release=older_release)

    await asyncio.to_thread(local, "demo", home=demo_home, release=ROOT)

    now = recorded(layout)["addresses"]
    address = now["gateway (gRPC)"]
    await check_kept(company, address=address, folder=demo_home)
    check_entries_kept(company.entries, await stored(messaging_of(now)))
    await check_found(company, address=address, folder=demo_home)
    await check_goes_on(company, address=address, folder=demo_home)
    kafka = KafkaSection(url=now["kafka"], user=OPERATOR, password_file=Path(now["kafka password"]))
    assert await dead_letters(kafka) == {}
