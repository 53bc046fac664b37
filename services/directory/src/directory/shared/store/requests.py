"""Answers to requests that may come again, stored in the transaction of their effect.

Independent of people: any service can store its request ids this way. An operation looks first
(`answer`), decides, and stores the response before it writes anything else, so that two copies of
one request that run at once conflict here, on the request, and not on its results.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, Retry, Transaction

from directory.shared.domain.refusals import RequestIdReused
from directory.shared.domain.requests import KEPT_FOR, Request

SCHEMA_VERSION: Final = 1


class Requests:
    """Request ids of the last 7 days with their responses."""

    def __init__(self, db: Database) -> None:
        self._requests = db.collection("requests", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection; each request is forgotten 7 days after it was answered."""
        await self._requests.ensure_indexes(
            [Index(keys=[("answered_at", ASCENDING)], expire_after=KEPT_FOR)]
        )

    async def answer(self, request: Request | None, *, tx: Transaction) -> dict[str, Any] | None:
        """Find the stored response of the same request; None for a new one or one without an id.

        Raises:
            RequestIdReused: the id was used with other content.
        """
        if request is None:
            return None
        found = await self._requests.find_one({"_id": request.key}, tx=tx)
        if found is None:
            return None
        if bytes(found["content_hash"]) != request.content_hash:
            raise RequestIdReused(request_id=request.request_id)
        answer: dict[str, Any] = found["answer"]
        return answer

    async def remember(
        self, request: Request | None, answer: Mapping[str, Any], *, now: datetime, tx: Transaction
    ) -> None:
        """Store the response of a request; nothing for one without an id.

        Raises:
            Retry: a copy of the request was answered meanwhile; the transaction finds that answer
                then.
        """
        if request is None:
            return
        document = {
            "_id": request.key,
            "content_hash": request.content_hash,
            "answer": dict(answer),
            "answered_at": now,
        }
        try:
            await self._requests.insert(document, tx=tx)
        except DuplicateKey as duplicate:
            raise Retry from duplicate
