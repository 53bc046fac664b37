"""The index of this deployment, as the rest of the service sees it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from opensearchpy import AsyncOpenSearch

from search.config import OpensearchSection
from search.domain.definitions import Kinds
from search.domain.documents import Document
from search.domain.lag import Progress
from search.domain.paging import Place
from search.domain.query import Query
from search.domain.types import DocumentType
from search.kinds import KINDS
from search.store import indices, progress, reading, rebuilding, weights, writing
from search.store.client import index_errors
from search.store.documents import source
from search.store.reading import Filters, FoundPage
from search.store.writing import Rejected

PROBE: Final = "probe"


class Store:
    """Documents and progress under one prefix; everything may raise IndexUnreachable."""

    def __init__(
        self, client: AsyncOpenSearch, section: OpensearchSection, *, kinds: Kinds = KINDS
    ) -> None:
        self._client = client
        self.section = section
        self.kinds = kinds
        self._names = indices.Names(section.index_prefix, kinds=kinds)
        self._weights = weights.frozen()

    async def provision(self) -> None:
        """Create missing indexes and aliases."""
        await indices.provision(self._client, self._names)

    async def rebuild(
        self, type_: DocumentType, *, shards: int, restart: bool, now: datetime
    ) -> str:
        """Copy an index into a new one and use that; see `rebuilding.rebuild`."""
        return await rebuilding.rebuild(
            self._client, self._names, type_, shards=shards, restart=restart, now=now
        )

    async def ping(self) -> None:
        """Return when every index can be searched."""
        aliases = [self._names.read(type_) for type_ in self.kinds]
        with index_errors("ping"):
            await self._client.search(
                index=",".join(aliases),
                body={"size": 0, "track_total_hits": False, "terminate_after": 1},
                params={"allow_partial_search_results": "false"},
            )

    async def probe(self, type_: DocumentType, *, now: datetime) -> None:
        """Write the probe document of an index, read it back, and search.

        The document is a tombstone, so it is never found.

        Raises:
            IndexUnreachable: the index does not accept or return it, or cannot be searched.
        """
        probe = Document(type=type_, id=PROBE, tenant_id=PROBE, version=1, gone=True)
        index = self._names.write(type_)
        with index_errors("probe"):
            await self._client.index(
                index=index, id=PROBE, body=source(probe, now=now), params={"require_alias": "true"}
            )
            await self._client.get(index=index, id=PROBE)
        await self.ping()

    async def refresh(self) -> None:
        """Make everything written so far findable at once."""
        with index_errors("refresh"):
            await self._client.indices.refresh(index=",".join(self._names.bodies()))

    async def write(self, documents: Sequence[Document], *, now: datetime) -> list[Rejected]:
        """Store documents by version; see `writing.write`."""
        return await writing.write(
            self._client,
            self._names,
            documents,
            now=now,
            timeout_seconds=self.section.bulk_timeout_seconds,
        )

    async def search(
        self, query: Query, *, filters: Filters, after: Place | None, limit: int
    ) -> FoundPage:
        """Find documents; see `reading.search`."""
        return await reading.search(
            self._client,
            self._names,
            query,
            weights=self._weights,
            filters=filters,
            after=after,
            limit=limit,
            timeout_seconds=self.section.timeout_seconds,
        )

    async def count(self, *, tenant_id: str) -> dict[DocumentType, int]:
        """Count the indexed objects of a tenant by type."""
        return await reading.count(
            self._client,
            self._names,
            tenant_id=tenant_id,
            timeout_seconds=self.section.timeout_seconds,
        )

    async def write_progress(self, written: Progress) -> None:
        """Store how far an indexer is."""
        await progress.write(self._client, self._names, written)

    async def progress(self) -> list[Progress]:
        """Return the latest progress of every indexer."""
        return await progress.read(self._client, self._names)

    async def forget_old_progress(self, *, latest: Progress) -> None:
        """Remove the progress of a group's indexers that ended long ago."""
        await progress.forget_old(self._client, self._names, latest=latest)
