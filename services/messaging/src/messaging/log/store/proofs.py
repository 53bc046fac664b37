"""The log as verification reads it, and the hashes that recalled entries must lose (MSG-20)."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from plexuskit.mongo import Database, UpdateOne
from plexuskit.paging import PageBudget

from messaging.log.domain.entries import entry_id
from messaging.log.store.entries import SCHEMA_VERSION, STREAMED, entry_size


class ProofStore:
    """The collection `entries`, read and mended for the chain of hashes."""

    def __init__(self, db: Database) -> None:
        self._entries = db.collection("entries", schema_version=SCHEMA_VERSION)

    async def list_entries(
        self, conversation_id: str, *, since: int, limit: int
    ) -> tuple[list[dict[str, Any]], bool]:
        """Read entries with a larger number, in order, some 2 MiB of them; and whether more follow.

        Never none while there are some.
        """
        return await self._entries.find_page(
            {"_id": {"$gt": entry_id(conversation_id, since), "$lt": f"{conversation_id}:~"}},
            budget=PageBudget(items=limit),
            size_of=entry_size,
            sort=[("_id", 1)],
        )

    async def find_posted(
        self, conversation_id: str, seqs: Iterable[int]
    ) -> dict[int, dict[str, Any]]:
        """Read the posted entries of messages, by seq."""
        query = {"conversation_id": conversation_id, "seq": {"$in": list(seqs)}}
        return {entry["seq"]: entry async for entry in self._entries.find(query, hint="seq")}

    async def stream_about(
        self, conversation_id: str, seqs: Iterable[int]
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the entries of every change of some messages, a few in memory at a time.

        In order of messages, and for each message in order of the log.
        """
        query = {"conversation_id": conversation_id, "about_seq": {"$in": list(seqs)}}
        order = [("about_seq", 1), ("_id", 1)]
        async for entry in self._entries.find(query, sort=order, hint="about", batch_size=STREAMED):
            yield entry

    async def links(self, heads: Iterable[tuple[str, int]]) -> dict[str, bytes]:
        """Read the links of entries by (conversation, number), those that may be shown.

        Not shown are links of version 1 in logs from which something was recalled.
        """
        ids = [entry_id(conversation_id, number) for conversation_id, number in heads]
        found = await self._entries.find_all(
            {"_id": {"$in": ids}},
            projection={"conversation_id": 1, "chain_hash": 1, "header_hash": 1},
        )
        older = [each["conversation_id"] for each in found if "header_hash" not in each]
        rows = (
            await self._entries.aggregate(
                [
                    {"$match": {"conversation_id": {"$in": older}, "purged": True}},
                    {"$group": {"_id": "$conversation_id"}},
                ],
                hint="purged",
            )
            if older
            else []
        )
        hidden = {row["_id"] for row in rows}
        return {
            each["conversation_id"]: bytes(each["chain_hash"])
            for each in found
            if each["conversation_id"] not in hidden
        }

    async def recalled_with_hash(
        self, *, limit: int, conversation_id: str = ""
    ) -> list[dict[str, Any]]:
        """Find entries recalled before version 2 of the chain whose hash was not erased yet.

        Of all logs, or of one.
        """
        query: dict[str, Any] = {"purged": True, "content_hash": {"$exists": True}}
        if conversation_id:
            query = {"conversation_id": conversation_id, **query}
        return await self._entries.find_all(query, limit=limit, hint="recalled_hash")

    async def save_tombstones(self, events: Mapping[str, bytes]) -> None:
        """Replace the events of recalls by the same ones without the recalled content's hash."""
        ops = [
            UpdateOne({"_id": entry_id}, {"$set": {"event": event}})
            for entry_id, event in events.items()
        ]
        if ops:
            await self._entries.bulk(ops)

    async def erase_hashes(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Remove the unsalted hash from recalled entries: set the given fields by entry id."""
        ops = [
            UpdateOne(
                {"_id": entry_id, "purged": True},
                {"$set": dict(fields), "$unset": {"content_hash": ""}},
            )
            for entry_id, fields in changes.items()
        ]
        await self._entries.bulk(ops)

    async def any_purged(self, conversation_id: str, *, through: int) -> bool:
        """Return whether an entry up to this number was recalled; from the index alone."""
        found = await self._entries.find_one(
            {
                "conversation_id": conversation_id,
                "purged": True,
                "_id": {"$lte": entry_id(conversation_id, through)},
            },
            projection={"_id": 1},
            hint="purged",
        )
        return found is not None
