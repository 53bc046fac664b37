"""Drafts, also emptied ones: one document per place."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from plexuskit.mongo import Database, DuplicateKey, Index, Retry, Transaction
from plexuskit.paging import PageBudget

from messaging.personal.domain.drafts import Draft, DraftKey

SCHEMA_VERSION = 1


class DraftStore:
    """The collection `drafts`; `_id` is `<person>:<conversation>:<root_seq>`."""

    def __init__(self, db: Database) -> None:
        self._drafts = db.collection("drafts", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the index of a person's drafts, newest first; emptied ones are not in it."""
        await self._drafts.ensure_indexes(
            [
                Index(
                    keys=[("person_id", 1), ("written_at", -1), ("_id", -1)],
                    name="person",
                    partial={"has_words": True},
                )
            ]
        )

    async def find(self, key: DraftKey, *, tx: Transaction) -> Draft | None:
        """Find the draft at a place, emptied or not."""
        document = await self._drafts.find_one({"_id": key.id}, tx=tx)
        return None if document is None else _draft(document)

    async def save(self, draft: Draft, *, tx: Transaction) -> None:
        """Write the next version.

        Raises:
            Retry: another one was written meanwhile.
        """
        document = _document(draft)
        if draft.version == 1:
            try:
                await self._drafts.insert(document, tx=tx)
            except DuplicateKey as other:
                raise Retry from other
            return
        current = {"_id": draft.key.id, "version": draft.version - 1}
        if not await self._drafts.replace(current, document, tx=tx):
            raise Retry

    async def places(self, person_id: str, *, tx: Transaction) -> list[str]:
        """Name the conversations of a person's drafts, one for each draft."""
        found = await self._drafts.find_all(
            {"person_id": person_id, "has_words": True},
            projection=["conversation_id"],
            hint="person",
            tx=tx,
        )
        return [document["conversation_id"] for document in found]

    async def count(self, person_id: str, *, tx: Transaction) -> int:
        """Count a person's drafts."""
        return await self._drafts.count({"person_id": person_id, "has_words": True}, tx=tx)

    async def page(
        self, person_id: str, *, before: tuple[datetime, str] | None, budget: PageBudget
    ) -> tuple[list[Draft], bool]:
        """Read drafts, newest first, after the one with that (written_at, id); are there more?"""
        query: dict[str, Any] = {"person_id": person_id, "has_words": True}
        if before is not None:
            at, last = before
            query["written_at"] = {"$lte": at}
            query["$or"] = [
                {"written_at": {"$lt": at}},
                {"written_at": at, "_id": {"$lt": last}},
            ]
        found, more = await self._drafts.find_page(
            query,
            budget=budget,
            size_of=lambda document: len(document["words"]),
            sort=[("written_at", -1), ("_id", -1)],
            hint="person",
        )
        return [_draft(document) for document in found], more


def _document(draft: Draft) -> dict[str, Any]:
    return {
        "_id": draft.key.id,
        "tenant_id": draft.tenant_id,
        "person_id": draft.key.person_id,
        "conversation_id": draft.key.conversation_id,
        "root_seq": draft.key.root_seq,
        "words": draft.words,
        "has_words": draft.has_words,
        "written_at": draft.written_at,
        "version": draft.version,
    }


def _draft(document: Mapping[str, Any]) -> Draft:
    return Draft(
        key=DraftKey(document["person_id"], document["conversation_id"], document["root_seq"]),
        tenant_id=document["tenant_id"],
        words=bytes(document["words"]),
        written_at=document["written_at"],
        version=document["version"],
    )
