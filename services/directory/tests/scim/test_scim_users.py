"""Users by SCIM: create, show, change and remove, and the resulting people."""

from urllib.parse import quote

import pytest
from directory.accounts.domain.refusals import RefreshRefused
from directory.people import operations
from directory.people.domain.people import Changes

from .conftest import ENTERPRISE, USER, user


async def person_of(company, id_):
    return await company.store.people.get(id_, tenant_id=company.tenant.id)


async def test_int_1_a_new_user_is_a_person_with_a_department_by_its_path(feed, company, facts):
    told = await feed.ask(
        "POST",
        "/Users",
        user(
            "Zhang.Wei@corp.example",
            externalId="42",
            name={"familyName": "张", "givenName": "伟"},
            emails=[
                {"value": "private@home.example", "type": "home"},
                {"value": "zhang.wei@corp.example", "type": "work"},
            ],
            title="采购经理",
            timezone="Asia/Tokyo",
            preferredLanguage="en_US",
            phoneNumbers=[{"value": "+86 10 1", "type": "work"}],
            organization="制造",
            division="采购",
            department="芯片",
        ),
    )
    assert told.status == 201
    assert told.headers["location"] == f"https://plexus.test/scim/v2/Users/{told.body['id']}"
    assert told.headers["etag"] == told.body["meta"]["version"] == 'W/"1"'
    assert told.headers["content-type"] == "application/scim+json; charset=utf-8"
    assert told.body["phoneNumbers"] == [{"value": "+86 10 1", "type": "work"}]

    person = await person_of(company, told.body["id"])
    assert (person.handle, person.display_name) == ("zhang.wei", "张伟")
    assert (person.email, person.title) == ("zhang.wei@corp.example", "采购经理")
    assert (person.time_zone, person.locale) == ("Asia/Tokyo", "en-US")
    assert (person.external_id, person.roles) == ("scim:42", ("member",))
    (department_id,) = person.department_ids
    department = await company.store.departments.get(department_id, tenant_id=company.tenant.id)
    assert (department.name, department.depth) == ("芯片", 3)
    kinds = [fact.type.rpartition(".")[2] for fact in await facts()]
    assert kinds.count("DepartmentAdded") == 3
    assert kinds.count("PersonAdded") == 2


async def test_get_shows_what_was_posted(feed):
    body = user("ann", displayName="Ann", nickName="A", userType="Employee", department="R&D")
    made = await feed.hire("ann", **{k: v for k, v in body.items() if k != "userName"})
    told = await feed.ask("GET", f"/Users/{made['id']}")
    assert told.status == 200
    assert told.body == made
    assert told.body[ENTERPRISE] == {"department": "R&D"}
    assert told.body["schemas"] == [USER, ENTERPRISE]


async def test_put_replaces_and_says_nothing_of_what_it_leaves_out(feed, company):
    made = await feed.hire("ann", title="A", nickName="N", active=False)
    body = user("ann", displayName="Ann B", phoneNumbers=[{"value": "1"}])
    told = await feed.ask("PUT", f"/Users/{made['id']}", body)
    assert told.status == 200
    assert (told.headers["etag"], told.body["displayName"]) == ('W/"2"', "Ann B")
    assert "title" not in told.body
    assert "nickName" not in told.body
    person = await person_of(company, made["id"])
    # A resource without `active` reactivates no one.
    assert (person.display_name, person.title, person.active) == ("Ann B", "", False)

    again = await feed.ask("PUT", f"/Users/{made['id']}", body)
    assert again.headers["etag"] == 'W/"2"'
    back = await feed.ask("PUT", f"/Users/{made['id']}", body | {"active": True})
    assert back.body["active"] is True
    assert (await person_of(company, made["id"])).active


