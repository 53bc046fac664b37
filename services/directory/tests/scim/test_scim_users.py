"""Users by SCIM: what is made, shown, changed and removed, and what people become of it."""

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
            department="制造/采购/芯片",
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
