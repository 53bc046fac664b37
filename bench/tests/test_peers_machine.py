"""Requirements of the peers, and the messages for missing ones."""

import os

import pytest
from plexus_bench.peers import debian
from plexus_bench.peers.commands import (
    CommandFailed,
    as_account,
    new_folder,
    output_of,
    until_ready,
)
from plexus_bench.peers.ejabberd import Ejabberd
from plexus_bench.peers.stored import logged
from plexus_bench.system import Conversation, body_of
from plexus_local.servers import Child, ServerNotStarted, ToolMissing


async def test_missing_packages_are_named_with_a_remedy_to_who_may_not_install(monkeypatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(ToolMissing, match="not installed: no-such-package-1") as told:
        await debian.ensure(["no-such-package-1"])
    assert "apt-get install --no-install-recommends no-such-package-1" in str(told.value)


async def test_a_version_is_the_upstreams(monkeypatch) -> None:
    async def told(command) -> str:
        return f"installed {command[-1]}"

    monkeypatch.setattr(debian, "output_of", told)
    monkeypatch.setattr(debian.shutil, "which", lambda _: "/usr/bin/dpkg-query")

    found = [await debian.version(number) for number in ("23.01-1", "1:2.3+deb12u1", "15+248")]
    assert found == ["23.01", "2.3", "15"]


def test_root_runs_a_program_as_its_account_and_others_as_themselves(monkeypatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert as_account("postgres", ["initdb"]) == ["initdb"]

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    wrapped = as_account("postgres", ["initdb"])
    assert wrapped[0] == "setpriv"
    assert wrapped[-3:] == ["--pdeathsig", "KILL", "initdb"]


async def test_a_program_that_fails_is_named_with_what_it_said() -> None:
    with pytest.raises(CommandFailed, match="ended with 3\nno disk"):
        await output_of(["sh", "-c", "cat >&2; exit 3"], said="no disk")


async def test_a_server_that_ends_while_it_starts_is_reported_with_its_log(tmp_path) -> None:
    child = Child(["sh", "-c", "echo no port"], log=tmp_path / "server.log")

    async def never() -> bool:
        return False

    with pytest.raises(ServerNotStarted, match="it ended with 0") as told:
        await until_ready(never, name="server", child=child, within=10)
    assert "no port" in str(told.value)


def test_a_folder_for_data_can_be_entered_by_other_accounts() -> None:
    folder = new_folder("test")
    try:
        assert folder.stat().st_mode & 0o005 == 0o005
    finally:
        folder.rmdir()


def test_a_stored_text_that_is_not_its_refs_is_a_problem() -> None:
    found = logged([body_of("0-1"), "0-2 short"])

    assert found.refs == ["0-1", "0-2"]
    assert found.problems == ["the text of 0-2 is another one"]


async def test_a_room_whose_archive_stayed_empty_is_not_durable(monkeypatch) -> None:
    system = Ejabberd()

    async def nothing(_: str) -> list[str]:
        return []

    monkeypatch.setattr(system, "_archive", nothing)
    found = await system.stored(Conversation(id="room", members=("ann",), echoes=True))
    assert found.problems == ("the room's archive stayed empty: not durable",)


async def test_archives_of_a_pair_that_differ_are_a_problem(monkeypatch) -> None:
    system = Ejabberd()
    archives = {("ann", "bob"): [body_of("0-1"), body_of("0-2")], ("bob", "ann"): [body_of("0-1")]}

    async def archive(owner: str, *, peer: str) -> list[str]:
        return archives[owner, peer]

    monkeypatch.setattr(system, "_archive", archive)
    found = await system.stored(Conversation(id="pair", members=("ann", "bob"), echoes=False))
    assert found.refs == ["0-1", "0-2"]
    assert found.problems == ["the archives of ann and bob hold different messages"]
