"""Microsoft Entra ID as a feed: the requests that its documentation shows, and its validator's.

Written after Microsoft's "Develop a SCIM endpoint", its list of known SCIM issues and the public
reports on its SCIM validator; people and values are invented.
"""

from urllib.parse import quote, urlencode

import pytest

from .conftest import ENTERPRISE, PATCH, USER

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTRA_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
OBJECT_ID = "5b0d2f0e-7f0c-4f62-9b8a-0c8c0d3c7f11"
DISABLED = [
    {"op": "Replace", "path": "active", "value": "False"},
    {"op": "Replace", "path": "active", "value": [{"$ref": None, "value": "False"}]},
    {"op": "replace", "path": "active", "value": False},
    {"op": "Add", "path": "active", "value": "False"},
]


def new_user(user_name="linh.tran@contoso.example", **more):
    """A user as Entra creates it with the default mappings."""
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": OBJECT_ID,
        "userName": user_name,
        "active": True,
        "displayName": "Linh Tran",
        "emails": [{"primary": True, "type": "work", "value": user_name}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Linh Tran", "familyName": "Tran", "givenName": "Linh"},
        "title": "Buyer",
        "preferredLanguage": "en-GB",
        "addresses": [
            {
                "type": "work",
                "primary": False,
                "formatted": None,
                "streetAddress": "1 Quay Road",
                "locality": "Bristol",
                "region": None,
                "postalCode": None,
                "country": "GB",
            }
        ],
        "phoneNumbers": [{"type": "mobile", "value": "+44 117 496 0000"}],
        "roles": [],
        ENTERPRISE: {"employeeNumber": user_name[:12], "department": "Purchasing", "manager": None},
    } | more


async def created(feed, user_name="linh.tran@contoso.example", **more):
    told = await feed.ask("POST", "/Users", new_user(user_name, **more))
    assert told.status == 201, told
    return told.body


async def patched(feed, path, *operations):
    return await feed.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})


async def matching(feed, kind, expression, **parameters):
    query = urlencode({**parameters, "filter": expression}, quote_via=quote)
    told = await feed.ask("GET", f"/{kind}", query=query)
    assert (told.status, told.body["schemas"]) == (200, [LIST])
    assert told.body["totalResults"] == len(told.body["Resources"])
    return told.body["Resources"]


async def person_of(company, id_):
    return await company.store.people.get(id_, tenant_id=company.tenant.id)


async def test_the_connection_is_tested_by_asking_for_a_user_that_cannot_be(feed):
    assert await matching(feed, "Users", f'userName eq "{OBJECT_ID}"') == []
    told = await feed.ask("GET", "/Users/5171a35d82074e068ce2")
    assert told.status == 404
    assert (told.body["schemas"], told.body["status"]) == ([ERROR], "404")
    assert told.headers["content-type"].startswith("application/scim+json")


async def test_a_user_is_created_read_and_found(feed, company):
    made = await created(feed)
    assert (made["userName"], made["externalId"]) == ("linh.tran@contoso.example", OBJECT_ID)
    assert (made["active"], made["meta"]["resourceType"]) == (True, "User")
    assert (await feed.ask("GET", f"/Users/{made['id']}")).body == made
    person = await person_of(company, made["id"])
    assert (person.display_name, person.title) == ("Linh Tran", "Buyer")
    assert (person.employee_number, person.locale) == ("linh.tran@co", "en-GB")
    for expression in (
        'userName eq "linh.tran@contoso.example"',
        'userName eq "LINH.TRAN@CONTOSO.EXAMPLE"',
        f'externalId eq "{OBJECT_ID}"',
        'emails[type eq "work"].value eq "linh.tran@contoso.example"',
        f'userName eq "linh.tran@contoso.example" and externalId eq "{OBJECT_ID}"',
    ):
        assert [each["id"] for each in await matching(feed, "Users", expression)] == [made["id"]]
    assert await matching(feed, "Users", 'userName eq "somebody else"') == []


async def test_a_user_that_exists_is_a_conflict(feed):
    await created(feed)
    told = await feed.ask("POST", "/Users", new_user())
    assert told.error == (409, "uniqueness")
    assert (told.body["schemas"], told.body["status"]) == ([ERROR], "409")


async def test_single_and_multiple_values_are_replaced_by_path(feed, company):
    made = await created(feed)
    path = f"/Users/{made['id']}"
    told = await patched(
        feed,
        path,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "lt@contoso.example"},
        {"op": "Replace", "path": "name.familyName", "value": "Tran-Moss"},
        {"op": "Replace", "path": "displayName", "value": "Linh Tran-Moss"},
        {"op": "Replace", "path": "userName", "value": "lt@contoso.example"},
        {"op": "Add", "path": "nickName", "value": "Lin"},
        {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": "+44 117 496 0001"},
        {"op": "Replace", "path": 'addresses[type eq "work"].country', "value": "IE"},
        {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "Sourcing"},
    )
    assert told.status == 200, told
    assert told.body["emails"] == [{"primary": True, "type": "work", "value": "lt@contoso.example"}]
    assert told.body["name"]["familyName"] == "Tran-Moss"
    assert {"type": "work", "value": "+44 117 496 0001"} in told.body["phoneNumbers"]
    assert told.body["addresses"][0]["country"] == "IE"
    person = await person_of(company, made["id"])
    assert (person.email, person.display_name) == ("lt@contoso.example", "Linh Tran-Moss")


