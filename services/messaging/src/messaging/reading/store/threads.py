"""Followers of a thread: participants, and others by choice (MSG-15)."""

from collections.abc import Sequence
from typing import NamedTuple

from plexuskit.mongo import Database, Index

SCHEMA_VERSION = 1


class Replier(NamedTuple):
    """Counts of one sender's replies in a thread, as one reader may see them."""

    person_id: str
    last_seq: int
    visible: int
    unread: int


class ThreadStore:
    """Explicit follows (`thread_follows`), and the thread as derived from the log."""

    def __init__(self, db: Database) -> None:
        self._follows = db.collection("thread_follows", schema_version=SCHEMA_VERSION)
        self._entries = db.collection("entries", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the index that the query below uses."""
        await self._follows.ensure_indexes(
            [Index(keys=[("conversation_id", 1), ("root_seq", 1)], name="thread")]
        )

    async def choose(
        self, conversation_id: str, root_seq: int, person_id: str, *, follow: bool
    ) -> None:
        """Remember that a person follows a thread, or does not in spite of taking part."""
        await self._follows.update(
            {"_id": f"{conversation_id}:{root_seq}:{person_id}"},
            {
                "$set": {
                    "conversation_id": conversation_id,
                    "root_seq": root_seq,
                    "person_id": person_id,
                    "follow": follow,
                }
            },
            upsert=True,
        )

    async def choices(self, conversation_id: str, root_seq: int) -> dict[str, bool]:
        """Find explicit choices as {person: follows}."""
        found = await self._follows.find_all(
            {"conversation_id": conversation_id, "root_seq": root_seq}
        )
        return {document["person_id"]: document["follow"] for document in found}

    async def find_root(self, conversation_id: str, root_seq: int) -> tuple[str, list[str]] | None:
        """Read sender and mentioned people of the message that a thread begins with."""
        root = await self._entries.find_one(
            {"conversation_id": conversation_id, "seq": root_seq},
            projection={"sender_id": 1, "mentioned": 1},
            hint="seq",
        )
        return None if root is None else (root["sender_id"], root.get("mentioned", []))

    async def count_replies(
        self,
        conversation_id: str,
        root_seq: int,
        *,
        ranges: Sequence[tuple[int, int]],
        through_seq: int,
    ) -> list[Replier]:
        """Count the replies of a thread by sender; from the index alone.

        Args:
            conversation_id: the conversation.
            root_seq: number of the thread's first message.
            ranges: (first, last) numbers that are counted.
            through_seq: those after it are unread.
        """
        visible = {
            "$or": [
                {"$and": [{"$gte": ["$seq", first]}, {"$lte": ["$seq", last]}]}
                for first, last in ranges
            ]
        }
        unread = {"$and": [visible, {"$gt": ["$seq", through_seq]}]}
        rows = await self._entries.aggregate(
            [
                {"$match": {"conversation_id": conversation_id, "root_seq": root_seq}},
                {
                    "$group": {
                        "_id": "$sender_id",
                        "last": {"$max": "$seq"},
                        "visible": {"$sum": {"$cond": [visible, 1, 0]}},
                        "unread": {"$sum": {"$cond": [unread, 1, 0]}},
                    }
                },
            ],
            hint="thread",
        )
        return [Replier(row["_id"], row["last"], row["visible"], row["unread"]) for row in rows]

    async def mentioned(self, conversation_id: str, root_seq: int) -> set[str]:
        """Find everything that the replies of a thread mention."""
        rows = await self._entries.aggregate(
            [
                {
                    "$match": {
                        "conversation_id": conversation_id,
                        "root_seq": root_seq,
                        "mentioned": {"$exists": True},
                    }
                },
                {"$unwind": "$mentioned"},
                {"$group": {"_id": "$mentioned"}},
            ],
            hint="thread_mentions",
        )
        return {row["_id"] for row in rows}
