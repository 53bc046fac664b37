"""Digests of older entries along the way, so that a long log is never read at once (MSG-20)."""

from collections.abc import Mapping
from typing import Final

from plexuskit.mongo import Database, UpdateOne

from messaging.log.domain.chain import OlderEntries
from messaging.log.domain.entries import entry_id

SCHEMA_VERSION: Final = 1
# Entries from one to the next.
APART: Final = 1_000


class CheckpointStore:
    """The collection `older_digests`: `_id` = `<conversation>:<change_no>`, the digest through it.

    They are no proof themselves: each is computed again when the stretch behind it is verified.
    """

    def __init__(self, db: Database) -> None:
        self._digests = db.collection("older_digests", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the collection."""
        await self._digests.ensure_indexes([])

    async def last(self, conversation_id: str, *, max_number: int) -> OlderEntries:
        """Return the digest at the last checkpoint up to a number; that of nothing without one."""
        found = await self._digests.find_one(
            {"_id": {"$gt": f"{conversation_id}:", "$lte": entry_id(conversation_id, max_number)}},
            sort=[("_id", -1)],
        )
        if found is None:
            return OlderEntries()
        return OlderEntries(digest=bytes(found["digest"]), through=int(found["through"]))

    async def between(self, conversation_id: str, first: int, last: int) -> dict[int, bytes]:
        """Return the digests at the checkpoints of a stretch, by number."""
        span = {"$gte": entry_id(conversation_id, first), "$lte": entry_id(conversation_id, last)}
        found = await self._digests.find_all({"_id": span}, sort=[("_id", 1)])
        return {int(each["through"]): bytes(each["digest"]) for each in found}

    async def save(self, conversation_id: str, digests: Mapping[int, bytes]) -> None:
        """Store checkpoints; existing ones stay unchanged."""
        await self._digests.bulk(
            [
                UpdateOne(
                    {"_id": entry_id(conversation_id, through)},
                    {"$setOnInsert": {"through": through, "digest": digest}},
                    upsert=True,
                )
                for through, digest in digests.items()
            ]
        )
