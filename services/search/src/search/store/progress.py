"""Progress written by indexers and read by query processes."""

from datetime import timedelta
from typing import Final

from opensearchpy import AsyncOpenSearch

from search.domain.lag import Progress
from search.store.client import index_errors
from search.store.documents import milliseconds, progress_of, progress_source
from search.store.indices import Names, written

_MAX_INSTANCES: Final = 200
_KEPT: Final = timedelta(days=1)


async def write(client: AsyncOpenSearch, names: Names, progress: Progress) -> None:
    """Store the progress of one indexer in one group, replacing the previous one."""
    with index_errors("write progress"):
        await client.index(
            index=written(names.progress),
            id=_id(progress.group, progress.instance),
            body=progress_source(progress),
            params={"require_alias": "true"},
        )


async def read(client: AsyncOpenSearch, names: Names) -> list[Progress]:
    """Return the progress of the indexers, the latest first."""
    body = {
        "size": _MAX_INSTANCES,
        "query": {"match_all": {}},
        "sort": [{"written_at": "desc"}],
    }
    with index_errors("read progress"):
        answer = await client.search(index=names.progress, body=body)
    return [progress_of(hit["_source"]) for hit in answer["hits"]["hits"]]


async def forget_old(client: AsyncOpenSearch, names: Names, *, latest: Progress) -> None:
    """Remove progress of this group's indexers older than the latest by a day: they are gone."""
    query = {
        "bool": {
            "filter": [
                {"term": {"group": latest.group}},
                {"range": {"written_at": {"lt": milliseconds(latest.written_at - _KEPT)}}},
            ]
        }
    }
    with index_errors("forget old progress"):
        await client.delete_by_query(
            index=names.progress, body={"query": query}, params={"conflicts": "proceed"}
        )


def _id(group: str, instance: str) -> str:
    return f"{group}:{instance}"
