"""SRC-8: an index is rebuilt behind its aliases while people search and indexers write."""

import asyncio
from dataclasses import replace

import pytest
from search.config import OpensearchSection
from search.kinds.message import TYPE as MESSAGE
from search.store import IndexUnreachable, RebuildUnderWay, Store, connect

COUNT = 400


async def indexes(section: OpensearchSection) -> dict[str, dict]:
    async with connect(section) as client:
        found = await client.indices.get(index=f"{section.index_prefix}messages*")
    return dict(found)


@pytest.mark.rule("SRC-8")
async def test_src_08_a_rebuild_keeps_every_document_its_version_and_both_aliases(
    own_store: Store, section: OpensearchSection, message, index, find, now
) -> None:
    documents = [message(f"word{number} quarterly") for number in range(COUNT)]
    await index(*documents)
    stop, has_written, has_searched = asyncio.Event(), asyncio.Event(), asyncio.Event()
    written = []

    async def write() -> None:
        """Write like an indexer: keep refused documents, and write them again."""
        while not stop.is_set():
            document = message("quarterly while it is rebuilt")
            while True:
                try:
                    assert await own_store.write([document], now=now) == []
                    break
                except IndexUnreachable:
                    await asyncio.sleep(0)
            written.append(document.id)
            has_written.set()

    async def search() -> None:
        while not stop.is_set():
            page = await find("quarterly")
            assert page.found
            has_searched.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        group.create_task(search())
        async with asyncio.timeout(60):
            await asyncio.gather(has_written.wait(), has_searched.wait())
        new = await own_store.rebuild(MESSAGE, shards=2, restart=False, now=now)
        stop.set()
    await own_store.refresh()
    found = await indexes(section)
    prefix = section.index_prefix
    old = replace(documents[0], version=1, text="older words")
    await index(replace(documents[0], version=5, text="newest words"))
    await index(old)
    newest = await find("newest")
    older = await find("older")

    assert new == f"{prefix}messages-v1-2"
    assert set(found) == {new}
    assert set(found[new]["aliases"]) == {f"{prefix}messages", f"{prefix}messages-write"}
    assert found[new]["settings"]["index"]["number_of_shards"] == "2"
    async with connect(section) as client:
        counted = await client.count(index=f"{prefix}messages")
    assert counted["count"] == COUNT + len(written)
    assert len(newest.found) == 1
    assert not older.found


async def test_a_rebuild_that_ended_midway_is_begun_anew_only_when_asked(
    own_store: Store, section: OpensearchSection, message, index, find, now
) -> None:
    await index(message("quarterly figures"))
    left = f"{section.index_prefix}messages-v1-2"
    async with connect(section) as client:
        await client.indices.create(index=left)
        await client.indices.put_settings(
            index=f"{section.index_prefix}messages-v1", body={"index.blocks.write": True}
        )

        with pytest.raises(RebuildUnderWay, match=left):
            await own_store.rebuild(MESSAGE, shards=1, restart=False, now=now)
    new = await own_store.rebuild(MESSAGE, shards=1, restart=True, now=now)
    again = await own_store.rebuild(MESSAGE, shards=1, restart=False, now=now)
    await index(message("quarterly again"))

    assert new == left
    assert again.endswith("messages-v1-3")
    assert len((await find("quarterly")).found) == 2


async def test_a_rebuilt_index_stands_a_start_of_the_service(
    own_store: Store, section: OpensearchSection, message, index, find, now
) -> None:
    await index(message("quarterly figures"))
    new = await own_store.rebuild(MESSAGE, shards=1, restart=False, now=now)

    await own_store.provision()

    assert set(await indexes(section)) == {new}
    assert len((await find("quarterly")).found) == 1
