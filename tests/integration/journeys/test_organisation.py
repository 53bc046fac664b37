"""The organisation as an administrator keeps it by the command, through every process."""

import secrets
import time

import pytest
from plexus_cli.sample.roster import write_roster
from plexuskit.testing.wait import eventually


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


async def test_people_are_shown_added_changed_and_let_go(root):
    handle = f"li-{secrets.token_hex(3)}"
    made = (
        await root(
            *("people", "add", handle, "李雷", "--title", "采购经理", "--skill", "Kafka"),
            *("--manager", "root", "--json"),
        )
    ).json
    assert made["skills"] == ["Kafka"]
    await root("people", "update", handle, "--cost-center", "4711", "--manager", "-")
    shown = (await root("people", "show", handle)).out
    assert "采购经理" in shown
    assert "4711" in shown
    away = (await root("people", "absence", handle, "--until", "2036-01-01 9:00", code=1)).err
    assert "two years" in away
    away = (await root("people", "absence", handle, "--until", "tomorrow 9:00", "--json")).json
    assert away["absence"]["ends_at"]
    assert (await root("people", "absence", handle, "--json")).json["absence"] is None
    off = (await root("people", "deactivate", handle, "--json")).json
    assert off["state"] == "STATE_DEACTIVATED"
    assert (await root("people", "reactivate", handle, "--json")).json["state"] == "STATE_ACTIVE"
    assert [each["handle"] for each in (await root("people", handle, "--json")).json] == [handle]


async def test_departments_are_made_moved_merged_split_and_renamed(root):
    mark = secrets.token_hex(3)
    top, other = f"总部 {mark}", f"采购 {mark}"
    await root("departments", "add", top)
    below = (await root("departments", "add", other, "--under", top, "--json")).json
    assert (await root("departments", "move", other, "-")).out.strip() == "1 departments moved."
    renamed = (await root("departments", "rename", other, f"战略 {mark}", "--json")).json
    assert (renamed["id"], renamed["parent_id"]) == (below["id"], "")
    new = (await root("departments", "split", top, f"行政 {mark}", "--below", "--json")).json
    assert len(new["path"]) == 2
    assert "0 people, 0 departments" in (await root("departments", "merge", new["id"], top)).out
    listed = (await root("departments", "list", "--json")).json
    assert {each["name"] for each in listed} >= {top, f"战略 {mark}"}
    assert new["id"] not in {each["id"] for each in listed}


async def test_groups_by_name_and_by_rule_have_their_members(root, people):
    mark = secrets.token_hex(3)
    await root("groups", "add", f"甲 {mark}", people["ann"].profile.handle)
    ruled = await root("groups", "add", f"乙 {mark}", "--skill", mark, "--json")
    assert ruled.json["rule"]["skills"] == [mark]
    bob = people["bob"].profile.handle
    await root("people", "update", bob, "--skill", mark)
    members = await root("groups", "members", f"乙 {mark}", "--json")
    assert [each["handle"] for each in members.json] == [bob]
    named = await root("groups", "members", f"甲 {mark}", "--add", bob, "--json")
    assert len(named.json) == 2
    assert "1 members remain." in (await root("groups", "remove", f"甲 {mark}", bob)).out
    assert mark in (await root("groups", "show", f"乙 {mark}")).out
    await root("groups", "remove", f"甲 {mark}")
    left = {each["name"] for each in (await root("groups", "list", "--json")).json}
    assert f"甲 {mark}" not in left
    assert f"乙 {mark}" in left


async def test_gw_05_a_guest_comes_until_an_instant_and_sees_no_directory(cli, root, people):
    handle = f"guest-{secrets.token_hex(3)}"
    told = await root(
        *("guests", "add", handle, "访客", "--until", "tomorrow 18:00", "--password-stdin"),
        says="a password of guests\n",
    )
    assert handle in told.out
    await cli.sign_in(handle, "a password of guests", profile=handle)

    async def seen_by_guest():
        # The gateway hears of people over Kafka; until then it asks the owner.
        listed = (await cli("--as", handle, "people", "--json")).json
        return [each["handle"] for each in listed]

    assert await eventually(seen_by_guest, within=20) == [handle]
    await cli("--as", handle, "people", "show", people["ann"].profile.handle, code=1)
    await cli("--as", handle, "departments", "list", code=1)
    marked = (await root("people", handle, "--json")).json
    assert [each["kind"] for each in marked] == ["KIND_GUEST"]


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
