"""Bodies that are large, half sent, ambiguous or full of values, from strangers too (GW-13)."""

import asyncio
import base64
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import grpc
import pytest
from gateway.config import HttpSection, LimitsSection
from gateway.connect.json import TooManyValues, counted
from hypothesis import given
from hypothesis import strategies as st
from plexus.directory.v1.session_service_pb2 import SignInRequest
from plexus_testkit.wait import eventually
from plexuskit.grpc import refused

SESSIONS = "/plexus.directory.v1.SessionService"
GET = "/plexus.directory.v1.DirectoryService/GetPerson"
IMPORT = "/plexus.messaging.v1.ImportService/ImportConversations"
ADVANCE = "/plexus.messaging.v1.MessagingService/AdvanceCursors"
LARGE = 40 * 1024


@pytest.fixture
def limits_section() -> LimitsSection:
    return LimitsSection()


@pytest.fixture
def http_section() -> HttpSection:
    return HttpSection(
        port=0,
        max_body_bytes=4 << 20,
        max_address_connections=20,
        max_address_bodies=3,
        max_unfinished_bytes=3 * LARGE,
    )


def bearer(running: Any, **claims: Any) -> dict[str, str]:
    return {"authorization": running.bearer(**claims)[0][1], "content-type": "application/json"}


def head(path: str, *lines: str) -> bytes:
    first = [f"POST {path} HTTP/1.1", "host: x", "content-type: application/json", *lines]
    return "\r\n".join([*first, "", ""]).encode()


class Connection:
    """A client that sends as much of a request as a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answered(self) -> tuple[int, bytes]:
        """Wait for an answer; give its status and body."""
        async with asyncio.timeout(60):
            headers = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            status = int(headers.split()[1])
            if b"transfer-encoding: chunked" not in headers:
                length = int(headers.partition(b"content-length: ")[2].split(b"\r\n")[0])
                return status, await self.reader.readexactly(length)
            body = b""
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)
            return status, body

    async def ended(self) -> bool:
        async with asyncio.timeout(60):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


Open = Callable[[], Awaitable[Connection]]


@pytest.fixture
async def opened(running: Any) -> AsyncIterator[Open]:
    """Open connections that are closed with the test."""
    every: list[Connection] = []

    async def to() -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.http_port)
        every.append(Connection(reader, writer))
        return every[-1]

    yield to
    for each in every:
        each.writer.close()
        with suppress(ConnectionError):
            await each.writer.wait_closed()


async def post(running: Any, path: str, body: Any, **headers: str) -> tuple[int, bytes]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"content-type": "application/json", **headers}
    async with (
        aiohttp.ClientSession(running.http) as session,
        session.post(path, data=io.BytesIO(data), headers=sent) as response,
    ):
        return response.status, await response.read()


@pytest.mark.rule("GW-13")
async def test_gw_13_a_public_method_takes_16_kib_and_says_so_before_the_body(
    running: Any,
    opened: Open,
) -> None:
    for lines in (["content-length: 17000"], ["transfer-encoding: chunked"]):
        client = await opened()
        client.writer.write(head(f"{SESSIONS}/SignIn", *lines))
        if "chunked" in lines[0]:
            client.writer.write(b"4268\r\n" + b" " * 0x4268 + b"\r\n")
        status, body = await client.answered()
        assert (status, json.loads(body)["code"]) == (429, "resource_exhausted")
        client.writer.close()

    almost = b'{"handle":"ann"' + b" " * 16_000 + b"}"
    assert (await post(running, f"{SESSIONS}/SignIn", almost))[0] == 200


@pytest.mark.rule("GW-13")
async def test_gw_13_a_public_method_takes_16_kib_over_grpc_on_both_ports(running: Any) -> None:
    request = SignInRequest(handle="ann", device="x" * 17_000)
    own = grpc.aio.insecure_channel(running.targets["directory"])
    async with own:
        for channel, metadata in ((running.channel, ()), (own, running.as_gateway())):
            call = channel.unary_unary(f"{SESSIONS}/SignIn")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(request.SerializeToString(), metadata=metadata, timeout=10)
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert refused(caught.value).metadata["most"] == "16384"


@pytest.mark.rule("GW-13")
async def test_gw_13_a_large_body_is_read_only_when_its_caller_is_known(
    running: Any, opened: Open
) -> None:
    stranger = await opened()
    stranger.writer.write(
        head(GET, f"content-length: {LARGE}", "authorization: Bearer made.up.token")
    )
    status, body = await stranger.answered()
    assert (status, json.loads(body)["code"]) == (401, "unauthenticated")
    stranger.writer.close()

    chunked = await opened()
    chunked.writer.write(head(GET, "transfer-encoding: chunked"))
    chunked.writer.write(b"5000\r\n" + b" " * 0x5000 + b"\r\n")
    assert (await chunked.answered())[0] == 401
    chunked.writer.close()

    large = b'{"personId":"x"' + b" " * LARGE + b"}"
    assert (await post(running, GET, large, **bearer(running)))[0] == 200
    assert (await post(running, GET, large + b" " * (1 << 20), **bearer(running)))[0] == 429


@pytest.mark.rule("GW-13")
async def test_gw_13_large_bodies_on_their_way_are_bounded_and_given_back(
    running: Any, opened: Open
) -> None:
    token = running.bearer(sub="per_ann", jti="a")[0][1]
    slow = []
    for _ in range(3):
        client = await opened()
        client.writer.write(head(GET, f"content-length: {LARGE}", f"authorization: {token}") + b"{")
        slow.append(client)
    large = b'{"personId":"x"' + b" " * (LARGE - 20) + b"}"

    async def status() -> int:
        return (await post(running, GET, large, **bearer(running, sub="per_bob", jti="b")))[0]

    async def refused_now() -> bool:
        return await status() == 429

    await eventually(refused_now)
    assert (await post(running, GET, {}, **bearer(running, sub="per_bob", jti="b")))[0] == 200
    for client in slow:
        client.writer.close()

    async def taken_again() -> bool:
        return await status() == 200

    await eventually(taken_again)


@pytest.mark.rule("GW-13")
async def test_gw_13_half_sent_bodies_of_strangers_are_bounded_by_address(
    running: Any, opened: Open
) -> None:
    begun = head(f"{SESSIONS}/SignIn", "content-length: 100") + b"{"
    slow = [await opened() for _ in range(3)]
    for client in slow:
        client.writer.write(begun)
        await client.writer.drain()

    async def one_more() -> int:
        client = await opened()
        client.writer.write(begun)
        waiting = asyncio.ensure_future(client.answered())
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        waiting.cancel()
        client.writer.close()
        return waiting.result()[0] if done else 0

    async def refused_now() -> bool:
        return await one_more() == 429

    await eventually(refused_now)
    # Whole requests are taken all the while.
    assert (await post(running, f"{SESSIONS}/SignIn", {"handle": "ann"}))[0] == 200
    for client in slow:
        client.writer.close()


async def half_sent(client: Connection, *lines: str) -> None:
    """Send the first bytes of a stranger's body."""
    client.writer.write(head(f"{SESSIONS}/SignIn", "content-length: 100", *lines) + b"{")
    await client.writer.drain()