async def test_patch_adds_replaces_and_removes_by_value_path(feed, company):
    made = await feed.hire(
        "ann",
        title="A",
        emails=[{"value": "a@x.cn", "type": "work"}, {"value": "b@x.cn", "type": "home"}],
        department="R&D",
    )
    told = await feed.patch(
        made["id"],
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "c@x.cn"},
        {"op": "remove", "path": 'emails[type eq "home"]'},
        {"op": "add", "value": {"nickName": "N", f"{ENTERPRISE}:costCenter": "7"}},
        {"op": "remove", "path": "title"},
        {"op": "add", "path": f"{ENTERPRISE}:division", "value": "Sales"},
        {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "EU"},
    )
    assert told.status == 200, told
    assert told.body["emails"] == [{"value": "c@x.cn", "type": "work"}]
    assert told.body[ENTERPRISE] == {
        "costCenter": "7",
        "department": "EU",
        "division": "Sales",
    }
    assert told.body["nickName"] == "N"
    person = await person_of(company, made["id"])
    assert (person.email, person.title, person.version) == ("c@x.cn", "", 2)
    (department_id,) = person.department_ids
    department = await company.store.departments.get(department_id, tenant_id=company.tenant.id)
    assert (department.name, department.depth) == ("EU", 2)

    # All or nothing, and a change without effect makes no version.
    failed = await feed.patch(
        made["id"],
        {"op": "replace", "path": "title", "value": "B"},
        {"op": "replace", "path": "id", "value": "per_other"},
    )
    assert failed.error == (400, "mutability")
    same = await feed.patch(made["id"], {"op": "replace", "path": "nickName", "value": "N"})
    assert same.headers["etag"] == told.headers["etag"]
    assert (await person_of(company, made["id"])).version == 2


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "path": "emails[", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "no name", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "active", "value": "maybe"}, "invalidValue"),
        ({"op": "swap", "path": "title", "value": "x"}, "invalidValue"),
        ({"op": "remove", "path": "userName"}, "mutability"),
        ({"op": "replace", "path": "displayName", "value": "x" * 101}, "invalidValue"),
    ],
)
async def test_a_patch_that_cannot_be_is_refused_by_name(feed, operation, scim_type):
    made = await feed.hire("ann")
    told = await feed.patch(made["id"], operation)
    assert told.error == (400, scim_type)
    assert (await feed.ask("GET", f"/Users/{made['id']}")).body == made


async def test_entity_tags_guard_changes_and_spare_answers(feed):
    made = await feed.hire("ann")
    path, etag = f"/Users/{made['id']}", made["meta"]["version"]
    unchanged = await feed.ask("GET", path, if_none_match=f'W/"9", {etag}')
    assert (unchanged.status, unchanged.body) == (304, None)
    operation = {"op": "replace", "path": "title", "value": "B"}
    assert (await feed.patch(made["id"], operation, if_match='W/"9"')).status == 412
    told = await feed.patch(made["id"], operation, if_match=etag)
    assert (told.status, told.headers["etag"]) == (200, 'W/"2"')
    assert (await feed.ask("GET", path, if_none_match=etag)).status == 200
    assert (await feed.ask("PUT", path, user("ann"), if_match=etag)).status == 412
    assert (await feed.ask("DELETE", path, if_match=etag)).status == 412
    assert (await feed.ask("DELETE", path, if_match="*")).status == 204


async def test_delete_deactivates_hides_and_the_same_name_comes_back_as_the_same_person(
    feed, company
):
    made = await feed.hire("ann@x.cn", externalId="7", password="a long password")
    tokens = await company.sign_in("ann", "a long password")
    path = f"/Users/{made['id']}"
    assert (await feed.ask("DELETE", path)).status == 204
    for told in (
        await feed.ask("GET", path),
        await feed.ask("DELETE", path),
        await feed.ask("PUT", path, user("ann@x.cn")),
        await feed.ask("GET", "/Users/per_unknown"),
        await feed.ask("GET", "/Users/%00"),
    ):
        assert (told.status, told.body["status"]) == (404, "404")
    listed = await feed.ask("GET", "/Users", query="filter=userName%20eq%20%22ann@x.cn%22")
    assert listed.body["totalResults"] == 0
    assert not (await person_of(company, made["id"])).active

    back = await feed.ask("POST", "/Users", user("ANN@x.cn", externalId="7", title="B"))
    assert (back.status, back.body["id"]) == (201, made["id"])
    person = await person_of(company, made["id"])
    assert (person.active, person.handle, person.title) == (True, "ann", "B")
    with pytest.raises(RefreshRefused):
        await company.refresh(tokens.refresh_token)


