"""The Matrix client with a scripted server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from plexus_bench.peers.matrix import MatrixApi, MatrixSession, SyncGap
from plexus_bench.peers.synapse_config import settings
from plexus_bench.system import NotStored, body_of
from plexus_testkit.wait import eventually

ROOM = "!room:localhost"


class Script:
    """Answers syncs and sends as the test has configured."""

    def __init__(self) -> None:
        self.timelines: asyncio.Queue[dict] = asyncio.Queue()
        self.since: list[str | None] = []
        self.sent: list[tuple[str, str]] = []
        self.status = 200

    async def sync(self, request: web.Request) -> web.Response:
        since = request.query.get("since")
        self.since.append(since)
        if since is None:
            return web.json_response({"next_batch": "0"})
        timeline = await self.timelines.get()
        rooms = {"join": {ROOM: {"timeline": timeline}}}
        return web.json_response({"next_batch": str(int(since) + 1), "rooms": rooms})

    async def send(self, request: web.Request) -> web.Response:
        self.sent.append((request.match_info["ref"], (await request.json())["body"]))
        return web.json_response({"event_id": "$1"}, status=self.status)


async def _filter(_: web.Request) -> web.Response:
    return web.json_response({"filter_id": "7"})


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[Script, MatrixSession]]:
    script, app = Script(), web.Application()
    client = "/_matrix/client/v3"
    app.router.add_get(f"{client}/sync", script.sync)
    app.router.add_post(f"{client}/user/{{person}}/filter", _filter)
    app.router.add_put(f"{client}/rooms/{{room}}/send/m.room.message/{{ref}}", script.send)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api = MatrixApi(port=runner.addresses[0][1])
    session = MatrixSession(api=api, person="@ann:localhost", token="t", timeline_limit=10)
    try:
        await session.open()
        yield script, session
    finally:
        await api.close()
        await runner.cleanup()


def timeline(*refs: str, limited: bool = False) -> dict:
    events = [{"type": "m.room.message", "content": {"body": body_of(ref)}} for ref in refs]
    return {"limited": limited, "events": [{"type": "m.room.member", "content": {}}, *events]}


async def test_a_sync_goes_on_where_the_one_before_ended() -> None:
    heard: list[tuple[str, str, int]] = []
    async with scripted() as (script, session):
        session.on_message = lambda *told: heard.append(told)
        script.timelines.put_nowait(timeline("0-1", "1-1"))
        script.timelines.put_nowait(timeline("0-2"))

        await eventually(lambda: len(heard) == 3)
        assert heard == [(ROOM, "0-1", 0), (ROOM, "1-1", 0), (ROOM, "0-2", 0)]
        assert script.since[:3] == [None, "0", "1"]
        await session.close()


async def test_a_send_carries_its_ref_as_transaction_id() -> None:
    async with scripted() as (script, session):
        await session.send(ROOM, ref="0-1", body=body_of("0-1"))

        assert script.sent == [("0-1", body_of("0-1"))]
        await session.close()


async def test_a_refused_send_is_not_stored() -> None:
    async with scripted() as (script, session):
        script.status = 429
        with pytest.raises(NotStored, match="429"):
            await session.send(ROOM, ref="0-1", body=body_of("0-1"))
        await session.close()


async def test_messages_that_a_sync_leaves_out_are_not_passed_over() -> None:
    async with scripted() as (script, session):
        script.timelines.put_nowait(timeline("0-9", limited=True))

        async def refused() -> bool:
            try:
                await session.send(ROOM, ref="0-1", body=body_of("0-1"))
            except NotStored as problem:
                return isinstance(problem.__cause__, SyncGap)
            return False

        await eventually(refused)
        with pytest.raises(SyncGap, match="missed messages"):
            await session.close()


def test_every_limit_that_synapse_has_is_lifted(tmp_path) -> None:
    told = settings(port=1, folder=tmp_path, postgres_port=2, postgres_account="postgres")

    unlimited = {"per_second": 1_000_000, "burst_count": 1_000_000}
    assert told["rc_message"] == unlimited
    assert told["rc_joins"] == {"local": unlimited, "remote": unlimited}