async def test_several_attributes_are_replaced_without_a_path(feed):
    made = await created(feed)
    told = await patched(
        feed,
        f"/Users/{made['id']}",
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "one@contoso.example"},
        {
            "op": "replace",
            "value": {
                "displayName": "Linh T.",
                "name.givenName": "Linh A.",
                "name.familyName": "Tran",
                'addresses[type eq "work"].locality': "Bath",
                'phoneNumbers[type eq "fax"].value': "+44 117 496 0002",
                f"{ENTERPRISE}:employeeNumber": "20118",
            },
        },
    )
    assert told.status == 200, told
    assert (told.body["displayName"], told.body["name"]["givenName"]) == ("Linh T.", "Linh A.")
    assert told.body["addresses"][0]["locality"] == "Bath"
    assert {"type": "fax", "value": "+44 117 496 0002"} in told.body["phoneNumbers"]
    assert told.body[ENTERPRISE]["employeeNumber"] == "20118"


@pytest.mark.parametrize("operation", DISABLED)
async def test_a_user_is_disabled_in_every_form_and_enabled_again(feed, company, operation):
    made = await created(feed)
    told = await patched(feed, f"/Users/{made['id']}", operation)
    assert (told.status, told.body["active"]) == (200, False)
    assert not (await person_of(company, made["id"])).active
    told = await patched(
        feed, f"/Users/{made['id']}", {"op": "Replace", "path": "active", "value": "True"}
    )
    assert (told.status, told.body["active"]) == (200, True)


async def test_a_user_is_deleted(feed):
    made = await created(feed)
    told = await feed.ask("DELETE", f"/Users/{made['id']}")
    assert (told.status, told.body) == (204, None)
    assert (await feed.ask("GET", f"/Users/{made['id']}")).status == 404


@pytest.mark.parametrize("op", ["Add", "Replace"])
async def test_a_manager_is_sent_as_a_string(feed, company, op):
    boss = await created(feed, "boss@contoso.example", externalId="boss")
    made = await created(feed)
    told = await patched(
        feed,
        f"/Users/{made['id']}",
        {"op": op, "path": f"{ENTERPRISE}:manager", "value": boss["id"]},
    )
    assert told.status == 200, told
    assert told.body[ENTERPRISE]["manager"] == {"value": boss["id"]}
    assert (await person_of(company, made["id"])).manager_id == boss["id"]
    told = await patched(
        feed, f"/Users/{made['id']}", {"op": "Remove", "path": f"{ENTERPRISE}:manager"}
    )
    assert told.status == 200
    assert "manager" not in told.body[ENTERPRISE]
    assert (await person_of(company, made["id"])).manager_id == ""