async def test_names_are_unique_whatever_their_case_and_handles_are_numbered(feed, company):
    first = await feed.hire("Ann@x.cn", externalId="1")
    for taken in (user("ann@X.cn"), user("other", externalId="1")):
        assert (await feed.ask("POST", "/Users", taken)).error == (409, "uniqueness")
    second = await feed.hire("ann@y.cn")
    told = await feed.patch(
        second["id"], {"op": "replace", "path": "userName", "value": "ANN@x.cn"}
    )
    assert told.error == (409, "uniqueness")
    handles = [(await person_of(company, each["id"])).handle for each in (first, second)]
    assert handles == ["ann", "ann-2"]


async def test_who_is_here_already_is_taken_over_and_nobody_else(feed, company):
    here = await company.hire("bob", email="bob@x.cn", roles=("admin",))
    stranger = await company.hire("cem", email="cem@elsewhere.cn")
    assert (await feed.hire("Bob@x.cn", title="B"))["id"] == here.id
    assert (await feed.hire("cem@x.cn"))["id"] != stranger.id
    # A feed gives and takes no role of Plexus.
    assert (await person_of(company, here.id)).roles == ("admin",)
    assert (await feed.hire("root"))["id"] != company.admin.id


async def test_what_changes_here_is_seen_by_the_feed_and_found_by_its_filters(feed, company):
    made = await feed.hire("ann", title="A", department="R&D", emails=[{"value": "a@x.cn"}])
    await operations.update_person(
        company.store,
        actor=company.actor,
        person_id=made["id"],
        changes=Changes(title="新职位", email="n@x.cn"),
        expected_version=0,
        request=None,
        now=company.now,
    )
    asked = quote('title eq "新职位" and emails.value eq "N@x.cn"')
    told = await feed.ask("GET", "/Users", query=f"filter={asked}")
    (shown,) = told.body["Resources"]
    assert (shown["id"], shown["title"], shown["emails"]) == (
        made["id"],
        "新职位",
        [{"value": "n@x.cn", "primary": True}],
    )
    assert shown["meta"]["version"] != made["meta"]["version"]

    await operations.deactivate_person(
        company.store, actor=company.actor, person_id=made["id"], request=None, now=company.now
    )
    told = await feed.patch(made["id"], {"op": "replace", "path": "title", "value": "C"})
    # The feed sent the title only: a person deactivated here stays so.
    assert (told.body["active"], told.body["title"]) == (False, "C")
    assert not (await person_of(company, made["id"])).active


async def test_discovery_says_what_is_served(feed):
    config = (await feed.ask("GET", "/ServiceProviderConfig")).body
    assert config["patch"] == config["sort"] == config["etag"] == {"supported": True}
    assert config["bulk"]["supported"] is False
    types = (await feed.ask("GET", "/ResourceTypes")).body["Resources"]
    assert types[0]["meta"]["location"] == "https://plexus.test/scim/v2/ResourceTypes/User"
    schema = await feed.ask("GET", f"/Schemas/{ENTERPRISE}")
    assert "costCenter" in {each["name"] for each in schema.body["attributes"]}
    assert (await feed.ask("POST", "/Schemas", {})).status == 405
    assert (await feed.ask("GET", "/Schemas", query="filter=a%20pr")).status == 403
    assert (await feed.ask("POST", "/Bulk", {})).status == 501
    assert (await feed.ask("GET", "/Nothing")).status == 404


async def test_gw_01_only_who_may_provision_is_answered(feed, served, company):
    feed.caller = served.person(company.admin.id, company.tenant.id, "member")
    for method, path in (("GET", "/Users"), ("POST", "/Users"), ("DELETE", "/Users/x")):
        told = await feed.ask(method, path, user("ann") if method == "POST" else None)
        assert (told.status, told.body["schemas"]) == (
            403,
            ["urn:ietf:params:scim:api:messages:2.0:Error"],
        )
