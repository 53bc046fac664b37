"""A feed's attributes of people and groups have the bounds that the contract declares (GW-8)."""

import pytest
from directory.scim.api import bounds
from directory.scim.domain.resources import USER, Group
from plexus.directory.v1 import directory_service_pb2 as pb
from plexuskit.bounds import declared

from .conftest import ENTERPRISE, user

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PERSON = pb.CreatePersonRequest.DESCRIPTOR.fields_by_name


def _beyond(field: str) -> str:
    """Return a text that is one character longer than a field of CreatePersonRequest takes."""
    return "x" * (declared(PERSON[field]).max_chars + 1)


def _deep(path: str, value: str) -> dict:
    """Return the attributes of a user with one attribute, named by its path."""
    first, _, rest = path.partition(".")
    if first == "emails":
        return {"emails": [{"value": value}]}
    if first == ENTERPRISE[:3]:
        return {ENTERPRISE: _deep(rest, value)}
    return {first: _deep(rest, value) if rest else value}


WORDS = [
    ("userName", "userName", _beyond("email")),
    ("externalId", "externalId", "x" * 513),
    ("displayName", "displayName", _beyond("display_name")),
    ("name.formatted", "name.formatted", _beyond("display_name")),
    ("name.familyName", "name.familyName", _beyond("display_name")),
    ("name.givenName", "name.givenName", _beyond("display_name")),
    ("emails", "emails.value", _beyond("email")),
    ("title", "title", _beyond("title")),
    ("timezone", "timezone", _beyond("time_zone")),
    ("preferredLanguage", "preferredLanguage", _beyond("locale")),
    ("locale", "locale", _beyond("locale")),
    ("password", "password", _beyond("password")),
    ("urn.employeeNumber", "employeeNumber", _beyond("employee_number")),
    ("urn.costCenter", "costCenter", _beyond("cost_center")),
    ("urn.manager.value", "manager.value", _beyond("manager_id")),
    ("urn.manager.value", "manager.value", "per_å"),
    ("urn.organization", "organization", "x" * 801),
    ("urn.division", "division", "x" * 801),
    ("urn.department", "department", "x" * 801),
]


@pytest.mark.rule("GW-8")
@pytest.mark.parametrize(("path", "named", "value"), WORDS)
async def test_a_word_of_a_user_outside_its_bounds_is_refused_by_every_way_in(
    feed, company, path, named, value
):
    made = await feed.hire("ann")
    before = await company.store.people.get(made["id"], tenant_id=company.tenant.id)
    wrong = user("ann") | _deep(path, value)
    wrong["schemas"] = list({*wrong["schemas"], ENTERPRISE})
    said = {name: given for name, given in wrong.items() if name != "schemas"}

    answers = [
        await feed.ask("POST", "/Users", wrong | {"userName": wrong["userName"] + "b"}),
        await feed.ask("PUT", f"/Users/{made['id']}", wrong),
        await feed.patch(made["id"], {"op": "add", "value": said}),
    ]

    for told in answers:
        assert told.error == (400, "invalidValue"), told
        assert told.body["detail"].startswith(f"{named} "), told
        assert len(told.body["detail"]) < 500
    assert await company.store.people.get(made["id"], tenant_id=company.tenant.id) == before
    assert await company.store.people.count_humans(tenant_id=company.tenant.id) == 1


@pytest.mark.rule("GW-8")
@pytest.mark.parametrize(
    ("named", "attributes"),
    [
        ("displayName", {"displayName": "x" * 801}),
        ("externalId", {"externalId": "x" * 513}),
        ("members.value", {"members": [{"value": "x" * 257}]}),
        ("members.value", {"members": [{"value": "per a"}]}),
    ],
)
async def test_a_word_of_a_group_outside_its_bounds_is_refused_by_every_way_in(
    feed, named, attributes
):
    body = {"schemas": [GROUP], "displayName": "red"}
    made = (await feed.ask("POST", "/Groups", body)).body
    path = f"/Groups/{made['id']}"
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "value": attributes}],
    }

    for told in (
        await feed.ask("POST", "/Groups", body | {"displayName": "blue"} | attributes),
        await feed.ask("PUT", path, body | attributes),
        await feed.ask("PATCH", path, patch),
    ):
        assert told.error == (400, "invalidValue"), told
        assert told.body["detail"].startswith(f"{named} "), told
    assert (await feed.ask("GET", path)).body["meta"]["version"] == made["meta"]["version"]


@pytest.mark.rule("GW-8")
def test_what_is_at_the_bounds_is_left_to_the_limits_of_the_domain():
    longest = {name: _beyond(name)[1:] for name in ("email", "display_name", "title")}
    said = USER(
        user_name=longest["email"], display_name=longest["display_name"], title=longest["title"]
    )

    assert bounds.check_user(said) is said
    group = Group(display_name=longest["display_name"])
    assert bounds.check_group(group) is group
