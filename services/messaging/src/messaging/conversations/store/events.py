"""Entries of the log that are about the conversation itself, as its history shows them."""

from collections.abc import Iterable
from typing import Any, Final

from plexuskit.mongo import Database, Index
from plexuskit.paging import PageBudget

from messaging.log.domain.entries import EntryKind, entry_id
from messaging.log.store.entries import entry_size

SCHEMA_VERSION: Final = 1
# A query has to name exactly the kinds of a partial index, or the server cannot use its keys.
_ABOUT_FIELDS: Final = {
    "$in": [kind.value for kind in (EntryKind.CREATED, EntryKind.CHANGED, EntryKind.ARCHIVED)]
}
_EVENTS: Final = {
    "$in": [
        *_ABOUT_FIELDS["$in"],
        EntryKind.MEMBERS_ADDED.value,
        EntryKind.MEMBERS_REMOVED.value,
    ]
}
_EVENTS_INDEX: Final = "conversation_events"
_FIELDS_INDEX: Final = "conversation_fields"


class EventStore:
    """Reads of the collection `entries`, with indexes of their own."""

    def __init__(self, db: Database) -> None:
        self._entries = db.collection("entries", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes that the queries below use: of all entries they hold these few."""
        keys = [("conversation_id", 1), ("_id", 1)]
        await self._entries.ensure_indexes(
            [
                Index(keys=keys, name=_EVENTS_INDEX, partial={"kind": _EVENTS}),
                Index(keys=keys, name=_FIELDS_INDEX, partial={"kind": _ABOUT_FIELDS}),
            ]
        )

    async def find_changes(self, conversation_id: str, seqs: Iterable[int]) -> dict[int, int]:
        """Find the `change_no` of messages, by their number; without those that do not exist."""
        found = await self._entries.find_all(
            {"conversation_id": conversation_id, "seq": {"$in": sorted(seqs)}},
            projection=["seq", "change_no"],
            hint="seq",
        )
        return {entry["seq"]: entry["change_no"] for entry in found}

    async def page(
        self, conversation_id: str, *, after: int, before: int, budget: PageBudget
    ) -> tuple[list[dict[str, Any]], bool]:
        """Read a page of entries in order of the log, and whether more follow.

        Args:
            conversation_id: whose log.
            after: `change_no` that they come after.
            before: `change_no` that they come before.
            budget: of the page.
        """
        return await self._entries.find_page(
            {
                "conversation_id": conversation_id,
                "kind": _EVENTS,
                "_id": {
                    "$gt": entry_id(conversation_id, after),
                    "$lt": entry_id(conversation_id, before),
                },
            },
            budget=budget,
            size_of=entry_size,
            sort=[("_id", 1)],
            hint=_EVENTS_INDEX,
        )

    async def find_fields(self, conversation_id: str, *, before: int) -> dict[str, Any] | None:
        """Find the last entry with the conversation's own fields before a `change_no`."""
        return await self._entries.find_one(
            {
                "conversation_id": conversation_id,
                "kind": _ABOUT_FIELDS,
                "_id": {"$lt": entry_id(conversation_id, before)},
            },
            sort=[("_id", -1)],
            hint=_FIELDS_INDEX,
        )
