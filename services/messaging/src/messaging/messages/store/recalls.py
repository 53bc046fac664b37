"""Stored events of recalled messages that still have content (MSG-12).

A recall empties the text in its own transaction and marks the message's entry; facts of reactions,
pins and labels are emptied after it, a bounded batch at a time, until none is left and the mark is
removed.
"""

from collections.abc import Mapping
from typing import Any

from plexuskit.mongo import Database, Index, Transaction, UpdateOne

from messaging.log.domain.entries import EntryKind

_SCHEMA_VERSION = 1
_OF_PARTS = [EntryKind.REACTED.value, EntryKind.PINNED.value, EntryKind.LABELED.value]


class EmptyingStore:
    """The marks and events of the collection `entries` that recalls leave behind."""

    def __init__(self, db: Database) -> None:
        self._entries = db.collection("entries", schema_version=_SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes that find marks, and a message's entries of one kind."""
        await self._entries.ensure_indexes(
            [
                Index(keys=[("emptying", 1)], name="emptying", partial={"emptying": True}),
                Index(
                    keys=[("conversation_id", 1), ("about_seq", 1), ("kind", 1), ("_id", 1)],
                    name="about_kind",
                    partial={"about_seq": {"$exists": True}},
                ),
            ]
        )

    async def begin(self, entry_id: str, *, tx: Transaction) -> None:
        """Mark a recalled message's entry together with its recall."""
        await self._entries.update({"_id": entry_id}, {"$set": {"emptying": True}}, tx=tx)

    async def find_edits(self, conversation_id: str, seq: int) -> list[dict[str, Any]]:
        """Read the entries of a message's edits, of which there are at most 20."""
        return await self._entries.find_all(
            {
                "conversation_id": conversation_id,
                "about_seq": seq,
                "kind": EntryKind.EDITED.value,
            },
            hint="about_kind",
        )

    async def find_full(
        self, conversation_id: str, seq: int, *, after: str, limit: int
    ) -> list[dict[str, Any]]:
        """Read the next entries of a message's reactions, pins and labels that are not emptied.

        Args:
            conversation_id: the conversation.
            seq: the message's.
            after: the id of the last entry read before, empty for the first.
            limit: the most entries.
        """
        query: dict[str, Any] = {
            "conversation_id": conversation_id,
            "about_seq": seq,
            "_id": {"$gt": after},
            "kind": {"$in": _OF_PARTS},
            "purged": {"$ne": True},
        }
        return await self._entries.find_all(
            query, sort=[("_id", 1)], limit=limit, projection=["event"], hint="about_kind"
        )

    async def empty(self, events: Mapping[str, bytes]) -> None:
        """Replace stored events by the same ones without content."""
        ops = [
            UpdateOne(
                {"_id": entry_id},
                {"$set": {"event": event, "purged": True}, "$unset": {"content_hash": ""}},
            )
            for entry_id, event in events.items()
        ]
        await self._entries.bulk(ops)

    async def end(self, conversation_id: str, seq: int) -> None:
        """Remove the mark."""
        await self._entries.update(
            {"conversation_id": conversation_id, "seq": seq}, {"$unset": {"emptying": ""}}
        )

    async def left_behind(self, *, limit: int) -> list[tuple[str, int]]:
        """Return marked messages as conversation and seq."""
        found = await self._entries.find_all(
            {"emptying": True},
            limit=limit,
            projection=["conversation_id", "seq"],
            hint="emptying",
        )
        return [(entry["conversation_id"], entry["seq"]) for entry in found]