async def finished(client: Connection, rest: bytes) -> int:
    """Send the rest of a half-sent body unless it is refused before; gives the status."""
    answer = asyncio.ensure_future(client.answered())
    # The gateway has to read the first part by itself; a refusal is answered at once.
    if not (await asyncio.wait([answer], timeout=0.5))[0]:
        client.writer.write(rest)
    status, _ = await answer
    client.writer.close()
    return status


async def taken(opened: Open, *lines: str) -> bool:
    """Return whether one more half-sent body of an unknown caller is accepted."""
    client = await opened()
    await half_sent(client, *lines)
    return await finished(client, b" " * 98 + b"}") != 429


async def half_sent_by(person: str, running: Any, client: Connection) -> None:
    """Send the first bytes of a body of a person who is signed in."""
    token = running.bearer(sub=person, jti=person)[0][1]
    client.writer.write(head(GET, "content-length: 17", f"authorization: {token}") + b"{")
    await client.writer.drain()


@pytest.mark.rule("GW-13")
async def test_gw_13_half_sent_bodies_of_strangers_refuse_nobody_who_is_signed_in(
    running: Any, opened: Open
) -> None:
    for _ in range(3):
        await half_sent(await opened())

    async def full() -> bool:
        return not await taken(opened)

    await eventually(full)
    # More at once than strangers have, and each in two parts.
    people = [await opened() for _ in range(5)]
    for number, client in enumerate(people):
        await half_sent_by(f"per_{number}", running, client)
    statuses = await asyncio.gather(*(finished(client, b'"personId": "x"}') for client in people))
    assert statuses == [200] * 5
    await eventually(full)


@pytest.mark.rule("GW-13")
async def test_gw_13_half_sent_bodies_of_one_person_are_bounded_and_are_nobody_elses(
    running: Any, opened: Open
) -> None:
    for _ in range(3):
        await half_sent_by("per_ann", running, await opened())

    async def status(person: str) -> int:
        client = await opened()
        await half_sent_by(person, running, client)
        return await finished(client, b'"personId": "x"}')

    async def refused_now() -> bool:
        return await status("per_ann") == 429

    await eventually(refused_now)
    assert await status("per_bob") == 200


class TestBehindATrustedProxy:
    """Callers of a gateway that believes the loopback address."""

    @pytest.fixture
    def limits_section(self) -> LimitsSection:
        return LimitsSection(trusted_proxies=["127.0.0.0/8"], company_networks=["203.0.113.0/24"])

    @pytest.mark.rule("GW-13")
    async def test_gw_13_clients_are_counted_apart(self, opened: Open) -> None:
        for _ in range(3):
            await half_sent(await opened(), "x-forwarded-for: 198.51.100.1")

        async def full() -> bool:
            return not await taken(opened, "x-forwarded-for: 198.51.100.1")

        await eventually(full)
        assert await taken(opened, "x-forwarded-for: 198.51.100.2")

        async def full_whatever_the_client_says() -> bool:
            # A client begins the header with anything; the proxy adds whom it was called by.
            return not await taken(opened, "x-forwarded-for: 198.51.100.2, 198.51.100.1")

        await eventually(full_whatever_the_client_says)

    @pytest.mark.rule("GW-13")
    @pytest.mark.parametrize("lines", [(), ("x-forwarded-for: 203.0.113.9",)])
    async def test_gw_13_a_proxy_without_clients_and_a_company_have_more(
        self, opened: Open, lines: tuple[str, ...]
    ) -> None:
        for _ in range(6):
            await half_sent(await opened(), *lines)

        assert await taken(opened, *lines)


