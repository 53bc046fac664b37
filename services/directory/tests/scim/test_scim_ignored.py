"""Attributes of a feed that Plexus does not have: ignored, and listed once for administrators."""

import contextlib
import json
from datetime import timedelta

import pytest
from directory.scim.domain import dialects
from directory.scim.domain.guard import MAX_IGNORED_KEPT, MAX_IGNORED_SHOWN
from directory.scim.domain.resources import USER as USER_TYPE
from directory.scim.operations.ignored_attributes import MAX_OF_REQUEST
from hypothesis import given
from hypothesis import strategies as st
from plexus.directory.v1.scim_service_pb2 import GetFeedStatusRequest
from scim2_models import InvalidSyntaxException, InvalidValueException

from .conftest import ENTERPRISE, PATCH, USER, user

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
BADGE = "urn:example:badges:1.0:User"


async def listed(feed, served):
    response = await served.scim.GetFeedStatus(GetFeedStatusRequest(), **feed.caller)
    return [(each.resource, each.attribute) for each in response.status.ignored]


async def test_int_1_unknown_attributes_are_ignored_and_listed_once(feed, served):
    body = user("ann", title="Buyer", favouriteColour="red", schemas=[USER, BADGE])
    body |= {BADGE: {"number": 7, "level": "gold"}, "emails": [{"value": "a@x.cn", "shown": True}]}
    body |= {ENTERPRISE: {"division": "North", "floor": 3}}
    told = await feed.ask("POST", "/Users", body)
    assert told.status == 201, told
    assert told.body["emails"] == [{"value": "a@x.cn"}]
    assert told.body[ENTERPRISE] == {"division": "North"}
    assert told.body.keys().isdisjoint({"favouriteColour", BADGE})
    path = f"/Users/{told.body['id']}"
    for operation in (
        {"op": "replace", "path": "FavouriteColour", "value": "blue"},
        {"op": "replace", "path": f"{BADGE}:number", "value": 8},
        {"op": "remove", "path": f"{ENTERPRISE}:floor"},
        {"op": "add", "path": 'desks[kind eq "standing"].place', "value": "4-12"},
        {"op": "add", "value": {"favouriteColour": "green", "title": "Head buyer"}},
    ):
        patch = {"schemas": [PATCH], "Operations": [operation]}
        told = await feed.ask("PATCH", path, patch)
        assert told.status == 200, told
    assert told.body["title"] == "Head buyer"
    assert (await feed.ask("PUT", path, body)).status == 200
    group = {"schemas": [GROUP], "displayName": "Buyers", "description": "All of them"}
    assert (await feed.ask("POST", "/Groups", group)).status == 201
    assert sorted(await listed(feed, served)) == [
        ("Group", "description"),
        ("User", "desks.place"),
        ("User", "emails.shown"),
        ("User", "favouriteColour"),
        ("User", BADGE),
        ("User", f"{BADGE}:number"),
        ("User", f"{ENTERPRISE}:floor"),
    ]


async def test_unassigned_attributes_are_not_listed(feed, served):
    body = user("ann", desk=None, emails=[{"$ref": None, "value": "a@x.cn", "shown": None}])
    told = await feed.ask("POST", "/Users", body)
    assert (told.status, told.body["emails"]) == (201, [{"value": "a@x.cn"}])
    assert await listed(feed, served) == []


async def test_attributes_that_plexus_has_are_not_listed(feed, served):
    made = await feed.hire(
        "ann", name={"givenName": "Ann"}, meta={"resourceType": "User"}, groups=[], id="per_x"
    )
    body = {
        "schemas": [PATCH],
        "Operations": [{"op": "replace", "value": {"id": made["id"], "meta": {}, "groups": []}}],
    }
    assert (await feed.ask("PATCH", f"/Users/{made['id']}", body)).status == 200
    assert await listed(feed, served) == []


async def test_a_schema_that_is_added_by_a_patch_harms_no_record(feed):
    made = await feed.hire("ann")
    told = await feed.patch(made["id"], {"op": "add", "path": "schemas", "value": [BADGE]})
    assert (told.status, told.body["schemas"]) == (200, [USER])
    assert (await feed.ask("GET", f"/Users/{made['id']}")).body["schemas"] == [USER]


async def test_names_of_a_hostile_feed_are_bounded(feed, served, company, clock):
    for number in range(2):
        names = {f"x{number}y{each}": each for each in range(MAX_OF_REQUEST + 50)}
        await feed.hire(f"ann{number}", **names)
    shown = await listed(feed, served)
    assert len(shown) == MAX_IGNORED_SHOWN
    collection = company.store.feeds._ignored
    assert await collection.count({}) == 2 * MAX_OF_REQUEST
    await collection.insert_many(
        [
            {"_id": f"{number}", "tenant_id": company.tenant.id, "at": clock.now()}
            for number in range(MAX_IGNORED_KEPT)
        ]
    )
    before = await collection.count({})
    await feed.hire("bob", yetAnother="x")
    assert await collection.count({}) == before


async def test_what_is_sent_on_is_listed_with_the_day_it_was_sent_last(feed, served, clock):
    made = await feed.hire("ann", favouriteColour="red")
    clock.advance(timedelta(days=2))
    feed.renew()
    await feed.ask("PUT", f"/Users/{made['id']}", user("ann", favouriteColour="red"))
    response = await served.scim.GetFeedStatus(GetFeedStatusRequest(), **feed.caller)
    (only,) = response.status.ignored
    assert only.last_sent_at.ToDatetime(clock.now().tzinfo) == clock.now()


NAMES = [
    "title",
    "emails",
    'emails[type eq "x"].value',
    "schemas",
    "id",
    "groups",
    "a",
    ENTERPRISE,
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "$ref", "type", "b", *NAMES]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Remove", "replace", "x", 7])},
    optional={"path": st.sampled_from(NAMES) | st.text(max_size=5) | st.none(), "value": values},
)


@pytest.mark.parametrize("read", [dialects.resource, dialects.patch])
@given(body=st.dictionaries(st.sampled_from(NAMES), values, max_size=4), some=st.lists(operations))
def test_any_body_is_rewritten_or_refused_by_name(read, body, some):
    for each in (body, {"Operations": some, "schemas": [PATCH]}):
        with contextlib.suppress(InvalidSyntaxException, InvalidValueException):
            json.dumps(read(each, model=USER_TYPE).body)
