"""Errors of refused feed requests: in SCIM's form, with an actionable text."""

import pytest

from .conftest import ENTERPRISE, PATCH, USER, user

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
# Words of the validator behind the library, of Python, and of its documentation.
FOREIGN = ("pydantic", "Input should", "validation error", "http", "instance of", "[type=", "Extra")

CREATED = [
    (user("a") | {"title": 5}, "title must be text"),
    (user("a") | {"active": "perhaps"}, "active must be true or false"),
    (user("a") | {"name": "Ann"}, "name must be an object"),
    (user("a") | {"emails": [5]}, "emails[0] must be an object"),
    (
        user("a") | {"emails": [{"value": "a@x.cn", "primary": "perhaps"}]},
        "emails[0].primary must be true or false",
    ),
    (
        user("a")
        | {"emails": [{"value": "a@x.cn", "primary": True}, {"value": "b@x.cn", "primary": True}]},
        "emails has 2 values marked as primary, and one at most may be",
    ),
    (user("a") | {ENTERPRISE: 5}, f"{ENTERPRISE} must be an object"),
    (user("a") | {ENTERPRISE: {"department": 5}}, f"{ENTERPRISE}:department must be text"),
    (
        user("a") | {"x509Certificates": [{"value": "abc"}]},
        "x509Certificates[0].value must be Base64",
    ),
    ({"schemas": [USER]}, "userName is required"),
    ({"schemas": ["urn:nothing"], "userName": "a"}, f"schemas must contain {USER}"),
    ({"schemas": "a", "userName": "a"}, f"schemas must contain {USER}"),
    ({"schemas": None, "userName": "a"}, "schemas must be a list"),
    (user("a") | {"$where": "1"}, "'$where' is not an attribute name"),
    (user("a") | {"title": 5, "active": 7, "nickName": 1, "userType": 1}, None),
]
CHANGED = [
    ({"op": "replace", "path": "title", "value": {"a": 1}}, "title must be text"),
    ({"op": "replace", "path": "active", "value": "perhaps"}, "active must be true or false"),
    ({"op": "replace", "path": "name", "value": "Ann"}, "name must be an object"),
    ({"op": "add", "path": "emails", "value": [5]}, "emails[1] must be an object"),
    (
        {"op": "add", "path": 'photos[type eq "photo"].value', "value": "not a URI"},
        "value must be a URI, for example https://example.com/picture.png",
    ),
    ({"op": "add", "path": 'emails[primary eq "perhaps"].value', "value": "a@x.cn"}, None),
    ({"op": "remove", "path": "emails", "value": [{"primary": True}]}, None),
    ({"op": "replace", "path": "title"}, "value is required for replace operations"),
    ({"op": "swap", "path": "title", "value": "x"}, None),
    ({"op": "swap", "path": "unknown", "value": "x"}, None),
    ({"op": "replace", "path": 7, "value": "x"}, None),
    ({"op": "replace", "path": "emails[", "value": "x"}, None),
    ({"op": "replace", "path": "id", "value": "per_other"}, None),
    ("text", "Operations[0] must be an object"),
]


def check(told, detail):
    assert (told.status, told.body["status"]) == (400, "400")
    assert told.body["schemas"] == [ERROR]
    assert told.body["scimType"]
    assert not [
        word for word in FOREIGN if word in told.body["detail"].replace("https://example", "")
    ]
    if detail is not None:
        assert told.body["detail"] == detail


@pytest.mark.parametrize(("body", "detail"), CREATED)
async def test_a_user_that_cannot_be_is_refused_in_plain_words(feed, body, detail):
    check(await feed.ask("POST", "/Users", body), detail)


@pytest.mark.parametrize(("operation", "detail"), CHANGED)
async def test_a_patch_that_cannot_be_is_refused_in_plain_words(feed, operation, detail):
    made = await feed.hire("ann", emails=[{"value": "a@x.cn", "type": "work"}])
    body = {"schemas": [PATCH], "Operations": [operation]}
    check(await feed.ask("PATCH", f"/Users/{made['id']}", body), detail)
    assert (await feed.ask("GET", f"/Users/{made['id']}")).body == made


@pytest.mark.parametrize(
    "query",
    [
        "filter=active%20eq%20%22perhaps%22",
        "filter=unknown%20eq%20%22a%22",
        "filter=title%20eq",
        "startIndex=a",
        "count=many",
        "sortOrder=sideways",
        "sortBy=unknown",
    ],
)
async def test_a_search_that_cannot_be_is_refused_in_plain_words(feed, query):
    check(await feed.ask("GET", "/Users", query=query), None)


async def test_at_most_three_faults_are_named_at_once(feed):
    told = await feed.ask(
        "POST", "/Users", user("a") | {"title": 5, "active": 7, "nickName": 1, "userType": 1}
    )
    assert len(told.body["detail"].split("; ")) == 3


async def test_a_member_that_does_not_exist_is_named(feed):
    body = {"schemas": [GROUP], "displayName": "a", "members": [{"value": "per_unknown"}]}
    told = await feed.ask("POST", "/Groups", body)
    check(told, None)
    assert "per_unknown" in told.body["detail"]
