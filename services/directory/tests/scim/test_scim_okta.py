"""Okta as a feed: the requests of its SCIM 2.0 reference, and of its specification test.

Okta changes users of new catalogue integrations by PATCH and those of its wizard by PUT; both are
here. People and values are invented.
"""

from urllib.parse import quote, urlencode

from .conftest import ENTERPRISE, PATCH, USER

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
CUSTOM = "urn:okta:plexus_1:1.0:user:custom"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
USER_NAME = "rosa.keller@northwind.example"


def new_user(user_name=USER_NAME, **more):
    """Return a user as Okta creates it: with a generated password, whatever the sign-in method."""
    return {
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": "Rosa", "familyName": "Keller"},
        "emails": [{"primary": True, "value": user_name, "type": "work"}],
        "displayName": "Rosa Keller",
        "locale": "de-CH",
        "externalId": "00u4kf7d2v",
        "groups": [],
        "password": "7qx04vhn",
        "active": True,
    } | more


async def created(feed, user_name=USER_NAME, **more):
    told = await feed.ask("POST", "/Users", new_user(user_name, **more))
    assert told.status == 201, told
    return told.body


async def patched(feed, path, *operations):
    return await feed.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})


async def found(feed, kind, **parameters):
    told = await feed.ask("GET", f"/{kind}", query=urlencode(parameters, quote_via=quote))
    assert (told.status, told.body["schemas"]) == (200, [LIST])
    assert all(
        type(told.body[name]) is int for name in ("totalResults", "startIndex", "itemsPerPage")
    )
    return told.body


async def test_a_user_is_looked_up_created_and_found(feed):
    asked = {"filter": f'userName eq "{USER_NAME}"', "startIndex": 1, "count": 100}
    assert (await found(feed, "Users", **asked))["Resources"] == []
    made = await created(feed)
    assert "password" not in made
    assert (made["schemas"], made["userName"]) == ([USER], USER_NAME)
    assert (made["name"], made["active"]) == ({"givenName": "Rosa", "familyName": "Keller"}, True)
    page = await found(feed, "Users", **asked)
    assert (page["totalResults"], page["Resources"][0]["id"]) == (1, made["id"])
    in_capitals = f'userName eq "{USER_NAME.upper()}"'
    assert (await found(feed, "Users", filter=in_capitals))["totalResults"] == 1
    again = await feed.ask("POST", "/Users", new_user())
    assert (again.error, again.body["schemas"]) == ((409, "uniqueness"), [ERROR])


async def test_users_are_imported_page_by_page_in_the_same_order(feed):
    for number in range(3):
        await created(feed, f"p{number}@northwind.example", externalId=str(number))
    pages = [await found(feed, "Users", startIndex=each, count=2) for each in (1, 3)]
    assert [page["totalResults"] for page in pages] == [3, 3]
    ids = [each["id"] for page in pages for each in page["Resources"]]
    assert len(ids) == len(set(ids)) == 3
    assert (await found(feed, "Groups", startIndex=1, count=100))["Resources"] == []


async def test_what_was_read_is_put_back_with_one_change(feed, company):
    made = await created(feed)
    read = (await feed.ask("GET", f"/Users/{made['id']}")).body
    changed = read | {
        "name": read["name"] | {"middleName": "Anna"},
        "emails": [each | {"display": USER_NAME} for each in read["emails"]],
        "groups": [],
    }
    told = await feed.ask("PUT", f"/Users/{made['id']}", changed)
    assert told.status == 200, told
    assert told.body["name"]["middleName"] == "Anna"
    assert told.body["emails"][0]["display"] == USER_NAME
    told = await feed.ask("PUT", f"/Users/{made['id']}", changed | {"active": False})
    assert (told.status, told.body["active"]) == (200, False)
    person = await company.store.people.get(made["id"], tenant_id=company.tenant.id)
    assert not person.active


async def test_a_user_is_deactivated_activated_and_given_a_password_by_patch(feed):
    made = await created(feed)
    path = f"/Users/{made['id']}"
    for active in (False, True, False):
        told = await patched(feed, path, {"op": "replace", "value": {"active": active}})
        assert (told.status, told.body["active"]) == (200, active)
    told = await patched(
        feed, path, {"op": "replace", "value": {"id": made["id"], "password": "tarn-oboe-91-fig"}}
    )
    assert (told.status, "password" in told.body) == (200, False)
    other = await patched(feed, path, {"op": "replace", "value": {"id": "per_other"}})
    assert other.error == (400, "mutability")