async def test_app_roles_are_kept_in_each_of_their_forms(feed):
    made = await created(
        feed,
        roles=[{"primary": False, "type": "WindowsAzureActiveDirectoryRole", "value": "Reader"}],
    )
    path = f"/Users/{made['id']}"
    told = await patched(
        feed, path, {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Buyer"}
    )
    assert {"primary": True, "value": "Buyer"} in told.body["roles"]
    told = await patched(
        feed,
        path,
        {"op": "Add", "path": "roles", "value": [{"value": '{"id":"7","value":"Auditor"}'}]},
    )
    assert told.status == 200
    assert {"value": '{"id":"7","value":"Auditor"}'} in told.body["roles"]


async def test_groups_are_created_empty_and_found_without_their_members(feed):
    told = await feed.ask(
        "POST",
        "/Groups",
        {
            "schemas": [GROUP, ENTRA_GROUP],
            "externalId": "8aa1a0c0",
            "displayName": "Bristol buyers",
            "meta": {"resourceType": "Group"},
        },
    )
    assert told.status == 201, told
    assert (told.body["schemas"], told.body["displayName"]) == ([GROUP], "Bristol buyers")
    path = f"/Groups/{told.body['id']}"
    shown = await feed.ask("GET", path, query="excludedAttributes=members")
    assert (shown.status, "members" in shown.body) == (200, False)
    (found,) = await matching(
        feed, "Groups", 'displayName eq "Bristol buyers"', excludedAttributes="members"
    )
    assert (found["id"], found["externalId"]) == (told.body["id"], "8aa1a0c0")
    told = await patched(
        feed, path, {"op": "Replace", "path": "displayName", "value": "Bath buyers"}
    )
    assert (told.status, told.body["displayName"]) == (200, "Bath buyers")
    assert (await feed.ask("DELETE", path)).status == 204
    assert (await feed.ask("GET", path)).status == 404


REMOVALS = [
    lambda id_: {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": id_}]},
    lambda id_: {"op": "Remove", "path": "members", "value": [{"value": id_}]},
    lambda id_: {
        "op": "Remove",
        "path": "members",
        "value": [{"value": id_, "type": None, "display": "Linh"}],
    },
    lambda id_: {
        "op": "Remove",
        "path": "members",
        "value": [{"value": id_, "$ref": f"https://other.example/Users/{id_}"}],
    },
    lambda id_: {"op": "remove", "path": f'members[value eq "{id_}"]'},
    lambda id_: {"op": "Remove", "path": f'members[value eq "{id_}"]', "value": None},
]


@pytest.mark.parametrize("removal", REMOVALS)
async def test_members_are_added_and_removed_with_null_sub_attributes(feed, removal):
    ann = (await created(feed, "ann@contoso.example", externalId="ann"))["id"]
    bob = (await created(feed, "bob@contoso.example", externalId="bob"))["id"]
    made = await feed.ask("POST", "/Groups", {"schemas": [GROUP], "displayName": "Buyers"})
    path = f"/Groups/{made.body['id']}"
    for id_ in (ann, bob):
        told = await patched(
            feed, path, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": id_}]}
        )
        assert told.status == 200, told
    assert {each["value"] for each in told.body["members"]} == {ann, bob}
    told = await patched(feed, path, removal(ann))
    assert told.status == 200, told
    assert [each["value"] for each in told.body["members"]] == [bob]
    shown = await feed.ask("GET", path)
    assert [each["value"] for each in shown.body["members"]] == [bob]
    (found,) = await matching(
        feed,
        "Groups",
        f'id eq "{made.body["id"]}" and members[value eq "{bob}"]',
        attributes="id",
    )
    assert found["id"] == made.body["id"]


async def test_schemas_are_discovered_as_a_list_without_nulls(feed):
    told = await feed.ask("GET", "/Schemas")
    assert (told.status, told.body["schemas"]) == (200, [LIST])
    schemas = {each["id"]: each for each in told.body["Resources"]}
    assert {USER, GROUP, ENTERPRISE} <= schemas.keys()
    assert "null" not in str(told.body).lower().split()
    names = {each["name"] for each in schemas[USER]["attributes"]}
    assert {"userName", "displayName", "emails", "active"} <= names
    for path in ("/ServiceProviderConfig", "/ResourceTypes"):
        assert (await feed.ask("GET", path)).status == 200


async def test_the_validators_probes_are_answered(feed):
    made = await created(feed, "probe@contoso.example", externalId="probe")
    path = f"/Users/{made['id']}"
    # An empty patch changes nothing.
    told = await patched(feed, path)
    assert (told.status, told.body["userName"]) == (200, "probe@contoso.example")
    # Keys of a message that only the sender knows.
    body = {
        "id": made["id"],
        "schemas": [PATCH],
        "Operations": [{"name": "addTitle", "op": "add", "path": "title", "value": "Head"}],
    }
    told = await feed.ask("PATCH", path, body)
    assert (told.status, told.body["title"]) == (200, "Head")
    # Names in capitals, and strings for booleans.
    told = await feed.ask(
        "POST",
        "/Users",
        {
            "schemas": [USER],
            "userName": "capitals@contoso.example",
            "active": "True",
            "emails": [{"Primary": True, "type": "work", "value": "capitals@contoso.example"}],
            ENTERPRISE: {"Department": "Sourcing", "Manager": {"Value": made["id"]}},
        },
    )
    assert told.status == 201, told
    assert told.body[ENTERPRISE]["manager"] == {"value": made["id"]}
    found = await feed.ask("GET", "/Users/", query="filter=DisplayName+eq+%22Linh+Tran%22")
    assert found.body["totalResults"] == 1
    page = await feed.ask("GET", "/Users", query="startIndex=1&count=1")
    assert (page.body["totalResults"], page.body["itemsPerPage"]) == (2, 1)
    part = await feed.ask("GET", "/Users", query="attributes=userName,emails")
    assert all(
        each.keys() == {"schemas", "id", "userName", "emails"} for each in part.body["Resources"]
    )
    missing = await feed.ask("POST", "/Users", {"schemas": [USER], "userame": "x", "active": True})
    assert missing.error == (400, "invalidValue")
    assert missing.body["detail"] == "userName is required"
    member = {"op": "add", "path": "members", "value": made["id"]}
    group = await feed.ask("POST", "/Groups", {"schemas": [GROUP], "displayName": "Probes"})
    told = await patched(feed, f"/Groups/{group.body['id']}", member)
    assert [each["value"] for each in told.body["members"]] == [made["id"]]
    told = await patched(feed, f"/Groups/{group.body['id']}", {"op": "remove", "path": "members"})
    assert told.body.get("members", []) == []
