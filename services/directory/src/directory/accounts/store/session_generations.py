"""The generations of people's sessions: one document per person decides which have ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, Retry, Transaction, UpdateOne

from directory.accounts.domain.sessions import EndCause, Generation
from directory.accounts.store.documents import GENERATIONS
from directory.shared.domain.ids import PersonId, TenantId

SCHEMA_VERSION: Final = 1
_UNFINISHED: Final = "unfinished"


class SessionGenerations:
    """Session generations of all people, and the people whose earlier sessions are being ended."""

    def __init__(self, db: Database) -> None:
        self._generations = db.collection("session_generations", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its index."""
        await self._generations.ensure_indexes(
            [
                Index(
                    keys=[("unfinished", ASCENDING), ("_id", ASCENDING)],
                    partial={"unfinished": True},
                    name=_UNFINISHED,
                )
            ]
        )

    async def enter(
        self, person_id: PersonId, *, tenant_id: TenantId, tx: Transaction
    ) -> Generation:
        """Return the current generation, for a session that this transaction opens.

        It writes, so that opening a session conflicts with ending all: none can slip in between the
        ending of the others and the change that ends them.
        """
        try:
            document = await self._generations.find_and_update(
                {"_id": person_id},
                {
                    # A counter, not a time: setting an equal value never conflicts.
                    "$inc": {"opened": 1},
                    "$setOnInsert": {"tenant_id": tenant_id, "number": 0, "unfinished": False},
                },
                upsert=True,
                tx=tx,
            )
        except DuplicateKey as duplicate:
            raise Retry from duplicate
        assert document is not None  # noqa: S101 -- an upsert returns a document
        return GENERATIONS.from_document(document)

    async def advance(
        self,
        person_ids: Sequence[PersonId],
        *,
        tenant_id: TenantId,
        cause: EndCause,
        actor_id: str,
        unfinished: bool,
        now: datetime,
        tx: Transaction,
    ) -> None:
        """Begin the next generation of people's sessions: all earlier ones have ended.

        In: whether documents of theirs are left to be ended afterwards, until `finish`.
        """
        ended = {
            "tenant_id": tenant_id,
            "cause": cause.value,
            "actor_id": actor_id,
            "ended_at": now,
            "unfinished": unfinished,
        }
        writes = [
            UpdateOne({"_id": person_id}, {"$inc": {"number": 1}, "$set": ended}, upsert=True)
            for person_id in person_ids
        ]
        try:
            await self._generations.bulk(writes, tx=tx)
        except DuplicateKey as duplicate:
            raise Retry from duplicate

    async def finish(self, person_id: PersonId, *, tx: Transaction) -> None:
        """Record that no session of a person's earlier generations remains to be ended."""
        await self._generations.update({"_id": person_id}, {"$set": {"unfinished": False}}, tx=tx)

    async def find(
        self, person_id: PersonId, *, tx: Transaction | None = None
    ) -> Generation | None:
        """Load the generation of a person's sessions; None before the first is opened or ended."""
        found = await self._generations.find_one({"_id": person_id}, tx=tx)
        return GENERATIONS.from_document(found) if found else None

    async def find_many(
        self, person_ids: Sequence[PersonId], *, tx: Transaction | None = None
    ) -> dict[PersonId, Generation]:
        """Load the generations of people's sessions, of those that have one."""
        found = await self._generations.find_all({"_id": {"$in": list(person_ids)}}, tx=tx)
        return {
            PersonId(document["_id"]): GENERATIONS.from_document(document) for document in found
        }

    async def find_unfinished(self, *, limit: int) -> list[Generation]:
        """Find people whose sessions of earlier generations are not all ended yet."""
        found = await self._generations.find_all(
            {"unfinished": True}, sort=[("_id", ASCENDING)], limit=limit, hint=_UNFINISHED
        )
        return [GENERATIONS.from_document(document) for document in found]