async def test_a_manager_comes_with_a_display_name_and_custom_attributes_are_left_out(feed):
    boss = await created(feed, "boss@northwind.example", externalId="boss")
    made = await created(
        feed,
        schemas=[USER, ENTERPRISE, CUSTOM],
        **{
            ENTERPRISE: {
                "department": "Audit",
                "manager": {"value": boss["id"], "displayName": "The boss"},
            },
            CUSTOM: {"shirtSize": "M"},
            "favouriteColour": "red",
        },
    )
    assert made[ENTERPRISE]["manager"] == {"value": boss["id"]}
    assert (CUSTOM in made, "favouriteColour" in made) == (False, False)
    assert made["schemas"] == [USER, ENTERPRISE]
    told = await patched(
        feed,
        f"/Users/{made['id']}",
        {
            "op": "replace",
            "value": {
                "favouriteColour": "blue",
                "title": "Auditor",
                f"{CUSTOM}:shirtSize": "L",
                ENTERPRISE: {"manager": {"value": boss["id"], "displayName": "Boss"}},
            },
        },
    )
    assert (told.status, told.body["title"]) == (200, "Auditor")


async def test_a_group_is_pushed_renamed_filled_replaced_and_removed(feed):
    rosa = (await created(feed))["id"]
    emil = (await created(feed, "emil@northwind.example", externalId="emil"))["id"]
    told = await feed.ask(
        "POST", "/Groups", {"schemas": [GROUP], "displayName": "Audit", "members": []}
    )
    assert told.status == 201
    path, id_ = f"/Groups/{told.body['id']}", told.body["id"]
    told = await patched(
        feed, path, {"op": "replace", "value": {"id": id_, "displayName": "Audit EU"}}
    )
    assert (told.status, told.body["displayName"]) == (200, "Audit EU")

    def member(person_id):
        return {"value": person_id, "display": "somebody@northwind.example"}

    told = await patched(
        feed,
        path,
        {"op": "remove", "path": f'members[value eq "{emil}"]'},
        {"op": "add", "path": "members", "value": [member(rosa)]},
    )
    assert (told.status, [each["value"] for each in told.body["members"]]) == (200, [rosa])
    told = await patched(
        feed, path, {"op": "replace", "path": "members", "value": [member(rosa), member(emil)]}
    )
    assert {each["value"] for each in told.body["members"]} == {rosa, emil}
    told = await patched(feed, path, {"op": "replace", "value": {"members": [member(emil)]}})
    assert [each["value"] for each in told.body["members"]] == [emil]
    body = {"schemas": [GROUP], "id": id_, "displayName": "Audit", "members": [member(rosa)]}
    told = await feed.ask("PUT", path, body)
    assert (told.body["displayName"], told.body["members"][0]["value"]) == ("Audit", rosa)
    (only,) = (await found(feed, "Groups", filter='displayName eq "Audit"'))["Resources"]
    assert only["id"] == id_
    assert (await feed.ask("DELETE", path)).status == 204


async def test_a_group_is_created_with_labelled_members(feed):
    rosa = (await created(feed))["id"]
    body = {
        "schemas": [GROUP],
        "displayName": "Audit",
        "members": [{"value": rosa, "display": USER_NAME}],
    }
    told = await feed.ask("POST", "/Groups", body)
    assert told.status == 201, told
    assert [each["value"] for each in told.body["members"]] == [rosa]


async def test_the_specification_test_passes(feed):
    made = await created(feed)
    page = await found(feed, "Users", count=1, startIndex=1)
    (first,) = page["Resources"]
    assert first["name"].keys() >= {"familyName", "givenName"}
    assert (first["active"], first["emails"][0]["value"]) == (True, USER_NAME)
    absent = await found(feed, "Users", filter='userName eq "nobody@northwind.example"')
    assert absent["totalResults"] == 0
    told = await feed.ask("GET", "/Users/00919288221112222")
    assert (told.status, told.body["schemas"], told.body["status"]) == (404, [ERROR], "404")
    assert told.body["detail"]
    json = {"content_type": "application/json", "accept": "application/scim+json; charset=utf-8"}
    told = await feed.ask(
        "POST", "/Users", new_user("json@northwind.example", externalId="2"), **json
    )
    assert told.status == 201
    assert (await feed.ask("GET", f"/Users/{made['id']}")).body["userName"] == USER_NAME
