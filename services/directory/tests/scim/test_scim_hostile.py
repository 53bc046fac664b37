"""Hostile input: each has the right SCIM error, and nothing is stored."""

import contextlib
import json

from directory.scim.domain import bodies
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import InvalidSyntaxException, InvalidValueException

from .conftest import ENTERPRISE, PATCH, USER, user

SYNTAX, VALUE = (400, "invalidSyntax"), (400, "invalidValue")
DEEP = (
    b'{"schemas":["'
    + USER.encode()
    + b'"],"userName":"a","name":'
    + b"[" * 5_000
    + b"]" * 5_000
    + b"}"
)
MANY = json.dumps(user("a") | {"photos": [{"value": "x"}] * 60_000}).encode()

BODIES = [
    (b"", SYNTAX),
    (b"{", SYNTAX),
    (b"[]", SYNTAX),
    (b"null", SYNTAX),
    (b'"text"', SYNTAX),
    (b"\xff\xfe", SYNTAX),
    (b'{"userName":"a","userName":"b"}', SYNTAX),
    (b'{"userName":NaN}', SYNTAX),
    (DEEP, SYNTAX),
    (b"[" * 100_000, SYNTAX),
    (MANY, SYNTAX),
    (json.dumps(user("a\x00b")).encode(), VALUE),
    (b'{"schemas":["' + USER.encode() + b'"],"userName":"\\ud800"}', VALUE),
    (json.dumps(user("a") | {"active": 10**30}).encode(), VALUE),
    (json.dumps({"schemas": [USER]}).encode(), VALUE),
    (json.dumps({"schemas": ["urn:nothing"], "userName": "a"}).encode(), SYNTAX),
    (json.dumps(user("a") | {"$where": "1"}).encode(), SYNTAX),
    (json.dumps(user("a" * 300)).encode(), VALUE),
    (json.dumps(user("a") | {"emails": [{"value": "no address"}]}).encode(), VALUE),
    (json.dumps(user("a") | {"emails": "x"}).encode(), VALUE),
    (json.dumps(user("a") | {"externalId": "x" * 300}).encode(), VALUE),
    (json.dumps(user("a") | {"nickName": "x" * 300_000}).encode(), VALUE),
    (json.dumps(user("a") | {"nickName": "x" * 65_537}).encode(), VALUE),
    (json.dumps(user("a", department="/".join(map(str, range(30))))).encode(), VALUE),
    (json.dumps(user("a", department="A/B")).encode(), VALUE),
    (json.dumps(user("a", division="A/B", department="C")).encode(), VALUE),
    (json.dumps(user("a") | {ENTERPRISE: {"department": "x" * 200}}).encode(), VALUE),
]


async def test_bodies_that_are_no_users_are_refused_and_nothing_is_stored(feed, company):
    for body, error in BODIES:
        told = await feed.ask("POST", "/Users", raw=body)
        assert told.error == error, (body[:80], told)
        assert len(told.body["detail"]) < 500
    told = await feed.ask("POST", "/Users", user("a"), content_type="text/plain")
    assert told.error == SYNTAX
    assert await company.store.people.count_humans(tenant_id=company.tenant.id) == 0
    assert await company.store.departments.count(tenant_id=company.tenant.id) == 0


async def test_requests_that_are_none_of_scim_are_refused(feed):
    made = await feed.hire("ann")
    for method, path, status in (
        ("PUT", "/Users", 405),
        ("POST", f"/Users/{made['id']}", 405),
        ("GET", f"/Users/{made['id']}/emails", 404),
        ("GET", "/Users/%ff", 404),
        ("GET", "/Users/$ne", 404),
        ("GET", "/", 404),
    ):
        assert (await feed.ask(method, path, user("b"))).status == status, path
    for query in ("a=1&" * 100, "filter=%ff", "%00=1&filter=x"):
        assert (await feed.ask("GET", "/Users", query=query)).status == 400
    body = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": {"a": 1}}]}
    assert (await feed.ask("PATCH", f"/Users/{made['id']}", body)).error == VALUE


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: json.dumps({text: text}).encode())
)
def test_any_bytes_are_read_or_refused(body):
    decoded = {}
    with contextlib.suppress(InvalidSyntaxException, InvalidValueException):
        decoded = bodies.decode(body)
    json.dumps(decoded, ensure_ascii=False).encode()
