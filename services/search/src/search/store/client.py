"""The connection to OpenSearch, and the one place where its errors get names."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import ClassVar, Final

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import ConnectionError as NotConnected
from opensearchpy.exceptions import TransportError
from plexuskit.errors import DependencyDown

from search.config import OpensearchSection

# What passes by itself: too many requests, and a cluster that is starting, electing or overloaded.
BUSY: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
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
    )
    try:
        yield client
    finally:
        await client.close()


@contextmanager
def index_errors(doing: str) -> Iterator[None]:
    """Give the client's errors inside a name, chained.

    Args:
        doing: what was being done, in a few static words.

    Raises:
        IndexUnreachable: no connection, no answer in time, too busy, or the index is not there.
        TransportError: anything else, which is a fault of this service.
    """
    try:
        yield
    except NotConnected as error:
        raise IndexUnreachable(doing=doing, cause=type(error).__name__) from error
    except TransportError as error:
        if error.status_code in BUSY:
            raise IndexUnreachable(doing=doing, cause=f"HTTP {error.status_code}") from error
        if error.error in {MISSING, CLOSED}:
            raise IndexMissing(doing=doing) from error
        raise
