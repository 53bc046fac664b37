"""Request ids of mutating calls and the answers they got, kept 7 days (GW-6)."""

from datetime import datetime, timedelta
from typing import Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, Retry, Transaction

from tasks.domain.identity import Actor
from tasks.domain.projects import Project
from tasks.domain.refusals import RequestIdReused
from tasks.domain.task import Task
from tasks.store.documents import (
    REQUEST_SCHEMA,
    Document,
    project_document,
    project_of,
    task_document,
    task_of,
)

KEPT: Final = timedelta(days=7)


class RequestStore:
    """Collection `requests`: one document per person and request id."""

    def __init__(self, db: Database) -> None:
        self._requests = db.collection("requests", schema_version=REQUEST_SCHEMA)

    async def ensure_indexes(self) -> None:
        """Create the indexes of these queries."""
        await self._requests.ensure_indexes(
            [Index(keys=[("expires_at", ASCENDING)], expire_after=timedelta(0), name="expiry")]
        )

    async def answered(
        self, request_id: str, *, actor: Actor, digest: bytes, now: datetime, tx: Transaction
    ) -> Task | Project | None:
        """Return the stored response of this request, or None when it is new.

        Refusals: RequestIdReused when it came with other content.
        """
        document = await self._requests.find_one({"_id": _id(request_id, actor)}, tx=tx)
        # The server deletes expired documents up to a minute late.
        if document is None or document["expires_at"] <= now:
            return None
        if document["digest"] != digest:
            raise RequestIdReused(request_id=request_id)
        return _answer_of(document["answer"])

    async def record(
        self,
        request_id: str,
        *,
        actor: Actor,
        digest: bytes,
        answer: Task | Project,
        now: datetime,
        tx: Transaction,
    ) -> None:
        """Store the response of a request; run again if the same one is being answered elsewhere.

        Raises:
            Retry: another process recorded it first.
        """
        key = _id(request_id, actor)
        try:
            await self._requests.replace(
                {"_id": key, "expires_at": {"$lte": now}},
                {
                    "_id": key,
                    "tenant_id": actor.tenant_id,
                    "digest": digest,
                    "answer": _answer_document(answer),
                    "expires_at": now + KEPT,
                },
                upsert=True,
                tx=tx,
            )
        except DuplicateKey as recorded:
            raise Retry from recorded


def _id(request_id: str, actor: Actor) -> str:
    return f"{actor.tenant_id}/{actor.person_id}/{request_id}"


def _answer_document(answer: Task | Project) -> Document:
    if isinstance(answer, Task):
        return {"task": task_document(answer)}
    return {"project": project_document(answer)}


def _answer_of(document: Document) -> Task | Project:
    if "task" in document:
        return task_of(document["task"])
    return project_of(document["project"])
