"""An import or a feed grants no more than it holds itself, and still does its job (GW-11)."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from directory.access.domain.refusals import GrantExceedsOwn
from directory.people import operations
from directory.people.domain.groups import Rule
from directory.people.domain.imports import Imported
from directory.people.domain.people import Kind, Person
from directory.people.operations.groups import GroupDraft
from directory.people.operations.people import ImportOutcome
from directory.scim.operations.departments import external_id
from directory.shared.domain.actors import ADMIN, Actor
from plexus.directory.v1.scim_service_pb2 import GetFeedStatusRequest
from plexuskit.errors import InvalidArgument

from ..access_support import department
from ..scim.conftest import ENTERPRISE, PATCH, Feed, user
from ..scopes_support import merge, move, refused

pytestmark = pytest.mark.rule("GW-11")


async def holding(company: Any, handle: str, *permissions: str) -> Person:
    """Make a service account with a role of its own for the tenant."""
    person = await company.hire(handle, kind=Kind.SERVICE_ACCOUNT)
    role = await company.create_role(f"role of {handle}", permissions)
    await company.bind(role.id, f"person:{person.id}", f"tenant:{company.tenant.id}")
    return await company.load(person)


async def admins_department(company: Any) -> str:
    """Make a department whose members are administrators."""
    home = await department(company, "IT")
    await company.bind(ADMIN, f"department:{home.id}#member", f"tenant:{company.tenant.id}")
    return home.id


async def admins_group(company: Any, **draft: Any) -> str:
    group = await operations.create_group(
        company.store,
        actor=company.actor,
        draft=GroupDraft(name="admins", **draft),
        request=None,
        now=company.now,
    )
    await company.bind(ADMIN, f"group:{group.id}#member", f"tenant:{company.tenant.id}")
    return group.id


async def bring(company: Any, actor: Actor, people: Sequence[Imported]) -> ImportOutcome:
    return await operations.import_people(
        company.store, company.hashes, actor=actor, imported=people, now=company.now
    )


def someone(number: int = 1, **fields: Any) -> Imported:
    given = {"external_id": f"hr:{number}", "handle": f"u{number}", "display_name": "U", **fields}
    return Imported(**given)


@pytest.fixture
async def importer(company: Any) -> Actor:
    return company.acting_as(await holding(company, "importer", "people.import"))


@pytest.fixture
async def feed(served: Any, company: Any) -> Feed:
    """A feed whose account holds `people.provision` by a role of the tenant, and no more."""
    feed = Feed(served, company)
    account = await holding(company, "feed", "people.provision")
    feed.caller = served.person(
        account.id, company.tenant.id, "member", scopes=["people.provision"]
    )
    return feed


async def status(served: Any, company: Any) -> list[tuple[str, str, str]]:
    caller = served.person(company.admin.id, company.tenant.id, "admin")
    told = await served.scim.GetFeedStatus(GetFeedStatusRequest(), **caller)
    return [(each.about, each.reason, each.permission) for each in told.status.refused]


# Import


async def test_an_import_puts_nobody_into_a_department_that_holds_more(company, importer):
    home = await admins_department(company)
    below = await department(company, "below", home)
    await bring(company, importer, [someone()])
    for people in (
        [someone(department_ids=(home,))],
        [someone(department_ids=(below.id,))],
        [someone(2, department_ids=(below.id,), password="a long enough one")],
    ):
        await refused(bring(company, importer, people), GrantExceedsOwn)
    assert (await bring(company, company.actor, [someone(2, department_ids=(below.id,))])).created


async def test_an_import_puts_nobody_into_a_group_by_rule_that_holds_more(company, importer):
    await admins_group(company, rule=Rule(titles=("chief",)))
    await refused(bring(company, importer, [someone(title="chief")]), GrantExceedsOwn)
    assert (await bring(company, importer, [someone(title="clerk")])).created == 1
    await refused(bring(company, importer, [someone(title="chief")]), GrantExceedsOwn)


async def test_an_import_leaves_sign_in_and_state_of_those_who_hold_more(company, importer):
    await bring(company, company.actor, [someone(email="a@x.cn"), someone(2)])
    home = await admins_department(company)
    await bring(company, company.actor, [someone(department_ids=(home,))])
    for changed in ({"email": "mine@x.cn"}, {"deactivated": True}):
        await refused(bring(company, importer, [someone(**changed)]), GrantExceedsOwn)
    told = await bring(company, importer, [someone(title="t"), someone(2, deactivated=True)])
    assert told.changed == 2


async def test_a_refused_import_names_the_first_person_whom_it_concerns(company, importer):
    home = await admins_department(company)
    others = [someone(number) for number in range(1, 7)]
    for fault in (
        someone(7, department_ids=(home,), handle="li.na"),
        someone(7, title="chief", handle="li.na"),
    ):
        if fault.title:
            await admins_group(company, rule=Rule(titles=("chief",)))
        for place in (0, 3, 6):
            people = [*others[:place], fault, *others[place:], someone(8, title="chief")]
            people = people if fault.title else people[:-1]
            with pytest.raises(GrantExceedsOwn) as exceeds:
                await bring(company, importer, people)

            told = exceeds.value
            assert (told.reason, told.metadata["person"]) == ("GRANT_EXCEEDS_OWN", "li.na")
            assert told.metadata["external_id"] == "hr:7"
            assert told.metadata["permission"] in told.message()
            assert "li.na" in told.message()


async def test_an_import_turns_no_human_into_a_service_account(company, importer):
    await bring(company, importer, [someone(), someone(2, service_account=True)])
    with pytest.raises(InvalidArgument, match="service_account"):
        await bring(company, company.actor, [someone(service_account=True)])
    told = await bring(company, importer, [someone(2, title="bot")])
    assert told.people[0].kind is Kind.SERVICE_ACCOUNT


# The feed


async def test_a_feed_with_one_permission_does_its_job(feed, company, served):
    made = await feed.hire("ann", department="R&D", password="a long enough one", title="A")
    assert (await feed.ask("GET", "/Users")).body["totalResults"] == 1
    assert (await feed.ask("GET", "/ServiceProviderConfig")).status == 200
    told = await feed.patch(made["id"], {"op": "replace", "path": "title", "value": "B"})
    assert told.status == 200
    told = await feed.ask(
        "POST", "/Groups", {"displayName": "g", "members": [{"value": made["id"]}]}
    )
    assert told.status == 201
    assert (await feed.ask("DELETE", f"/Groups/{told.body['id']}")).status == 204
    assert (await feed.ask("DELETE", f"/Users/{made['id']}")).status == 204
    assert await status(served, company) == []


async def test_a_caller_without_the_permission_is_refused_everywhere(feed, company, served):
    for permissions in (("people.read",), ("people.import",)):
        account = await holding(company, f"a{len(permissions[0])}", *permissions)
        feed.caller = served.person(account.id, company.tenant.id, "member")
        for path in ("/Users", "/Groups", "/Schemas"):
            assert (await feed.ask("GET", path)).status == 403


async def test_a_feed_s_new_people_never_come_into_a_department_that_holds_more(
    feed, company, served
):
    await admins_department(company)
    told = await feed.ask(
        "POST", "/Users", user("eve", department="IT", password="a long enough one")
    )
    assert told.status == 403
    for value in ("IT/below", "/IT"):
        told = await feed.ask("POST", "/Users", user("eve", department=value))
        assert told.error == (400, "invalidValue")
    assert (await feed.ask("GET", "/Users")).body["totalResults"] == 0
    [(about, reason, permission)] = await status(served, company)
    assert (about, reason) == ("eve", "GRANT_EXCEEDS_OWN")
    assert permission != "people.provision"

    # Other changes continue, and a completed change is no longer listed as refused.
    await feed.hire("ann", department="R&D")
    await feed.hire("eve", department="R&D")
    assert await status(served, company) == []


async def test_a_feed_moves_nobody_into_what_holds_more(feed, company, served):
    await admins_department(company)
    await admins_group(company, rule=Rule(titles=("chief",)))
    made = await feed.hire("ann", department="R&D")
    for name, value in ((f"{ENTERPRISE}:department", "IT"), ("title", "chief")):
        told = await feed.patch(made["id"], {"op": "replace", "path": name, "value": value})
        assert told.status == 403
    person = await company.store.people.get(made["id"], tenant_id=company.tenant.id)
    assert (person.title, person.group_ids, person.version) == ("", (), 1)
    assert [about for about, _, _ in await status(served, company)] == [made["id"]]
    told = await feed.ask("POST", "/Users", user("eve", title="chief"))
    assert told.status == 403


async def test_one_who_is_refused_harms_no_other_of_the_same_turn(feed, company):
    await admins_group(company, rule=Rule(titles=("chief",)))
    titles = ["chief" if number == 3 else "clerk" for number in range(8)]
    told = await asyncio.gather(
        *(
            feed.ask("POST", "/Users", user(f"u{number}", title=title))
            for number, title in enumerate(titles)
        )
    )
    assert [each.status for each in told] == [201] * 3 + [403] + [201] * 4


async def test_a_feed_leaves_sign_in_and_state_of_those_who_hold_more(feed, company, served):
    made = await feed.hire("ann", emails=[{"value": "a@x.cn"}])
    person = await company.store.people.get(made["id"], tenant_id=company.tenant.id)
    await company.bind(ADMIN, f"person:{person.id}", f"tenant:{company.tenant.id}")
    for name, value in (
        ("password", "a long enough one"),
        ("active", False),
        ("emails", [{"value": "mine@x.cn"}]),
    ):
        told = await feed.patch(made["id"], {"op": "replace", "path": name, "value": value})
        assert told.status == 403, name
    assert (await feed.ask("DELETE", f"/Users/{made['id']}")).status == 403
    assert await company.load(person) == person
    assert [about for about, _, _ in await status(served, company)] == [person.id]

    await company.dismiss(person)
    told = await feed.patch(made["id"], {"op": "replace", "path": "active", "value": True})
    assert told.status == 403


async def test_a_feed_neither_fills_nor_removes_a_group_that_holds_more(feed, company, served):
    group_id = await admins_group(company)
    made = await feed.hire("ann")
    told = await feed.ask(
        "PATCH",
        f"/Groups/{group_id}",
        {
            "schemas": [PATCH],
            "Operations": [{"op": "add", "path": "members", "value": [{"value": made["id"]}]}],
        },
    )
    assert told.status == 403
    assert (await feed.ask("DELETE", f"/Groups/{group_id}")).status == 403
    assert [about for about, _, _ in await status(served, company)] == [group_id]
    person = await company.store.people.get(made["id"], tenant_id=company.tenant.id)
    assert person.group_ids == ()


async def test_a_value_that_was_a_path_once_keeps_its_department(feed, company):
    made = await feed.hire("ann", department="R&D")
    records = company.store.scim._records
    stored = await records.find_one({"_id": made["id"]})
    resource = stored["resource"].replace('"R&D"', '"R&D/Chips"')
    assert resource != stored["resource"]
    await records.update({"_id": made["id"]}, {"$set": {"resource": resource}})
    before = await company.store.people.get(made["id"], tenant_id=company.tenant.id)
    told = await feed.patch(made["id"], {"op": "replace", "path": "active", "value": False})
    assert told.status == 200, told
    after = await company.store.people.get(made["id"], tenant_id=company.tenant.id)
    assert (after.active, after.department_ids) == (False, before.department_ids)


def test_no_two_paths_share_an_external_id():
    paths = [("a", "b"), ("a/b",), ("a", "b/c"), ("a/b", "c"), ("a", "b", "c"), ("%2F",)]
    paths += [(hashlib.sha256(b"x").hexdigest(),), ("x" * 300,)]
    paths.append((external_id(("x" * 300,)).partition(":")[2],))
    assert len({external_id(path) for path in paths}) == len(paths)


# Others


async def test_merging_lets_nobody_into_a_rule_that_holds_more(company):
    home = await department(company, "home")
    chosen = await department(company, "chosen")
    await company.hire("ann", department_ids=[home.id])
    await admins_group(company, rule=Rule(department_ids=(chosen.id,)))
    account = await holding(company, "hr", "departments.manage")
    hr = replace(company, actor=company.acting_as(account))
    # The rule would name `home` afterwards, with all its members.
    await refused(merge(hr, chosen.id, home.id), GrantExceedsOwn)
    assert await merge(company, chosen.id, home.id)


async def test_nobody_moves_others_into_the_reach_of_their_own_role(company):
    board, mine = await department(company, "board"), await department(company, "mine")
    account = await holding(company, "hr", "departments.manage", "people.manage")
    await company.bind(ADMIN, f"person:{account.id}", f"department:{mine.id}")
    hr = replace(company, actor=company.acting_as(account))
    await refused(move(hr, board.id, mine.id), GrantExceedsOwn)
    await refused(merge(hr, board.id, mine.id), GrantExceedsOwn)
    # Elsewhere, and where they hold as much already, it is allowed.
    other = await department(company, "other")
    assert await move(hr, board.id, other.id)
    below = await department(company, "below", mine.id)
    sub = await department(company, "sub", mine.id)
    assert await move(hr, below.id, sub.id)
