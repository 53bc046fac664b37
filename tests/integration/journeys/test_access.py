"""Roles and policies that an administrator manages with the command, in every process (GW-3)."""

import asyncio
import secrets

import pytest
from plexus_testkit.wait import eventually


@pytest.fixture
def mark() -> str:
    return secrets.token_hex(3)


@pytest.fixture
def root(cli):
    """Run a command as the administrator."""

    async def run(*arguments: str, **options):
        return await cli("--as", "root", *arguments, **options)

    return run


@pytest.fixture
async def lead(cli, platform, mark):
    """Run a command as a person without any administrative role; `lead.handle` is their handle."""
    name = f"lead{mark}"
    handles = await platform.new_people(name)
    await cli.sign_in(handles[name], profile=name)

    async def run(*arguments: str, **options):
        return await cli("--as", name, *arguments, **options)

    run.handle = handles[name]
    return run


async def test_gw_3_a_department_is_given_to_somebody_and_taken_back(root, lead, handles, mark):
    north, south = f"north {mark}", f"south {mark}"
    await asyncio.gather(*(root("departments", "create", name) for name in (north, south)))
    permissions = ("people.manage", "roles.bind", "roles.read")
    asked = [word for permission in permissions for word in ("--permission", permission)]
    role = (await root("roles", "create", f"HR {mark}", *asked, "--json")).json
    assert role["permissions"] == sorted(permissions)
    bound = (
        await root("roles", "bind", f"HR {mark}", lead.handle, "--scope", f"department:{north}")
    ).out.strip()
    rows = (await root("roles", "bindings", "--of", lead.handle)).out
    assert all(word in rows for word in (bound, f"HR {mark}", lead.handle, f"department:{north}"))

    hired = f"li-{mark}"
    adding = ("people", "create", hired, "李雷", "--department", north)
    # The gateway receives the binding as a fact.
    await eventually(lambda: lead(*adding, "--json"), within=30)
    elsewhere, stranger, larger, seen = await asyncio.gather(
        lead("people", "create", f"x-{mark}", "某人", "--department", south, code=1),
        lead("people", "update", handles["ann"], "--title", "x", code=1),
        lead("roles", "bind", "admin", hired, "--scope", f"department:{north}", code=1),
        lead("roles", "bindings", "--json"),
    )
    assert "DEPARTMENT_NOT_FOUND" in elsewhere.err
    assert "PERSON_NOT_FOUND" in stranger.err
    assert "GRANT_EXCEEDS_OWN" in larger.err
    assert [binding["id"] for binding in seen.json] == [bound]

    await root("roles", "update", f"HR {mark}", "--permission", "roles.read")
    await root("roles", "delete", f"HR {mark}")
    assert (await root("roles", "bindings", "--of", lead.handle, "--json")).json == []
    denied = await lead("people", "update", hired, "--title", "x", code=1)
    assert "PERMISSION_MISSING" in denied.err


async def test_gw_3_a_policy_is_put_listed_and_taken_away(root, tmp_path, mark):
    name, file = f"nobody {mark}", tmp_path / "policy.cedar"
    file.write_text(
        f'forbid(principal, action, resource)\nwhen {{ principal.title == "{mark}" }};\n',
        encoding="utf-8",
    )
    put = (await root("policies", "create", name, str(file), "--json")).json
    assert (put["version"], put["enabled"]) == (1, True)
    off = await root("policies", "create", name, "-", "--no-enabled", says=file.read_text())
    assert "version 2" in off.out
    listed = (await root("policies", "list", "--json")).json
    assert [each["enabled"] for each in listed if each["name"] == name] == [False]
    broken = await root("policies", "create", name, "-", says="\nforbid(principal;\n", code=1)
    assert "POLICY_INVALID" in broken.err
    assert "Line 2" in broken.err
    await root("policies", "delete", name)
    assert "POLICY_NOT_FOUND" in (await root("policies", "delete", name, code=1)).err


async def test_a_module_is_switched_but_for_a_department(root, mark):
    pilot = f"pilot {mark}"
    made = (await root("departments", "create", pilot, "--json")).json
    assert (
        "Except for 1 department." in (await root("modules", "on", "notify", "--except", pilot)).out
    )
    listed = (await root("modules", "list", "--json")).json
    [notify] = [module for module in listed["modules"] if module["name"] == "notify"]
    assert (notify["enabled"], notify["except_department_ids"]) == (True, [made["id"]])
    assert listed["on"] == ["messaging", "notify", "search", "tasks"]
    assert pilot in (await root("modules", "list")).out
    assert (await root("modules", "on", "notify")).out.strip() == "notify is on."
