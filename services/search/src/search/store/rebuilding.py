"""Rebuild of an index beside the one in use, and the move of both aliases to it (SRC-8).

Reading never stops. Writing is blocked for the last step alone: indexers hold their records then,
as they do whenever the index does not take them, and write them into the new index afterwards.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from opensearchpy import AsyncOpenSearch

from search.domain.types import DocumentType
from search.store.client import IndexMissing, index_errors
from search.store.indices import Names, generation, written
from search.store.mappings import documents_body

log = structlog.get_logger()

# Clocks of indexers may differ by this much; documents written since are copied once more.
_SKEW: Final = timedelta(minutes=10)
_LOOKED_EVERY: Final = 0.5
_REQUEST_SECONDS: Final = 60


class RebuildIncomplete(Exception):  # noqa: N818 - named after the fact, like every refusal
    """The new index lacks documents of the old one; the old one stays in use."""

    def __init__(self, *, index: str) -> None:
        super().__init__(f"{index} was not copied completely; read OpenSearch's log and run again")


class RebuildUnderWay(Exception):  # noqa: N818 - see above
    """An index without aliases is there: another rebuild runs, or one ended midway."""

    def __init__(self, *, index: str) -> None:
        super().__init__(f"{index} has no aliases; wait, or pass --restart when no rebuild runs")


async def rebuild(
    client: AsyncOpenSearch,
    names: Names,
    type_: DocumentType,
    *,
    shards: int,
    restart: bool,
    now: datetime,
) -> str:
    """Rebuild the index of a type with the mapping of this version; return the new index's name.

    Documents keep their versions, so repeated or late facts change nothing (SRC-3). If a process
    ends midway, the old index stays in use, with writing blocked if it ended in the last step; a
    run with `restart` removes the remains and starts again.

    Args:
        client: client of OpenSearch.
        names: names of indexes and aliases.
        type_: type of the documents.
        shards: number of primary shards of the new index.
        restart: remove an index without aliases that an earlier rebuild left.
        now: current time.

    Raises:
        IndexUnreachable: OpenSearch does not answer, or there is no index yet.
        RebuildUnderWay: another rebuild runs, or left an index, and `restart` is false.
        RebuildIncomplete: some documents were not copied.
    """
    alias = names.read(type_)
    with index_errors("rebuild"):
        old = await _current(client, alias)
        await _clear(client, alias, old, restart=restart)
        new = generation(alias, after=old)
        body = documents_body(type_)
        index = {**body["settings"]["index"], "number_of_shards": shards}
        await client.indices.create(
            index=new,
            body={**body, "settings": {**body["settings"], "index": index}},
            request_timeout=_REQUEST_SECONDS,
        )
        log.info("index.rebuild_begun", old=old, new=new, shards=shards)
        await _copy(client, old, new, since=None)
        await _switch(client, alias, old, new, since=now - _SKEW)
    return new


async def _switch(
    client: AsyncOpenSearch, alias: str, old: str, new: str, *, since: datetime
) -> None:
    """Block writing, copy documents written meanwhile, and move the aliases in one step."""
    await _block(client, old, blocked=True)
    try:
        await client.indices.refresh(index=old, request_timeout=_REQUEST_SECONDS)
        await _copy(client, old, new, since=since)
        await client.indices.refresh(index=new, request_timeout=_REQUEST_SECONDS)
        await _check_complete(client, old, new)
        await client.indices.update_aliases(
            body={
                "actions": [
                    {"remove": {"index": old, "aliases": [alias, written(alias)]}},
                    {"add": {"index": new, "alias": alias}},
                    {"add": {"index": new, "alias": written(alias), "is_write_index": True}},
                ]
            }
        )
    except BaseException:
        await _block(client, old, blocked=False)
        raise
    log.info("index.rebuilt", old=old, new=new)
    await client.indices.delete(index=old, request_timeout=_REQUEST_SECONDS)


async def _copy(client: AsyncOpenSearch, old: str, new: str, *, since: datetime | None) -> None:
    """Copy documents that the new index has not, or has in an older version."""
    source: dict[str, Any] = {"index": old}
    if since is not None:
        written_since = since.astimezone(UTC).isoformat()
        source["query"] = {"range": {"indexed_at": {"gte": written_since}}}
    started = await client.reindex(
        body={
            "conflicts": "proceed",
            "source": source,
            "dest": {"index": new, "version_type": "external"},
        },
        params={"wait_for_completion": "false"},
        request_timeout=_REQUEST_SECONDS,
    )
    while True:
        task = await client.tasks.get(task_id=started["task"], request_timeout=_REQUEST_SECONDS)
        status = task["task"]["status"]
        if task["completed"]:
            break
        log.info("index.copying", done=status["created"] + status["updated"], of=status["total"])
        await asyncio.sleep(_LOOKED_EVERY)
    if task.get("error") or task["response"]["failures"]:
        raise RebuildIncomplete(index=old)


async def _current(client: AsyncOpenSearch, alias: str) -> str:
    """Return the index behind both aliases."""
    if not await client.indices.exists_alias(name=alias):
        raise IndexMissing(doing="rebuild")
    (index,) = await client.indices.get_alias(name=f"{alias},{written(alias)}")
    return str(index)


async def _clear(client: AsyncOpenSearch, alias: str, current: str, *, restart: bool) -> None:
    """Remove an index that an earlier rebuild left, and its write block on the current one."""
    found = await client.indices.get(index=f"{alias}-v*")
    left = [index for index, body in found.items() if not body["aliases"]]
    if left and not restart:
        raise RebuildUnderWay(index=left[0])
    if left:
        await client.indices.delete(index=",".join(left), request_timeout=_REQUEST_SECONDS)
    await _block(client, current, blocked=False)


async def _block(client: AsyncOpenSearch, index: str, *, blocked: bool) -> None:
    await client.indices.put_settings(
        index=index, body={"index.blocks.write": blocked}, request_timeout=_REQUEST_SECONDS
    )


async def _check_complete(client: AsyncOpenSearch, old: str, new: str) -> None:
    previous, after = [
        (await client.count(index=index, request_timeout=_REQUEST_SECONDS))["count"]
        for index in (old, new)
    ]
    if previous != after:
        raise RebuildIncomplete(index=old)
