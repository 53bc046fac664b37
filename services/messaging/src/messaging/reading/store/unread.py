"""Unread counts of a person (MSG-8, MSG-15)."""

from collections.abc import Mapping, Sequence
from typing import Any

from plexuskit.mongo import Database

from messaging.log.store.entries import either

SCHEMA_VERSION = 1


class UnreadStore:
    """Counting reads of the collection `entries`; its indexes are the entry store's."""

    def __init__(self, db: Database) -> None:
        self._entries = db.collection("entries", schema_version=SCHEMA_VERSION)

    async def count_unread(
        self, person_id: str, windows: Mapping[str, int], *, addressed_as: Sequence[str] = ()
    ) -> dict[str, int]:
        """Count unread messages after each conversation's window start (MSG-8).

        One aggregation for a page of conversations: others' messages, neither system nor recalled;
        with `addressed_as` only those that mention one of these: a person, everyone, departments.
        """
        windows_ = [
            {"conversation_id": conversation_id, "seq": {"$gt": after}}
            for conversation_id, after in windows.items()
        ]
        if not windows_:
            return {}
        match: dict[str, Any] = {**either(windows_), "sender_id": {"$ne": person_id}}
        match |= {"silent": False}
        if addressed_as:
            match["mentioned"] = {"$in": list(addressed_as)}
        counted = await self._entries.aggregate(
            [{"$match": match}, {"$group": {"_id": "$conversation_id", "n": {"$sum": 1}}}],
            hint="mentioned" if addressed_as else "seq",
        )
        return {row["_id"]: row["n"] for row in counted}

    async def list_last_replies(
        self, person_id: str, windows: Mapping[str, int]
    ) -> dict[str, dict[int, int]]:
        """Find the threads in which others replied (MSG-15).

        Returns:
            {conversation: {root_seq: last seq}}.
        """
        windows_ = [
            {"conversation_id": conversation_id, "seq": {"$gt": after}, "root_seq": {"$gt": 0}}
            for conversation_id, after in windows.items()
        ]
        if not windows_:
            return {}
        rows = await self._entries.aggregate(
            [
                {"$match": {**either(windows_), "sender_id": {"$ne": person_id}}},
                {
                    "$group": {
                        "_id": {"c": "$conversation_id", "r": "$root_seq"},
                        "last": {"$max": "$seq"},
                    }
                },
            ],
            hint="replies",
        )
        found: dict[str, dict[int, int]] = {}
        for row in rows:
            found.setdefault(row["_id"]["c"], {})[row["_id"]["r"]] = row["last"]
        return found
