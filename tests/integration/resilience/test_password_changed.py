"""A service's MongoDB password changed at runtime: it waits and makes no dead letters."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pymongo
import pytest
from plexus.topics import CONSUMERS
from plexus_local.servers import NativeMongo
from plexus_testkit.wait import eventually
from plexuskit.kafka import dlq_depth

SERVICE, USER, GROUP = "notify", "plexus-notify", "notify.messages"
# Five minutes of evidence take half a second, ten minutes between two records one second.
COMPRESSED = {
    "NOTIFY_KAFKA__EVIDENCE_SECONDS": "0.5",
    "NOTIFY_KAFKA__SET_ASIDE_EVERY_SECONDS": "1",
    "NOTIFY_KAFKA__HELD_DEGRADED_SECONDS": "1",
    "NOTIFY_MONGO__TIMEOUT_MS": "2000",
}
AN_HOUR = 6.0


class Account:
    """The service's user at a mongod without any other user."""

    def __init__(self, server: NativeMongo) -> None:
        assert server.accounts is not None
        self._url = server.admin_url
        self.password = server.accounts.services[USER]

    async def replace(self, password: str) -> None:
        """Recreate the user: open connections lose access, new ones need the new password."""
        await asyncio.to_thread(self._replace, password)

    def _replace(self, password: str) -> None:
        with pymongo.MongoClient[dict[str, Any]](self._url) as client:
            (found,) = client.admin.command("usersInfo", USER)["users"]
            client.admin.command("dropUser", USER)
            client.admin.command("createUser", USER, pwd=password, roles=found["roles"])


@pytest.fixture
async def account(platform) -> AsyncIterator[Account]:
    server = platform.servers["mongo"]
    if not isinstance(server, NativeMongo) or server.accounts is None:
        pytest.skip("the database is not this platform's own, with users")
    account = Account(server)
    process = platform[SERVICE]
    await process.end()
    await process.begin(**COMPRESSED)
    yield account
    await account.replace(account.password)
    await process.end()
    await process.begin()


@pytest.fixture
def held(platform) -> Callable[[], float]:
    """Return a function: seconds for which the group's longest held partition has waited."""

    def seconds() -> float:
        _, text = platform[SERVICE].get("/metrics")
        name = f'plexus_consumer_held_seconds{{group="{GROUP}"}} '
        found = [line for line in text.splitlines() if line.startswith(name)]
        return float(found[0].removeprefix(name)) if found else 0.0

    return seconds


@pytest.mark.long
@pytest.mark.rule("MSG-4")
async def test_an_hour_with_a_changed_password_sets_nothing_aside_and_loses_nothing(
    platform, people, room, client, checker, account, held, tmp_path
):
    conversation = await room("ann", "bob")
    ann, bob = await client("ann"), people["bob"]
    me = bob.profile.person_id
    await ann.send(conversation, "before", mention=me)
    await checker.notified(bob, conversation, seqs=[1])

    changed = secrets.token_hex(16)
    await account.replace(changed)
    for number in (2, 3, 4):
        await ann.send(conversation, f"number {number}", mention=me)
    await eventually(lambda: held() >= AN_HOUR, within=120, every=0.25)
    assert platform[SERVICE].running
    assert await _dead_letters(platform) == 0
    # The order of operators: first the server, then the service's file, then the service.
    file = tmp_path / "password"
    file.write_text(changed)
    file.chmod(0o600)
    await platform[SERVICE].end()
    await platform[SERVICE].begin(**COMPRESSED, NOTIFY_MONGO__PASSWORD_FILE=str(file))
    await checker.notified(bob, conversation, seqs=[1, 2, 3, 4])
    assert await _dead_letters(platform) == 0


async def _dead_letters(platform) -> int:
    groups = [each.group for each in CONSUMERS if each.service == SERVICE and each.dlq]
    return sum([await dlq_depth(platform.kafka, group) for group in groups])
