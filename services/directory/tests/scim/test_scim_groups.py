"""Groups by SCIM, and the enterprise extension of people."""

import asyncio
from urllib.parse import quote

from directory.people import operations
from directory.people.domain.groups import Rule
from directory.people.operations import GroupDraft

from .conftest import BASE, ENTERPRISE, PATCH

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def group(name, *members, **more):
    return {
        "schemas": [GROUP],
        "displayName": name,
        "members": [{"value": id_} for id_ in members],
    } | more


def ids(body):
    return {member["value"] for member in body.get("members", [])}


async def patched(feed, id_, *steps, **headers):
    body = {"schemas": [PATCH], "Operations": list(steps)}
    return await feed.ask("PATCH", f"/Groups/{id_}", body, **headers)


async def test_groups_are_made_shown_changed_and_removed(feed, facts):
    ann, bob, cem = [(await feed.hire(name))["id"] for name in ("ann", "bob", "cem")]
    told = await feed.ask("POST", "/Groups", group("采购", ann, bob, externalId="g1"))
    assert told.status == 201
    made = told.body
    assert made["members"][0] == {
        "value": ann,
        "$ref": f"{BASE}/Users/{ann}",
        "type": "User",
    }
    path = f"/Groups/{made['id']}"
    assert told.headers["location"] == BASE + path
    assert (await feed.ask("GET", path)).body == made
    assert (await feed.ask("GET", path, if_none_match=told.headers["etag"])).status == 304
    shown = (await feed.ask("GET", f"/Users/{ann}")).body
    assert shown["groups"] == [
        {
            "value": made["id"],
            "$ref": BASE + path,
            "display": "采购",
            "type": "direct",
        }
    ]

    told = await patched(
        feed,
        made["id"],
        {"op": "add", "path": "members", "value": [{"value": cem}]},
        {"op": "remove", "path": f'members[value eq "{ann}"]'},
        {"op": "replace", "path": "displayName", "value": "采购部"},
        if_match=made["meta"]["version"],
    )
    assert told.status == 200, told
    assert (ids(told.body), told.body["displayName"]) == ({bob, cem}, "采购部")
    same = await patched(
        feed, made["id"], {"op": "add", "path": "members", "value": [{"value": bob}]}
    )
    assert same.headers["etag"] == told.headers["etag"]
    stale = await patched(feed, made["id"], {"op": "remove", "path": "members"}, if_match='W/"1"')
    assert stale.status == 412
    told = await feed.ask("PUT", path, group("采购部", ann, externalId="g2"))
    assert (ids(told.body), told.body["externalId"]) == ({ann}, "g2")

    # A person who leaves the company leaves its groups.
    await feed.ask("DELETE", f"/Users/{ann}")
    assert ids((await feed.ask("GET", path)).body) == set()
    assert (await feed.ask("DELETE", path)).status == 204
    assert (await feed.ask("GET", path)).status == 404
    assert (await feed.ask("DELETE", path)).status == 404
    kinds = [fact.type.rpartition(".")[2] for fact in await facts()]
    assert kinds.count("GroupChanged") == 5


async def test_groups_that_cannot_be_are_refused_by_name(feed, company):
    ann = (await feed.hire("ann"))["id"]
    off = (await feed.hire("off", active=False))["id"]
    first = (await feed.ask("POST", "/Groups", group("a", ann, externalId="1"))).body
    for body, error in (
        (group("A"), (409, "uniqueness")),
        (group("b", externalId="1"), (409, "uniqueness")),
        (group("b", "per_unknown"), (400, "invalidValue")),
        (group("b", off), (409, None)),
        (group(""), (400, "invalidValue")),
        (
            group("b") | {"members": [{"value": first["id"], "type": "Group"}]},
            (400, "invalidValue"),
        ),
        (group("b") | {"members": [{"type": "User"}]}, (400, "invalidValue")),
        ({"schemas": [GROUP]}, (400, "invalidValue")),
    ):
        assert (await feed.ask("POST", "/Groups", body)).error == error, body
    ruled = await operations.create_group(
        company.store,
        actor=company.actor,
        draft=GroupDraft(name="engineers", rule=Rule(titles=("Engineer",))),
        request=None,
        now=company.now,
    )
    told = await patched(
        feed, ruled.id, {"op": "add", "path": "members", "value": [{"value": ann}]}
    )
    assert told.error == (400, "mutability")
    # Its members follow the feed's attributes of people.
    await feed.patch(ann, {"op": "add", "path": "title", "value": "Engineer"})
    assert ids((await feed.ask("GET", f"/Groups/{ruled.id}")).body) == {ann}


