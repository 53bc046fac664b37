"""Pages of a conversation's log: messages, changes, edits and pins, bounded by bytes (MSG-21)."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from plexus.messaging.v1 import messages_pb2
from plexuskit.mongo import Database
from plexuskit.paging import PageBudget

from messaging.log.domain.entries import EntryKind, entry_id
from messaging.log.store.entries import STREAMED, either, entries_between, entry_size, seqs_between
from messaging.messages.store.messages import message_of

SCHEMA_VERSION = 1


class Revision(NamedTuple):
    """Current revision of a message."""

    message_id: str
    number: int
    recalled: bool


class HistoryStore:
    """Reads of the collection `entries`; its indexes are the entry store's."""

    def __init__(self, db: Database) -> None:
        self._entries = db.collection("entries", schema_version=SCHEMA_VERSION)

    async def list_edits(
        self, conversation_id: str, seq: int, *, after: int, budget: PageBudget
    ) -> tuple[list[dict[str, Any]], bool]:
        """Read the entries of a message's edits after a change_no, in order (MSG-11)."""
        return await self._entries.find_page(
            {
                "conversation_id": conversation_id,
                "about_seq": seq,
                "kind": EntryKind.EDITED.value,
                "_id": {"$gt": entry_id(conversation_id, after)},
            },
            budget=budget,
            size_of=entry_size,
            sort=[("_id", 1)],
            hint="edits",
        )

    async def list_pinned(
        self, conversation_id: str, *, before: tuple[datetime, int] | None, budget: PageBudget
    ) -> tuple[list[dict[str, Any]], bool]:
        """Read entries of pinned messages, newest pin first, after a (pinned_at, seq)."""
        query: dict[str, Any] = {"conversation_id": conversation_id}
        query["pinned_at"] = {"$exists": True}
        if before is not None:
            at, seq = before
            query["pinned_at"] = {"$lte": at}
            query["$or"] = [{"pinned_at": {"$lt": at}}, {"seq": {"$lt": seq}}]
        return await self._entries.find_page(
            query,
            budget=budget,
            size_of=size_of,
            sort=[("pinned_at", -1), ("seq", -1)],
            hint="pins",
        )

    async def list_messages(
        self,
        conversation_id: str,
        *,
        ranges: Sequence[tuple[int, int]],
        root_seq: int,
        backwards: bool,
        budget: PageBudget,
    ) -> tuple[list[messages_pb2.Message], bool]:
        """Read messages with a seq in one of the ranges (last 0: no end), nearest first.

        With `root_seq` the replies of that thread alone; its root is no reply.

        Returns:
            What fits into the budget, and whether more follow.
        """
        spans = [{"seq": seqs_between(first, last)} for first, last in ranges]
        if not spans:
            return [], False
        query: dict[str, Any] = {"conversation_id": conversation_id}
        if root_seq:
            query["root_seq"] = root_seq
        found, more = await self._entries.find_page(
            {**query, **either(spans)},
            budget=budget,
            size_of=size_of,
            sort=[("seq", -1 if backwards else 1)],
            hint="thread" if root_seq else "seq",
        )
        return [message_of(entry) for entry in found], more

    async def stream_messages(
        self, conversation_id: str, seqs: Iterable[int]
    ) -> AsyncIterator[messages_pb2.Message]:
        """Yield messages by number, a few of them in memory at a time."""
        query = {"conversation_id": conversation_id, "seq": {"$in": list(seqs)}}
        async for entry in self._entries.find(query, hint="seq", batch_size=STREAMED):
            yield message_of(entry)

    async def message_sizes(self, conversation_id: str, seqs: Iterable[int]) -> dict[int, int]:
        """Read the current sizes of messages in bytes, by number, without loading them."""
        wanted = list(seqs)
        if not wanted:
            return {}
        rows = await self._entries.aggregate(
            [
                {"$match": {"conversation_id": conversation_id, "seq": {"$in": wanted}}},
                {
                    "$project": {
                        "seq": 1,
                        "size": {"$binarySize": {"$ifNull": ["$current", "$event"]}},
                    }
                },
            ],
            hint="seq",
        )
        return {row["seq"]: row["size"] for row in rows}

    async def page_changes(
        self, conversation_id: str, *, since: int, through: int, budget: PageBudget
    ) -> tuple[list[dict[str, Any]], bool]:
        """Read raw entries in (since, through] that fit into a page, and whether more follow."""
        return await self._entries.find_page(
            {"_id": entries_between(conversation_id, since + 1, through)},
            budget=budget,
            size_of=entry_size,
            sort=[("_id", 1)],
        )

    async def find_revisions(
        self, seqs: Mapping[str, Iterable[int]]
    ) -> dict[str, dict[int, Revision]]:
        """Read id, revision and recall of messages of several conversations, in one read."""
        places = [
            {"conversation_id": conversation_id, "seq": {"$in": list(numbers)}}
            for conversation_id, numbers in seqs.items()
        ]
        if not places:
            return {}
        found = await self._entries.find_all(
            either(places),
            projection={"conversation_id": 1, "seq": 1, "entity_id": 1, "current": 1},
            hint="seq",
        )
        revisions: dict[str, dict[int, Revision]] = {}
        for entry in found:
            revision = Revision(entry["entity_id"], 1, recalled=False)
            if "current" in entry:
                message = messages_pb2.Message.FromString(entry["current"])
                revision = Revision(message.id, message.revision, recalled=message.recalled)
            revisions.setdefault(entry["conversation_id"], {})[entry["seq"]] = revision
        return revisions


def size_of(entry: Mapping[str, Any]) -> int:
    """Return the approximate size of a posted entry's message in bytes."""
    return len(entry.get("current") or entry["event"])