@pytest.mark.rule("GW-13")
async def test_gw_13_connections_of_strangers_are_bounded_and_of_people_who_are_known_are_not(
    running: Any,
    opened: Open,
) -> None:
    ask = head(GET, "content-length: 2", f"authorization: {running.bearer()[0][1]}") + b"{}"
    known = []
    for _ in range(30):
        client = await opened()
        client.writer.write(ask)
        assert (await client.answered())[0] == 200
        known.append(client)
    strangers = [await opened() for _ in range(20)]

    surplus = await opened()
    assert await surplus.ended()

    known[0].writer.write(ask)
    assert (await known[0].answered())[0] == 200
    strangers[0].writer.close()

    async def let_in() -> bool:
        client = await opened()
        client.writer.write(ask)
        return (await client.answered())[0] == 200

    await eventually(let_in)


@pytest.mark.rule("GW-13")
@pytest.mark.parametrize("path", [GET, "/scim/v2/Users", f"{SESSIONS}/SignIn"])
async def test_gw_13_a_body_with_two_lengths_is_refused_and_the_connection_closed(
    opened: Open, path: str
) -> None:
    client = await opened()
    hidden = head(f"{SESSIONS}/SignIn", "content-length: 2") + b"{}"
    client.writer.write(
        head(path, "content-length: 5", "transfer-encoding: chunked") + b"0\r\n\r\n" + hidden
    )

    answer = await asyncio.wait_for(client.reader.read(), 10)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("value", ["x", "!!!", "/w==", "\u00ff"])
async def test_a_binary_reason_that_is_none_is_a_bad_request(running: Any, value: str) -> None:
    status, body = await post(running, GET, {}, **bearer(running), **{"plexus-reason-bin": value})

    assert status == 400
    assert b"Traceback" not in body


async def test_a_reason_in_chinese_works_over_http_as_over_grpc(
    running: Any, standing: Any
) -> None:
    reason = "审计:季度检查"
    path = "/plexus.audit.v1.AuditService/ListAuditEntries"
    encoded = base64.b64encode(reason.encode()).decode()
    admin = bearer(running, roles=["admin", "auditor"], jti="admin")
    for spelling in (encoded, encoded.rstrip("=")):
        await post(running, path, {}, **admin, **{"plexus-reason-bin": spelling})
    with pytest.raises(grpc.aio.AioRpcError):
        await running.channel.unary_unary(path)(
            b"",
            metadata=(
                ("authorization", admin["authorization"]),
                ("plexus-reason-bin", reason.encode()),
            ),
            timeout=10,
        )

    await eventually(lambda: [each.reason for each in standing.decisions].count(reason) == 3)


@pytest.mark.rule("GW-13")
async def test_gw_13_json_of_many_values_is_refused_before_anything_is_built(running: Any) -> None:
    body = b'{"advances":[' + b",".join([b"{}"] * 30_000) + b"]}"
    unknown = b'{"x":[' + b",".join([b"1"] * 50_000) + b"]}"
    for each in (body, unknown):
        status, answer = await post(running, ADVANCE, each, **bearer(running))
        assert (status, json.loads(answer)["code"]) == (400, "invalid_argument")
        assert b"JSON values" in answer
    assert (await post(running, f"{SESSIONS}/SignIn", {"x": [1] * 2000}))[0] == 400


def test_counting_the_values_of_a_large_body_is_cheap() -> None:
    """As a share of the library's time for the same bytes: a busy machine slows both."""
    body = b"[" + b",".join([b"{}"] * 1_300_000) + b"]"

    def cpu(work: Any) -> float:
        began = time.process_time()
        with pytest.raises(TooManyValues):
            work()
        return time.process_time() - began

    def read() -> None:
        json.loads(body)
        raise TooManyValues(most=0)

    assert cpu(lambda: counted(body, maximum=20_000)) < cpu(read) / 2


texts = st.text(st.characters(categories=["L", "N", "P", "Z", "S"]), max_size=30)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(texts, inner, max_size=5)),
    max_leaves=40,
)


def number_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(number_of(each) for each in inner)


@given(values)
def test_counting_never_misses_a_value_and_never_counts_a_text(value: Any) -> None:
    exact = number_of(value)
    for ascii_only in (True, False):
        body = json.dumps(value, ensure_ascii=ascii_only).encode()

        assert counted(body, maximum=10_000) >= exact
        # An empty list or object counts twice at most.
        assert counted(body, maximum=2 * exact) <= 2 * exact
        if exact > 1:
            with pytest.raises(TooManyValues):
                counted(body, maximum=exact - 1)