async def test_groups_are_found_by_filters_and_paged(feed):
    ann, bob = [(await feed.hire(name))["id"] for name in ("ann", "bob")]
    for name, members in (("x", [ann]), ("y", [ann, bob]), ("z", [])):
        await feed.ask("POST", "/Groups", group(name, *members, externalId=name * 2))

    async def found(text, more=""):
        told = await feed.ask("GET", "/Groups", query=f"filter={quote(text)}{more}")
        assert told.status == 200, told
        return [each["displayName"] for each in told.body["Resources"]]

    assert await found(f'members.value eq "{bob}"') == ["y"]
    assert await found('displayName eq "X" or externalId eq "zz"', "&sortBy=displayName") == [
        "x",
        "z",
    ]
    assert await found("not (members pr)") == ["z"]
    told = await feed.ask(
        "GET", "/Groups", query="excludedAttributes=members&sortBy=displayName&count=2&startIndex=2"
    )
    assert [each["displayName"] for each in told.body["Resources"]] == ["y", "z"]
    assert told.body["totalResults"] == 3
    assert all("members" not in each for each in told.body["Resources"])
    assert (await feed.ask("GET", "/Groups", query="filter=nothing%20pr")).status == 400


async def test_int_1_manager_number_and_cost_centre_come_from_the_feed(feed, company):
    boss = await feed.hire("boss")
    ann = await feed.hire(
        "ann",
        **{
            ENTERPRISE: {
                "employeeNumber": "7",
                "costCenter": "C1",
                "manager": {"value": boss["id"]},
            }
        },
    )
    person = await company.store.people.get(ann["id"], tenant_id=company.tenant.id)
    assert (person.employee_number, person.cost_center) == ("7", "C1")
    assert person.manager_id == boss["id"]
    for said, error in (
        ({"employeeNumber": "7"}, (409, "uniqueness")),
        ({"manager": {"value": "per_unknown"}}, (400, "invalidValue")),
    ):
        told = await feed.ask(
            "POST", "/Users", {"schemas": [], "userName": "bob", ENTERPRISE: said}
        )
        assert told.error == error, told
    circle = {"op": "add", "path": f"{ENTERPRISE}:manager", "value": {"value": ann["id"]}}
    assert (await feed.patch(boss["id"], circle)).status == 409
    asked = quote(
        f'{ENTERPRISE}:manager.value eq "{boss["id"]}" and {ENTERPRISE}:employeeNumber pr'
    )
    told = await feed.ask("GET", "/Users", query=f"filter={asked}")
    assert [each["id"] for each in told.body["Resources"]] == [ann["id"]]


async def test_int_1_a_department_that_was_merged_here_is_followed(feed, company):
    made = await feed.hire("ann", department="A")
    into = await feed.hire("bob", department="B")
    people = [
        await company.store.people.get(each["id"], tenant_id=company.tenant.id)
        for each in (made, into)
    ]
    (first,), (second,) = (person.department_ids for person in people)
    await operations.merge_department(
        company.store,
        actor=company.actor,
        department_id=first,
        into_id=second,
        request=None,
        now=company.now,
    )
    newcomer = await feed.hire("cem", department="A")
    person = await company.store.people.get(newcomer["id"], tenant_id=company.tenant.id)
    assert person.department_ids == (second,)


async def test_requests_at_once_share_turns_and_one_that_is_refused_harms_no_other(
    feed, company, facts
):
    async def post(number):
        of = {"division": "A", "department": "B"}
        name = "taken" if number % 5 == 0 else f"p{number}"
        return await feed.ask("POST", "/Users", {"schemas": [], "userName": name, ENTERPRISE: of})

    told = await asyncio.gather(*(post(number) for number in range(20)))
    assert sorted(each.status for each in told) == [201] * 17 + [409] * 3
    assert await company.store.people.count_humans(tenant_id=company.tenant.id) == 17
    assert await company.store.departments.count(tenant_id=company.tenant.id) == 2
    kinds = [fact.type.rpartition(".")[2] for fact in await facts()]
    assert (kinds.count("PersonAdded"), kinds.count("DepartmentAdded")) == (18, 2)
