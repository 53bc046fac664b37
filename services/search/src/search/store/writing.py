"""Bulk writes in which an older version never replaces a newer one (SRC-3)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import TransportError

from search.domain.documents import Document
from search.store.client import CLOSED, IndexMissing, IndexUnreachable, index_errors
from search.store.documents import source
from search.store.indices import Names

BULK_DOCUMENTS: Final = 500
# a body up to this size is sent without holding up the event loop
BULK_BYTES: Final = 1_000_000
# A mapping error, and a document that is too large.
_OF_DOCUMENTS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
# The index answers for one document what it would answer for any.
_OF_INDEX: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class IndexFailed(Exception):  # noqa: N818 - named after the fact, like every refusal
    """The index failed on one document for an unknown reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A document that the index will never take, and why."""

    position: int
    why: str


async def write(
    client: AsyncOpenSearch,
    names: Names,
    documents: Sequence[Document],
    *,
    now: datetime,
    timeout_seconds: float,
) -> list[Rejected]:
    """Store each document unless the index has a newer version of it; return those it refuses.

    A version conflict is a success: what is there is newer. The same version is written again, so
    that consuming once more repairs.

    Raises:
        IndexUnreachable: not everything is stored, and writing it again later may help.
        IndexFailed: the index failed on a document for an unknown reason.
    """
    rejected: list[Rejected] = []
    for first, lines in _bulks(documents, names=names, now=now):
        with index_errors("bulk"):
            try:
                answer = await client.bulk(
                    body=b"".join(lines),
                    params={
                        "require_alias": "true",
                        "filter_path": "errors,items.*.status,items.*.error.type,"
                        "items.*.error.reason,items.*.error.caused_by.reason",
                    },
                    request_timeout=timeout_seconds,
                )
            except TransportError as error:
                # the request as a whole is refused for what the only document in it is
                if error.status_code not in _OF_DOCUMENTS or len(lines) > 1:
                    raise
                rejected.append(Rejected(position=first, why=str(error.error)))
                continue
        if answer["errors"]:
            rejected += _rejected(answer["items"], first=first)
    return rejected


def _bulks(
    documents: Sequence[Document], *, names: Names, now: datetime
) -> Iterator[tuple[int, list[bytes]]]:
    """Yield bulks as the position of their first document and a line pair per document."""
    first, size = 0, 0
    lines: list[bytes] = []
    for position, document in enumerate(documents):
        line = _line(document, names=names, now=now)
        if lines and (len(lines) == BULK_DOCUMENTS or size + len(line) > BULK_BYTES):
            yield first, lines
            first, size, lines = position, 0, []
        lines.append(line)
        size += len(line)
    if lines:
        yield first, lines


def _line(document: Document, *, names: Names, now: datetime) -> bytes:
    action = {
        "index": {
            "_index": names.write(document.type),
            "_id": document.id,
            "version": document.version,
            "version_type": "external_gte",
        }
    }
    return f"{_json(action)}\n{_json(source(document, now=now))}\n".encode(errors="replace")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _rejected(items: Sequence[dict[str, Any]], *, first: int) -> list[Rejected]:
    """Sort what was not stored: newer there, refused for ever, or to be written again.

    Raises:
        IndexUnreachable: at least one is to be written again.
        IndexFailed: the index failed on one of them for an unknown reason.
    """
    rejected = []
    for position, item in enumerate(items, start=first):
        (result,) = item.values()
        status, error = result["status"], result.get("error")
        if error is None or status == HTTPStatus.CONFLICT:
            continue
        if status == HTTPStatus.NOT_FOUND or error["type"] == CLOSED:
            raise IndexMissing(doing="bulk")
        if status in _OF_INDEX:
            raise IndexUnreachable(doing="bulk", cause=f"HTTP {status} {error['type']}")
        if status not in _OF_DOCUMENTS:
            raise IndexFailed(f"HTTP {status} {error['type']}")
        rejected.append(Rejected(position=position, why=_why(error)))
    return rejected


def _why(error: dict[str, Any]) -> str:
    """Return the error in words, without the content that OpenSearch quotes."""
    cause = error.get("caused_by", {}).get("reason", "")
    return f"{error['type']}: {error['reason']} {cause}".partition("Preview of")[0][:400].strip()
