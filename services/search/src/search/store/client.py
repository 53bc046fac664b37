"""The connection to OpenSearch, and the one place where its errors get names."""

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any, ClassVar, Final

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import ConnectionError as NotConnected
from opensearchpy.exceptions import TransportError
from plexuskit.errors import DependencyDown

from search.config import OpensearchSection
from search.store.tracing import TracedConnection

# Of a whole request: the account or a block of the cluster refuses it, or it is overloaded.
REFUSED: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
)
MISSING: Final = "index_not_found_exception"
CLOSED: Final = "index_closed_exception"  # while its similarity is replaced, see `indices`


class IndexUnreachable(DependencyDown):
    """The search index cannot be reached now; try again in a moment."""


class IndexMissing(IndexUnreachable):
    """The search index does not exist; run `python -m search --provision`."""

    reason: ClassVar[str] = "INDEX_UNREACHABLE"


@asynccontextmanager
async def connect(section: OpensearchSection) -> AsyncIterator[AsyncOpenSearch]:
    """Open a client; it connects with its first request, and never repeats one by itself."""
    # The client logs every failure with its stack, and at DEBUG what people write and search for.
    logging.getLogger("opensearch").setLevel(logging.CRITICAL)
    client = AsyncOpenSearch(
        hosts=[section.url],
        verify_certs=True,
        ca_certs=section.ca_file and str(section.ca_file),
        timeout=section.timeout_seconds,
        max_retries=0,
        retry_on_timeout=False,
        http_compress=False,
        pool_maxsize=32,
        connection_class=TracedConnection,
    )
    try:
        yield client
    finally:
        await client.close()


@contextmanager
def index_errors(doing: str) -> Iterator[None]:
    """Convert the client's errors to named ones, chained.

    Args:
        doing: the operation, in a few static words.

    Raises:
        IndexUnreachable: no connection, no response in time, refused or failed as a whole (401,
            403, 429, 5xx), or the index does not exist.
        TransportError: anything else; a fault of this service or of the request.
    """
    try:
        yield
    except NotConnected as error:
        raise IndexUnreachable(doing=doing, cause=type(error).__name__) from error
    except TransportError as error:
        if broken(error.status_code):
            raise IndexUnreachable(doing=doing, cause=f"HTTP {error.status_code}") from error
        if error.error in {MISSING, CLOSED}:
            raise IndexMissing(doing=doing) from error
        raise


async def hits_of(
    client: AsyncOpenSearch,
    index: str,
    body: Mapping[str, Any],
    *,
    doing: str,
    timeout_seconds: float,
) -> dict[str, Any]:
    """Return the hits of a search that every part of the index has answered.

    Args:
        client: the connection.
        index: indexes or aliases, separated by commas.
        body: the search.
        doing: the operation, for the error.
        timeout_seconds: time limit of the index.

    Raises:
        IndexUnreachable: OpenSearch, or a part of it, does not answer in time.
    """
    with index_errors(doing):
        answer = await client.search(
            index=index,
            body=body,
            params={"allow_partial_search_results": "false"},
            request_timeout=timeout_seconds,
        )
    hits: dict[str, Any] = answer["hits"]
    return hits


def broken(status: object) -> bool:
    """Return whether this HTTP status of a whole request means that the index does not work."""
    return isinstance(status, int) and (
        status in REFUSED or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )
