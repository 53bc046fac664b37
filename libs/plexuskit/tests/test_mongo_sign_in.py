"""A service's user whose password or account changes under open connections."""

import asyncio
import os
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymongo
import pytest
from plexus_local.servers import NativeMongo, mongo
from plexus_local.servers.accounts import MongoAccounts
from plexus_local.servers.child import freeze
from plexus_testkit.wait import eventually
from plexuskit.config import MongoSection
from plexuskit.errors import DependencyDown
from plexuskit.mongo import SignInRefused, connect

USER = "plexus-tasks"


@dataclass
class Account:
    """The user at the server, and the file that its service reads the password from."""

    server: NativeMongo
    file: Path
    restarts: list[str] = field(default_factory=list)

    @property
    def section(self) -> MongoSection:
        return MongoSection(
            url=self.server.url,
            database="plexus_tasks",
            user=USER,
            password_file=self.file,
            timeout_ms=2000,
        )

    def restart(self) -> None:
        self.restarts.append("restart")

    def create_anew(self, password: str) -> None:
        """Replace the user: open connections lose their rights and stay open."""
        with pymongo.MongoClient[dict[str, Any]](self.server.admin_url) as client:
            (found,) = client.admin.command("usersInfo", USER)["users"]
            client.admin.command("dropUser", USER)
            client.admin.command("createUser", USER, pwd=password, roles=found["roles"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NativeMongo]:
    folder = tmp_path_factory.mktemp("mongo")
    accounts = MongoAccounts.kept(folder / "accounts", services=["tasks"])
    with mongo(folder / "data", log=folder / "mongo.log", accounts=accounts) as running:
        yield running


@pytest.fixture
def account(server: NativeMongo, tmp_path: Path) -> Account:
    password = secrets.token_hex(16)
    file = tmp_path / "password"
    file.write_text(password)
    account = Account(server, file)
    account.create_anew(password)
    return account


async def test_a_user_that_was_created_anew_has_the_process_restarted(account: Account) -> None:
    async with connect(account.section) as db:
        await db.alive(restart=account.restart)
        account.create_anew(account.file.read_text())

        with pytest.raises(SignInRefused):
            await db.alive(restart=account.restart)

    assert account.restarts == ["restart"]


async def test_a_process_waits_until_the_new_password_is_in_its_file(account: Account) -> None:
    async with connect(account.section) as db:
        await db.alive(restart=account.restart)
        changed = secrets.token_hex(16)
        account.create_anew(changed)

        with pytest.raises(SignInRefused):
            await db.alive(restart=account.restart)
        assert account.restarts == []
        account.file.write_text(changed)
        with pytest.raises(SignInRefused):
            await db.alive(restart=account.restart)

    assert account.restarts == ["restart"]


async def test_connections_that_cannot_be_opened_any_more_have_the_process_restarted(
    account: Account,
) -> None:
    async with connect(account.section) as db:
        await db.alive(restart=account.restart)
        changed = secrets.token_hex(16)
        with pymongo.MongoClient[dict[str, Any]](account.server.admin_url) as client:
            client.admin.command("updateUser", USER, pwd=changed)
        # The open connection continues with the previous password.
        await db.alive(restart=account.restart)
        assert account.restarts == []
        account.file.write_text(changed)

        async def restarted() -> bool:
            # More at once than there are connections.
            calls = [db.alive(restart=account.restart) for _ in range(20)]
            await asyncio.gather(*calls, return_exceptions=True)
            return bool(account.restarts)

        await eventually(restarted, within=60)


async def test_a_server_that_is_down_restarts_nobody(account: Account) -> None:
    async with connect(account.section) as db:
        await db.alive(restart=account.restart)
        child = account.server.child
        assert child is not None
        freeze(child.pid)
        try:
            with pytest.raises(DependencyDown):
                await db.alive(restart=account.restart)
        finally:
            os.kill(child.pid, signal.SIGCONT)

    assert account.restarts == []
