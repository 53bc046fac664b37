"""Heads: a cache of every log's last numbers, and the log's own last entries in bulk."""

from collections.abc import Collection as Ids
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from plexuskit.mongo import Database, Index, UpdateOne

from messaging.log.domain.entries import EMPTY, Head, entry_id
from messaging.log.store.entries import HEAD_FIELDS, head_of

SCHEMA_VERSION = 1
# Conversations in one aggregation: some milliseconds of the server.
MAX_TOGETHER = 500

_HIGHEST = 10**12 - 1
# The time of an empty list: nothing follows it.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Cached(NamedTuple):
    """A cached head, and the head that the log itself has."""

    change_no: int
    actual: Head
    last_at: datetime


class Position(NamedTuple):
    """A place in a list of conversations: the instant by which it is sorted, and the id."""

    at: datetime
    conversation_id: str


class HeadStore:
    """The collection `heads`, and `entries` as far as it is the source of heads."""

    def __init__(self, db: Database) -> None:
        self._heads = db.collection("heads", schema_version=SCHEMA_VERSION)
        self._kept = db.collection("heads_kept", schema_version=SCHEMA_VERSION)
        self._entries = db.collection("entries", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes that the queries below use."""
        await self._heads.ensure_indexes(
            [
                Index(keys=[("tenant_id", 1), ("seq", 1)], name="tenant"),
                # Export of anchors, in order of the conversation.
                Index(keys=[("tenant_id", 1), ("_id", 1)], name="order"),
                # A person's list is sorted from the index alone.
                Index(keys=[("_id", 1), ("last_at", -1), ("saved_at", 1)], name="listed"),
            ]
        )
        await self._kept.ensure_indexes([])

    async def find(self, conversation_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Read cached heads by conversation: at most a second old."""
        found = await self._heads.find_all({"_id": {"$in": list(conversation_ids)}})
        return {document["_id"]: document for document in found}

    async def list_of(self, tenant_id: str, *, after: str, limit: int) -> list[tuple[str, int]]:
        """Read a page of conversations in order of id, each with its cached last number."""
        found = await self._heads.find_all(
            {"tenant_id": tenant_id, "_id": {"$gt": after}},
            projection={"change_no": 1},
            sort=[("_id", 1)],
            limit=limit,
            hint="order",
        )
        return [(head["_id"], head["change_no"]) for head in found]

    async def lengths(self, *, after: str, limit: int) -> dict[str, int]:
        """Read a page of all conversations in order of id: each with its cached last number."""
        found = await self._heads.find_all(
            {"_id": {"$gt": after}}, projection={"change_no": 1}, sort=[("_id", 1)], limit=limit
        )
        return {head["_id"]: head["change_no"] for head in found}

    async def save(self, heads: Mapping[str, tuple[Head, datetime]]) -> None:
        """Write last numbers in bulk; an older number never replaces a newer one.

        `saved_at` is the server's time of the write, by which a listing finds later changes.
        """
        await self._heads.bulk(
            [
                UpdateOne(
                    {"_id": conversation_id, "change_no": {"$lt": head.change_no}},
                    {
                        "$set": {"change_no": head.change_no, "seq": head.seq, "last_at": at},
                        "$currentDate": {"saved_at": True},
                    },
                )
                for conversation_id, (head, at) in heads.items()
            ]
        )

    async def actual(self, conversation_ids: Ids[str]) -> dict[str, Head]:
        """Read the last numbers of several logs (majority), one aggregation for up to 500.

        Conversations without a head are left out: there are none such.
        """
        return {id_: row.actual for id_, row in (await self.compare(conversation_ids)).items()}

    async def compare(self, conversation_ids: Ids[str]) -> dict[str, Cached]:
        """Read cached heads together with the actual ends of the logs (majority)."""
        ids = list(conversation_ids)
        found: dict[str, Cached] = {}
        for first in range(0, len(ids), MAX_TOGETHER):
            rows = await self._heads.aggregate(_compared(ids[first : first + MAX_TOGETHER]))
            found |= {row["_id"]: _cached(row) for row in rows}
        return found

    async def list_before(
        self, conversation_ids: Ids[str], *, before: Position | None, limit: int
    ) -> tuple[list[Position], datetime]:
        """Read conversations by last activity, newest first, after a position of that list.

        Returns:
            The positions, and the server's time when they were read.
        """
        match: dict[str, Any] = {"_id": {"$in": list(conversation_ids)}}
        if before is not None:
            match["last_at"] = {"$lte": before.at}
            match["$or"] = [
                {"last_at": {"$lt": before.at}},
                {"last_at": before.at, "_id": {"$lt": before.conversation_id}},
            ]
        rows = await self._heads.aggregate(
            [
                {"$match": match},
                {"$sort": {"last_at": -1, "_id": -1}},
                {"$limit": limit},
                {"$project": {"last_at": 1, "now": "$$NOW"}},
            ],
            hint="listed",
        )
        found = [Position(row["last_at"], row["_id"]) for row in rows]
        return found, rows[0]["now"] if rows else LONG_AGO

    async def list_moved(
        self, conversation_ids: Ids[str], *, after: Position, limit: int
    ) -> list[Position]:
        """Read conversations by the time at which their head was saved, oldest first."""
        rows = await self._heads.aggregate(
            [
                {
                    "$match": {
                        "_id": {"$in": list(conversation_ids)},
                        "saved_at": {"$gte": after.at},
                        "$or": [
                            {"saved_at": {"$gt": after.at}},
                            {"saved_at": after.at, "_id": {"$gt": after.conversation_id}},
                        ],
                    }
                },
                {"$sort": {"saved_at": 1, "_id": 1}},
                {"$limit": limit},
                {"$project": {"saved_at": 1}},
            ],
            hint="listed",
        )
        return [Position(row["saved_at"], row["_id"]) for row in rows]

    async def first_written(self, since: datetime, until: datetime) -> datetime | None:
        """Find when the first entry in [since, until) was written; None without one."""
        first = await self._entries.find_one(
            {"stored_at": {"$gte": since, "$lt": until}},
            projection={"stored_at": 1},
            sort=[("stored_at", 1)],
            hint="stored_at",
        )
        return None if first is None else first["stored_at"]

    async def written_between(self, since: datetime, until: datetime) -> list[str]:
        """Find the conversations whose logs were written to in [since, until)."""
        rows = await self._entries.aggregate(
            [
                {"$match": {"stored_at": {"$gte": since, "$lt": until}}},
                {"$group": {"_id": "$conversation_id"}},
            ],
            hint="stored_at",
        )
        return [row["_id"] for row in rows]

    async def mark_kept(self, process_id: str, *, through: datetime) -> None:
        """Store the time until which a process has saved the heads of all it acknowledged."""
        await self._kept.update({"_id": process_id}, {"$set": {"through": through}}, upsert=True)

    async def marks(self) -> dict[str, datetime]:
        """Read until when each process has saved its heads; one document per process."""
        return {row["_id"]: row["through"] for row in await self._kept.find_all({})}

    async def remove_mark(self, process_id: str, *, through: datetime) -> None:
        """Remove the mark of a process that ended, unless it was written again meanwhile."""
        await self._kept.delete({"_id": process_id, "through": {"$lte": through}})


def _compared(conversation_ids: list[str]) -> list[dict[str, Any]]:
    """Return the pipeline that joins each head with the last entry of its log."""
    last = {
        "from": "entries",
        "let": {
            "first": {"$concat": ["$_id", entry_id("", 0)]},
            "last": {"$concat": ["$_id", entry_id("", _HIGHEST)]},
        },
        "pipeline": [
            {
                "$match": {
                    "$expr": {"$and": [{"$gte": ["$_id", "$$first"]}, {"$lte": ["$_id", "$$last"]}]}
                }
            },
            {"$sort": {"_id": -1}},
            {"$limit": 1},
            {"$project": {**HEAD_FIELDS, "stored_at": 1}},
        ],
        "as": "entry",
    }
    return [
        {"$match": {"_id": {"$in": conversation_ids}}},
        {"$project": {"change_no": 1, "last_at": 1}},
        {"$lookup": last},
    ]


def _cached(row: Mapping[str, Any]) -> Cached:
    if not row["entry"]:
        return Cached(row["change_no"], EMPTY, row["last_at"])
    (entry,) = row["entry"]
    return Cached(row["change_no"], head_of(entry), entry["stored_at"])


__all__ = ["MAX_TOGETHER", "Cached", "HeadStore", "Position"]
