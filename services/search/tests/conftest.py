import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from search.config import OpensearchSection
from search.domain.access import Readable
from search.domain.documents import Document
from search.domain.query import parse
from search.domain.types import DocumentType
from search.kinds import KINDS
from search.kinds.message import TYPE as MESSAGE
from search.store import Filters, Found, FoundPage, IndexUnreachable, Store, connect

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ROOM = "conversation:cnv_room"
ALL = tuple(KINDS)
AGAIN = 2


@pytest.fixture
def now() -> datetime:
    return NOW


@asynccontextmanager
async def opened_store(section: OpensearchSection) -> AsyncIterator[Store]:
    """A store under a prefix of its own; its indexes are deleted afterwards."""
    async with connect(section) as client:
        store = Store(client, section)
        await store.provision()
        try:
            yield store
        finally:
            indices = await client.indices.get(index=f"{section.index_prefix}*")
            await client.indices.delete(index=",".join(indices))


@pytest.fixture(scope="session")
async def shared_store(opensearch_url: str) -> AsyncIterator[Store]:
    """One set of indexes for tests that keep to a tenant of their own."""
    prefix = f"t{secrets.token_hex(5)}-"
    async with opened_store(OpensearchSection(url=opensearch_url, index_prefix=prefix)) as store:
        yield store


@pytest.fixture
def section(opensearch_url: str, unique_name: str) -> OpensearchSection:
    return OpensearchSection(url=opensearch_url, index_prefix=f"{unique_name}-")


@pytest.fixture
async def own_store(section: OpensearchSection) -> AsyncIterator[Store]:
    """Indexes that nothing else is in."""
    async with opened_store(section) as store:
        yield store


@pytest.fixture
def store(request: pytest.FixtureRequest, shared_store: Store) -> Store:
    """The shared indexes, or the test's own for a test that asks for `own_store`."""
    if "own_store" in request.fixturenames:
        own: Store = request.getfixturevalue("own_store")
        return own
    return shared_store


@pytest.fixture
def tenant(unique_name: str) -> str:
    return f"ten_{unique_name}"


@pytest.fixture
def message(tenant: str) -> Callable[..., Document]:
    """A message that members of the room may read: `message("text", id="msg_1", **fields)`."""
    made = iter(range(1, 1_000_000))

    def document(text: str, **fields: Any) -> Document:
        number = next(made)
        details = {
            "conversation_id": "cnv_room",
            "seq": number,
            "root_seq": 0,
            "mentions": [],
            "has": [],
            "origin": "",
        } | fields.pop("details", {})
        given = {
            "type": MESSAGE,
            "id": f"msg_{tenant}_{number:06d}",
            "tenant_id": tenant,
            "version": 1,
            "containers": (ROOM,),
            "author_id": "per_ann",
            "at": NOW,
            "text": text,
        } | fields
        return Document(**given, details=details)

    return document


@pytest.fixture
def index(store: Store) -> Callable[..., Any]:
    """Write documents and make them findable: `await index(one, another)`."""

    async def written(*documents: Document) -> None:
        assert await store.write(documents, now=NOW) == []
        await store.refresh()

    return written


@pytest.fixture
def find(store: Store, tenant: str) -> Callable[..., Any]:
    """Search as a member of the room: `page = await find("words", readable=…)`."""

    async def found(
        query: str,
        *,
        whole: Sequence[str] = (ROOM,),
        readable: Readable | None = None,
        of: str = "",
        types: tuple[DocumentType, ...] = ALL,
        limit: int = 20,
        after: Any = None,
    ) -> FoundPage:
        allowed = readable or Readable(whole=frozenset(whole), partly={})
        filters = Filters(tenant_id=of or tenant, types=types, readable=allowed)
        # OpenSearch compiles the code it runs, and other tests share its processors.
        for _ in range(AGAIN):
            with suppress(IndexUnreachable):
                return await store.search(parse(query), filters=filters, after=after, limit=limit)
        return await store.search(parse(query), filters=filters, after=after, limit=limit)

    return found


@pytest.fixture
def texts(find: Callable[..., Any]) -> Callable[..., Any]:
    """The texts that a query finds, best first."""

    async def found(query: str, **options: Any) -> list[str]:
        page = await find(query, **options)
        hits: Sequence[Found] = page.found
        return [hit.text for hit in hits]

    return found
