"""Who follows a thread: who takes part in it, and others by choice (MSG-15)."""

from plexuskit.mongo import Database, Index

SCHEMA_VERSION = 1


class ThreadStore:
    """Explicit follows (`thread_follows`), and the thread as the log tells it."""

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
        query = {"conversation_id": conversation_id, "root_seq": root_seq}
        return {doc["person_id"]: doc["follow"] async for doc in self._follows.find(query)}

    async def replies(
        self, conversation_id: str, root_seq: int
    ) -> list[tuple[int, str, list[str]]]:
        """Read (seq, sender, mentioned) of the root and every reply, in order."""
        query = {
            "conversation_id": conversation_id,
            "seq": {"$gte": root_seq},
            "$or": [{"root_seq": root_seq}, {"seq": root_seq}],
        }
        found = self._entries.find(
            query, projection={"seq": 1, "sender_id": 1, "mentioned": 1}, sort=[("seq", 1)]
        )
        return [(doc["seq"], doc["sender_id"], doc.get("mentioned", [])) async for doc in found]
