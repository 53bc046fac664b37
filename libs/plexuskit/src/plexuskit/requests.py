"""Requests that were carried out, so that a retry gets the first one's answer (MSG-3, GW-6).

Every mutating call carries the client's request id. The record is written in the transaction of the
change itself: either both are there or neither. Records expire after seven days.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

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


@dataclass(frozen=True, slots=True)
class IdempotentRequest(Generic[ResponseT]):
    """One request as it is remembered; an empty id is never found and never kept.

    For a change that runs its own transaction: ask for the answer first, keep it in the
    transaction, and ask again after a DuplicateKey.
    """

    requests: "Requests"
    key: str
    digest: bytes
    request_id: str
    response: type[ResponseT]
    at: datetime

    async def answer(self) -> ResponseT | None:
        """Find the stored response; None: the request is new.

        Raises:
            RequestIdReused: the id was used for other content.
        """
        return await self.requests.find(self) if self.request_id else None

    async def keep(self, answer: ResponseT, *, tx: Transaction) -> None:
        """Remember the answer together with the change.

        Raises:
            DuplicateKey: the same request was carried out meanwhile.
        """
        if self.request_id:
            await self.requests.insert(self, answer, tx=tx)


class Requests:
    """The collection `requests` of one service."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._requests = db.collection("requests", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the index by which records expire."""
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
            work: the closure; its result is stored and returned to retries.
            request: the whole request; its content decides whether a repeat is a retry.
            request_id: the client's id; empty: carried out every time.
            actor_id: the caller.
            response: the type that `work` returns.
            now: current time.

        Returns:
            The response, and whether it had been given before.

        Raises:
            RequestIdReused: the id was used for other content.
        """
        remembered = self.remembered(
            request=request,
            request_id=request_id,
            actor_id=actor_id,
            response=response,
            now=now,
        )
        if not request_id:
            return await self._db.transact(work), False

        async def remembering(tx: Transaction) -> ResponseT:
            answer = await work(tx)
            await remembered.keep(answer, tx=tx)
            return answer

        known = await remembered.answer()
        if known is not None:
            return known, True
        try:
            return await self._db.transact(remembering), False
        except DuplicateKey:
            known = await remembered.answer()
            if known is None:
                raise
            return known, True

    def remembered(
        self,
        *,
        request: Message,
        request_id: str,
        actor_id: str,
        response: type[ResponseT],
        now: datetime,
    ) -> IdempotentRequest[ResponseT]:
        """Return the stored form of a request; see `once` for the arguments."""
        return IdempotentRequest(
            requests=self,
            key=f"{actor_id}:{request.DESCRIPTOR.full_name}:{request_id}",
            digest=hashlib.sha256(request.SerializeToString(deterministic=True)).digest(),
            request_id=request_id,
            response=response,
            at=now,
        )

    async def insert(
        self, remembered: IdempotentRequest[ResponseT], answer: ResponseT, *, tx: Transaction
    ) -> None:
        """Write the record of a request; see Remembered.keep."""
        record = {
            "_id": remembered.key,
            "hash": remembered.digest,
            "response": answer.SerializeToString(),
            "at": remembered.at,
        }
        await self._requests.insert(record, tx=tx)

    async def find(self, remembered: IdempotentRequest[ResponseT]) -> ResponseT | None:
        """Read the record of a request; see Remembered.answer."""
        record = await self._requests.find_one({"_id": remembered.key})
        if record is None:
            return None
        if bytes(record["hash"]) != remembered.digest:
            raise RequestIdReused(request_id=remembered.request_id)
        return remembered.response.FromString(record["response"])
