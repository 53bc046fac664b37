"""Requests that were carried out, so that a retry gets the first one's answer (MSG-3, GW-6).

Every mutating call carries the client's request id. The record is written in the transaction of the
change itself: either both are there or neither. Records expire after seven days.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from google.protobuf.message import Message

from plexuskit.errors import Kind, Refusal
from plexuskit.mongo import Database, DuplicateKey, Index, Transaction

SCHEMA_VERSION = 1
KEPT = timedelta(days=7)

ResponseT = TypeVar("ResponseT", bound=Message)


class RequestIdReused(Refusal):
    """The same request id came with other content."""

    kind = Kind.ALREADY_EXISTS
    text = "Request id {request_id} was used for another request; take a new id."


class Requests:
    """The collection `requests` of one service."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._requests = db.collection("requests", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the index that lets records expire."""
        await self._requests.ensure_indexes(
            [Index(keys=[("at", 1)], name="expiry", expire_after=KEPT)]
        )

    async def once(
        self,
        work: Callable[[Transaction], Awaitable[ResponseT]],
        *,
        request: Message,
        request_id: str,
        actor_id: str,
        response: type[ResponseT],
        now: datetime,
    ) -> tuple[ResponseT, bool]:
        """Carry out a re-runnable closure once per (actor, method, request id), in one transaction.

        Args:
            work: the closure; what it returns is remembered and answered to retries.
            request: the whole request; its content decides whether a repeat is a retry.
            request_id: the client's id; empty: carried out every time.
            actor_id: who asks.
            response: the type that `work` returns.
            now: when.

        Returns:
            The response, and whether it had been given before.

        Raises:
            RequestIdReused: the id was used for other content.
        """
        if not request_id:
            return await self._db.transact(work), False
        key = f"{actor_id}:{request.DESCRIPTOR.full_name}:{request_id}"
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()

        async def remembered(tx: Transaction) -> ResponseT:
            answer = await work(tx)
            record = {"_id": key, "hash": digest, "response": answer.SerializeToString(), "at": now}
            await self._requests.insert(record, tx=tx)
            return answer

        known = await self._find(key, digest, request_id, response)
        if known is not None:
            return known, True
        try:
            return await self._db.transact(remembered), False
        except DuplicateKey:
            known = await self._find(key, digest, request_id, response)
            if known is None:
                raise
            return known, True

    async def _find(
        self, key: str, digest: bytes, request_id: str, response: type[ResponseT]
    ) -> ResponseT | None:
        record = await self._requests.find_one({"_id": key})
        if record is None:
            return None
        if bytes(record["hash"]) != digest:
            raise RequestIdReused(request_id=request_id)
        return response.FromString(record["response"])
