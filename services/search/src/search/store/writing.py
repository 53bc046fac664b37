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
from search.store import merging
from search.store.client import CLOSED, IndexMissing, IndexUnreachable, index_errors
from search.store.documents import source
from search.store.indices import Names

BULK_DOCUMENTS: Final = 500
# a body up to this size is sent without holding up the event loop
BULK_BYTES: Final = 1_000_000
# A mapping error, and a document that is too large.
_OF_DOCUMENTS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
# Statuses of the index for one document that would be the same for any.
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

    A version conflict is a success: the index has a newer one. The same version is written again,
    so that consuming once more repairs. A message that is new to the index is created; an existing
    one is merged, see `merging`.

    Raises:
        IndexUnreachable: not everything is stored, and writing it again later may help.
        IndexFailed: the index failed on a document for an unknown reason.
    """
    sending = _Sending(client, names, now=now, timeout_seconds=timeout_seconds)
    places = list(enumerate(documents))
    stored = await sending.send(places, merge=False)
    if stored:
        await sending.send([(place, documents[place]) for place in stored], merge=True)
    return sorted(sending.rejected, key=lambda each: each.position)


class _Sending:
    """The bulks of one call."""

    def __init__(
        self, client: AsyncOpenSearch, names: Names, *, now: datetime, timeout_seconds: float
    ) -> None:
        self._client = client
        self._names = names
        self._now = now
        self._timeout = timeout_seconds
        self.rejected: list[Rejected] = []

    async def send(self, documents: Sequence[tuple[int, Document]], *, merge: bool) -> list[int]:
        """Send documents with their places; return the places of messages that are there already.

        Args:
            documents: in order.
            merge: whether messages are merged into what is there instead of created.
        """
        stored: list[int] = []
        for places, lines in self._bulks(documents, merge=merge):
            with index_errors("bulk"):
                try:
                    answer = await self._client.bulk(
                        body=b"".join(lines),
                        params={
                            "require_alias": "true",
                            "filter_path": "errors,items.*.status,items.*.error.type,"
                            "items.*.error.reason,items.*.error.caused_by.reason",
                        },
                        request_timeout=self._timeout,
                    )
                except TransportError as error:
                    # the request as a whole is refused because of its only document
                    if error.status_code not in _OF_DOCUMENTS or len(lines) > 1:
                        raise
                    self.rejected.append(Rejected(position=places[0], why=str(error.error)))
                    continue
            if answer["errors"]:
                rejected, conflicts = _judged(answer["items"], places)
                self.rejected += rejected
                stored += conflicts
        return stored

    def _bulks(
        self, documents: Sequence[tuple[int, Document]], *, merge: bool
    ) -> Iterator[tuple[list[int], list[bytes]]]:
        """Yield bulks as the places of their documents and a line pair per document."""
        size = 0
        places: list[int] = []
        lines: list[bytes] = []
        for place, document in documents:
            line = self._line(document, merge=merge)
            if lines and (len(lines) == BULK_DOCUMENTS or size + len(line) > BULK_BYTES):
                yield places, lines
                size, places, lines = 0, [], []
            places.append(place)
            lines.append(line)
            size += len(line)
        if lines:
            yield places, lines

    def _line(self, document: Document, *, merge: bool) -> bytes:
        index = self._names.write(document.type)
        if document.type.merged:
            if merge or document.version > 1 or document.partial:
                pair = merging.update(document, index=index, now=self._now)
            else:
                created = {"create": {"_index": index, "_id": document.id}}
                pair = [created, merging.stored(document, now=self._now)]
        else:
            action: dict[str, dict[str, Any]] = {
                "index": {
                    "_index": index,
                    "_id": document.id,
                    "version": document.version,
                    "version_type": "external_gte",
                }
            }
            pair = [action, source(document, now=self._now)]
        return "".join(f"{_json(each)}\n" for each in pair).encode(errors="replace")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _judged(
    items: Sequence[dict[str, Any]], places: Sequence[int]
) -> tuple[list[Rejected], list[int]]:
    """Separate documents that were not stored: refused for good, or already in the index.

    Raises:
        IndexUnreachable: at least one is to be written again.
        IndexFailed: the index failed on one of them for an unknown reason.
    """
    rejected, stored = [], []
    for place, item in zip(places, items, strict=True):
        ((action, result),) = item.items()
        status, error = result["status"], result.get("error")
        if error is None:
            continue
        if status == HTTPStatus.CONFLICT and action != "update":
            if action == "create":
                stored.append(place)
            continue
        if status == HTTPStatus.NOT_FOUND or error["type"] == CLOSED:
            raise IndexMissing(doing="bulk")
        if status in _OF_INDEX or status == HTTPStatus.CONFLICT:
            raise IndexUnreachable(doing="bulk", cause=f"HTTP {status} {error['type']}")
        if status not in _OF_DOCUMENTS:
            raise IndexFailed(f"HTTP {status} {error['type']}")
        rejected.append(Rejected(position=place, why=_why(error)))
    return rejected, stored


def _why(error: dict[str, Any]) -> str:
    """Return the error in words, without the content that OpenSearch quotes."""
    cause = error.get("caused_by", {}).get("reason", "")
    return f"{error['type']}: {error['reason']} {cause}".partition("Preview of")[0][:400].strip()
