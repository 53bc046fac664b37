"""SRC-8: the indexes of a deployment, and behaviour when they are missing."""

import asyncio
import time
from datetime import datetime

import pytest
from opensearchpy.exceptions import NotFoundError
from plexus_local.servers.ports import free_port
from search.config import OpensearchSection
from search.domain.access import NOTHING
from search.domain.documents import Document
from search.domain.query import parse
from search.kinds import KINDS
from search.kinds.message import TYPE as MESSAGE
from search.store import Filters, IndexUnreachable, Store, connect

FILTERS = Filters(tenant_id="ten_a", types=tuple(KINDS), readable=NOTHING)


async def test_src_08_one_physical_index_per_type_behind_two_aliases(
    own_store: Store, section: OpensearchSection
) -> None:
    await asyncio.gather(own_store.provision(), own_store.provision())

    async with connect(section) as client:
        indices = await client.indices.get(index=f"{section.index_prefix}*")
    prefix = section.index_prefix
    assert {index: set(body["aliases"]) for index, body in indices.items()} == {
        f"{prefix}{name}-v1": {f"{prefix}{name}", f"{prefix}{name}-write"}
        for name in ("messages", "tasks", "people", "progress")
    }
    for body in indices.values():
        assert body["mappings"]["dynamic"] == "strict"
        assert body["mappings"]["_meta"] == {"schema_version": 1}
        assert body["settings"]["index"]["refresh_interval"] == "1s"


async def test_two_processes_provision_at_once(section: OpensearchSection) -> None:
    async with connect(section) as one, connect(section) as another:
        stores = [Store(one, section), Store(another, section)]
        await asyncio.gather(*(store.provision() for store in stores))
        await stores[0].ping()
        await one.indices.delete(
            index=",".join(await one.indices.get(index=f"{section.index_prefix}*"))
        )


async def test_nothing_creates_an_index_by_writing_to_it(
    section: OpensearchSection, now: datetime
) -> None:
    document = Document(type=MESSAGE, id="a", tenant_id="ten_a", version=1)
    async with connect(section) as client:
        store = Store(client, section)

        with pytest.raises(IndexUnreachable):
            await store.write([document], now=now)
        with pytest.raises(IndexUnreachable):
            await store.search(parse("a"), filters=FILTERS, after=None, limit=1)
        with pytest.raises(IndexUnreachable):
            await store.count(tenant_id="ten_a")
        with pytest.raises(IndexUnreachable):
            await store.ping()
        with pytest.raises(NotFoundError):
            await client.indices.get(index=f"{section.index_prefix}messages-write")


@pytest.mark.alone
async def test_an_unreachable_index_is_named_at_once(now: datetime) -> None:
    section = OpensearchSection(url=f"http://127.0.0.1:{free_port()}")
    document = Document(type=MESSAGE, id="a", tenant_id="ten_a", version=1)
    async with connect(section) as client:
        store = Store(client, section)
        began = time.monotonic()

        with pytest.raises(IndexUnreachable) as refused:
            await store.search(parse("a"), filters=FILTERS, after=None, limit=1)
        with pytest.raises(IndexUnreachable):
            await store.write([document], now=now)

    assert refused.value.reason == "INDEX_UNREACHABLE"
    assert time.monotonic() - began < 1


@pytest.mark.alone
async def test_an_index_that_does_not_answer_is_given_up_after_the_timeout() -> None:
    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    section = OpensearchSection(url=f"http://127.0.0.1:{port}", timeout_seconds=0.3)
    async with connect(section) as client:
        began = time.monotonic()
        with pytest.raises(IndexUnreachable):
            await Store(client, section).search(parse("a"), filters=FILTERS, after=None, limit=1)
        assert time.monotonic() - began < 2
    server.close()
