"""The HR feed through every process: the independent SCIM tester, and an operator's view."""

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit
from wsgiref.headers import Headers

import pytest
from plexus_testkit.wait import eventually
from scim2_client import BaseSyncSCIMClient
from scim2_client.engines.inprocess import InProcessResponse
from scim2_tester import Status, check_server

OBJECTIONS = {Status.ERROR, Status.CRITICAL, Status.DEVIATION}
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


class HttpClient(BaseSyncSCIMClient):
    """The tester's client on plain HTTP connections."""

    def __init__(self, address: str, token: str) -> None:
        super().__init__()
        self._host = urlsplit(address).netloc
        self._token = token

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return not urlsplit(endpoint).scheme

    def request(
        self, method: str, url: str, *, params: Any = None, json: Any = None, headers: Any = None
    ) -> InProcessResponse:
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        named = {
            "authorization": f"Bearer {self._token}",
            "content-type": "application/scim+json",
        } | dict(headers or {})
        connection = HTTPConnection(self._host, timeout=30)
        try:
            body = None if json is None else encoded(json)
            connection.request(method, f"/scim/v2/{url.lstrip('/')}{query}", body, named)
            response = connection.getresponse()
            return InProcessResponse(
                status_code=response.status,
                headers=Headers(list(response.getheaders())),
                content=response.read(),
            )
        finally:
            connection.close()


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


@asynccontextmanager
async def connected(platform, address):
    async with platform.admin() as plexus:
        ((_, bearer),) = await plexus.metadata()
        yield HttpClient(address, bearer.removeprefix("Bearer "))


@pytest.fixture
async def client(platform):
    async with connected(platform, platform.http_address) as client:
        yield client


@pytest.fixture
async def stopping(platform):
    """Return a client of a second identity provider whose first deactivation stops the feed."""
    none = {
        "DIRECTORY_SCIM__MAX_DEACTIVATED_PERCENT": "0",
        "DIRECTORY_SCIM__ALWAYS_DEACTIVATED": "0",
    }
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(platform.another("directory", **none))
        peer = platform.address_of("directory-2")
        await stack.enter_async_context(platform.another("gateway", GATEWAY_PEERS__DIRECTORY=peer))
        address = f"http://127.0.0.1:{platform.ports['gateway-2.http']}"
        yield await stack.enter_async_context(connected(platform, address))


async def test_int_1_the_independent_tester_of_scim_servers_has_no_objection(client):
    results = await asyncio.to_thread(check_server, client)
    objections = [
        f"{each.title} {each.resource_type}: {each.reason}"
        for each in results
        if each.status in OBJECTIONS
    ]
    assert not objections, "\n".join(objections)
    passed = [each for each in results if each.status is Status.SUCCESS]
    assert len(passed) > 80
    types = {each.resource_type for each in passed if each.resource_type}
    assert {"User", "Group"} <= types


async def test_int_1_whom_the_feed_brings_is_found_by_colleagues_and_the_feed_is_seen_to_run(
    client, cli
):
    body = {"schemas": [USER], "userName": "zhao.yun@corp.example", "displayName": "赵云"}
    told = await asyncio.to_thread(client.request, "POST", "/Users", json=body)
    assert told.status_code == 201
    found = (await cli("--as", "root", "people", "赵云", "--json")).json
    assert [person["handle"] for person in found] == ["zhao.yun"]
    status = (await cli("--as", "root", "admin", "feed", "status", "--json")).json
    assert status["allowed"] == 10_000
    refused = await cli("--as", "root", "admin", "feed", "approve", "--waiting", "1", code=1)
    assert "FEED_NOT_STOPPED" in refused.err


async def test_int_1_who_may_answer_is_told_that_the_feed_has_stopped(stopping, cli):
    body = {"schemas": [USER], "userName": "qian.duo@corp.example", "displayName": "钱多"}
    made = await asyncio.to_thread(stopping.request, "POST", "/Users", json=body)
    person_id = json.loads(made.content)["id"]
    gone = await asyncio.to_thread(stopping.request, "DELETE", f"/Users/{person_id}")
    assert gone.status_code == 409

    async def told():
        listed = (await cli("--as", "root", "notifications", "list", "--unread", "--json")).json
        kind = "NOTIFICATION_KIND_FEED_STOPPED"
        return next((each for each in listed if each["kind"] == kind), None)

    notification = await eventually(told, within=30)
    assert notification["source"]["kind"] == "feed"
    assert "plexus admin feed status" in notification["body"]
    shown = await cli("--as", "root", "notifications", "list", env={"COLUMNS": "400"})
    assert notification["title"] in shown.out
    preferences = await cli("--as", "root", "notifications", "preferences")
    assert "feed_stopped" in preferences.out

    status = (await cli("--as", "root", "admin", "feed", "status", "--json")).json
    assert status["waiting_person_ids"] == [person_id]
    await cli("--as", "root", "admin", "feed", "drop", "--waiting", "1")
    found = (await cli("--as", "root", "people", "钱多", "--json")).json
    assert [person["id"] for person in found] == [person_id]
