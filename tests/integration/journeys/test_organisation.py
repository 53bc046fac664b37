"""The organisation as an administrator manages it with the command, in every process."""

import asyncio
import secrets
import time

import pytest
from plexus.directory.v1.directory_service_pb2 import UpdatePersonRequest
from plexus_cli.sample.roster import write_roster


@pytest.fixture
def root(cli):
    """Run a command as the administrator: `await root("people", "show", "li")`."""

    async def run(*arguments: str, **options):
        return await cli("--as", "root", *arguments, **options)

    return run


async def test_a_company_comes_from_two_files_and_again_changes_nothing(root, tmp_path):
    source = f"hr{secrets.token_hex(3)}"
    people, departments = write_roster(tmp_path, people=200, departments=20, prefix=source)
    asked = ("people", "import", str(people), "--departments", str(departments), "--json")
    asked += ("--source", source)
    looked = (await root(*asked, "--dry-run")).json
    assert (looked["people_created"], looked["departments_created"]) == (200, 20)
    first = (await root(*asked)).json
    assert (first["people"], first["people_created"]) == (200, 200)
    assert (first["departments"], first["departments_created"]) == (20, 20)
    again = (await root(*asked)).json
    assert {name: count for name, count in again.items() if count} == {
        "people": 200,
        "departments": 20,
    }

    people.write_text("id,name,email\nx1,某人,nobody\n", encoding="utf-8")
    broken = await root("people", "import", str(people), "--source", source, code=1)
    assert "line 2, column email" in broken.err


async def test_people_are_added_changed_shown_and_let_go(root):
    handle = f"li-{secrets.token_hex(3)}"
    await root("people", "create", handle, "李雷", "--title", "采购经理", "--manager", "root")
    update = ("people", "update", handle, "--cost-center", "4711", "--skill", "Kafka", "--json")
    assert (await root(*update)).json["skills"] == ["Kafka"]
    away = ("people", "absence", handle, "--until", "tomorrow 9:00", "--note", "年假")
    await root(*away)
    shown = (await root("people", "show", handle)).out
    for known in ("采购经理", "4711", "Kafka", "root", "年假"):
        assert known in shown
    off = (await root("people", "deactivate", handle, "--json")).json
    assert off["state"] == "STATE_DEACTIVATED"
    assert (await root("people", "reactivate", handle, "--json")).json["state"] == "STATE_ACTIVE"


async def test_departments_are_made_moved_merged_split_and_renamed(root):
    mark = secrets.token_hex(3)
    top, other = f"总部 {mark}", f"采购 {mark}"
    await root("departments", "create", top)
    below = (await root("departments", "create", other, "--parent", top, "--json")).json
    assert (await root("departments", "move", other, "-")).out.strip() == "1 department moved."
    renamed, split = await asyncio.gather(
        root("departments", "rename", other, f"战略 {mark}", "--json"),
        root("departments", "split", top, f"行政 {mark}", "--below", "--json"),
    )
    assert (renamed.json["id"], renamed.json["parent_id"]) == (below["id"], "")
    new = split.json["id"]
    assert "0 people, 0 departments" in (await root("departments", "merge", new, top)).out
    listed = (await root("departments", "list", "--json")).json
    assert {each["name"] for each in listed} >= {top, f"战略 {mark}"}
    assert new not in {each["id"] for each in listed}


async def test_groups_by_name_and_by_rule_have_their_members(root, people):
    mark = secrets.token_hex(3)
    ann, bob = people["ann"].profile.handle, people["bob"].profile
    _, ruled = await asyncio.gather(
        root("groups", "create", f"甲 {mark}", ann),
        root("groups", "create", f"乙 {mark}", "--skill", mark, "--json"),
    )
    assert ruled.json["rule"]["skills"] == [mark]
    administrator = people["root"]
    skilled = UpdatePersonRequest(person_id=bob.person_id, skills=[mark], set_skills=True)
    await administrator.call(administrator.directory.UpdatePerson, skilled)
    by_rule, by_name = await asyncio.gather(
        root("groups", "members", f"乙 {mark}", "--json"),
        root("groups", "members", f"甲 {mark}", "--add", bob.handle, "--json"),
    )
    assert [each["handle"] for each in by_rule.json] == [bob.handle]
    assert {each["handle"] for each in by_name.json} == {ann, bob.handle}
    left, shown = await asyncio.gather(
        root("groups", "remove", f"甲 {mark}", bob.handle), root("groups", "show", f"乙 {mark}")
    )
    assert "1 member remains." in left.out
    assert mark in shown.out
    await root("groups", "delete", f"甲 {mark}")
    names = {each["name"] for each in (await root("groups", "list", "--json")).json}
    assert f"乙 {mark}" in names
    assert f"甲 {mark}" not in names


async def test_gw_05_a_guest_comes_until_an_instant_and_sees_no_directory(cli, root, people):
    handle = f"guest-{secrets.token_hex(3)}"
    told = await root(
        *("guests", "create", handle, "访客", "--until", "tomorrow 18:00", "--password-stdin"),
        says="a password of guests\n",
    )
    assert handle in told.out
    await cli.sign_in(handle, "a password of guests", profile=handle)
    listed, _, _ = await asyncio.gather(
        cli("--as", handle, "people", "--json"),
        cli("--as", handle, "people", "show", people["ann"].profile.handle, code=1),
        cli("--as", handle, "departments", "list", code=1),
    )
    assert [(each["handle"], each["kind"]) for each in listed.json] == [(handle, "KIND_GUEST")]


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_10000_people_in_600_departments_come_in_under_two_minutes(root, tmp_path):
    people, departments = write_roster(tmp_path, people=10_000, departments=600)
    asked = ("people", "import", str(people), "--departments", str(departments), "--json")
    began = time.monotonic()
    done = (await root(*asked, seconds=300)).json
    took = time.monotonic() - began
    assert (done["people_created"], done["departments_created"]) == (10_000, 600)
    assert took < 120, f"{took:.0f} s"
