"""Read cursors.

The current cursors, and an append-only log of their advances (MSG-7, MSG-9).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from plexus.topics import MESSAGING_CURSOR_V1
from plexuskit import fault
from plexuskit.mongo import Database, Index, UpdateOne
from plexuskit.relay import FactSource, replay_by_id

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class CursorKey:
    """Key of a cursor; `root_seq` 0 is the conversation's own, else a thread's (MSG-15)."""

    conversation_id: str
    person_id: str
    root_seq: int = 0

    @property
    def id(self) -> str:
        """The document's `_id`."""
        return f"{self.conversation_id}:{self.person_id}:{self.root_seq}"


@dataclass(frozen=True, slots=True)
class Advance:
    """One step of a cursor, with its event."""

    key: CursorKey
    tenant_id: str
    through_seq: int
    at: datetime
    event: bytes


class CursorStore:
    """The collections `cursors` and `cursor_log`."""

    def __init__(self, db: Database) -> None:
        self._cursors = db.collection("cursors", schema_version=SCHEMA_VERSION)
        self._log = db.collection("cursor_log", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes that the queries below use."""
        await self._cursors.ensure_indexes(
            [
                # Cursors of conversations alone: those of threads are read by their ids.
                Index(
                    keys=[("conversation_id", 1), ("person_id", 1)],
                    name="receipts",
                    partial={"root_seq": 0},
                ),
            ]
        )
        await self._log.ensure_indexes(
            [
                Index(
                    keys=[
                        ("conversation_id", 1),
                        ("root_seq", 1),
                        ("person_id", 1),
                        ("through_seq", 1),
                        ("at", 1),
                    ],
                    name="receipt",
                ),
                Index(keys=[("at", 1)], name="at"),
            ]
        )

    async def find(self, keys: Iterable[CursorKey]) -> dict[CursorKey, tuple[int, datetime]]:
        """Find current cursors as {key: (through_seq, read_at)}; those never moved are left out."""
        wanted = {key.id: key for key in keys}
        found = await self._cursors.find_all({"_id": {"$in": list(wanted)}})
        return {wanted[doc["_id"]]: (doc["through_seq"], doc["read_at"]) for doc in found}

    async def threads(
        self, person_id: str, roots: Mapping[str, Iterable[int]]
    ) -> dict[tuple[str, int], int]:
        """Find the person's cursors of threads as {(conversation, root): through_seq}.

        Args:
            person_id: of the reader.
            roots: the numbers that the threads begin with, by conversation.
        """
        keys = [
            CursorKey(conversation_id, person_id, root)
            for conversation_id, numbers in roots.items()
            for root in numbers
        ]
        found = await self.find(keys) if keys else {}
        return {(key.conversation_id, key.root_seq): seq for key, (seq, _) in found.items()}

    async def of_conversation(self, conversation_id: str) -> dict[str, int]:
        """Read the cursors of all members of a conversation as {person: through_seq}."""
        found = await self._cursors.find_all(
            {"conversation_id": conversation_id, "root_seq": 0}, hint="receipts"
        )
        return {doc["person_id"]: doc["through_seq"] for doc in found}

    async def advance(self, advances: Sequence[Advance]) -> None:
        """Write steps in bulk: first the log, then the cursors, which never move back (MSG-7).

        A step that is in the log already is left as it was: its first time stays (MSG-9).
        """
        fault.point("cursor.before_log")
        await self._log.bulk(
            [
                UpdateOne(
                    {"_id": f"{step.key.id}:{step.through_seq:012d}"},
                    {"$setOnInsert": _log_fields(step)},
                    upsert=True,
                )
                for step in advances
            ]
        )
        fault.point("cursor.after_log")
        await self._cursors.bulk(
            [_raise_to(step.key, step.through_seq, step.at) for step in advances]
        )
        fault.point("cursor.after_write")

    async def place(self, places: Mapping[CursorKey, int], *, at: datetime) -> None:
        """Set the starting position without an advance: imports have no readers (MSG-19)."""
        await self._cursors.bulk(
            [_raise_to(key, seq, at, begins=True) for key, seq in places.items()]
        )

    async def begins(self, person_id: str, conversation_ids: Iterable[str]) -> dict[str, int]:
        """Find the starting positions after an import, as {conversation: seq}."""
        ids = [CursorKey(conversation, person_id).id for conversation in conversation_ids]
        found = await self._cursors.find_all({"_id": {"$in": ids}, "begins_seq": {"$gt": 0}})
        return {doc["conversation_id"]: doc["begins_seq"] for doc in found}

    async def read_at(
        self, conversation_id: str, *, seq: int, person_ids: Iterable[str]
    ) -> dict[str, datetime]:
        """Return the time of the first advance that covered the message, per person (MSG-9)."""
        rows = await self._log.aggregate(
            [
                {
                    "$match": {
                        "conversation_id": conversation_id,
                        "root_seq": 0,
                        "person_id": {"$in": list(person_ids)},
                        "through_seq": {"$gte": seq},
                    }
                },
                # The first of each person is found in the index, however many follow.
                {"$sort": {"person_id": 1, "through_seq": 1}},
                {"$group": {"_id": "$person_id", "at": {"$first": "$at"}}},
            ],
            hint="receipt",
        )
        return {row["_id"]: row["at"] for row in rows}


def _log_fields(step: Advance) -> dict[str, Any]:
    return {
        "scope": step.key.id,
        "tenant_id": step.tenant_id,
        "conversation_id": step.key.conversation_id,
        "person_id": step.key.person_id,
        "root_seq": step.key.root_seq,
        "through_seq": step.through_seq,
        "at": step.at,
        "event": step.event,
    }


def _raise_to(key: CursorKey, through_seq: int, at: datetime, *, begins: bool = False) -> UpdateOne:
    newer = {"$gt": [through_seq, {"$ifNull": ["$through_seq", 0]}]}
    fields: Mapping[str, Any] = {
        "conversation_id": key.conversation_id,
        "person_id": key.person_id,
        "root_seq": key.root_seq,
        "through_seq": {"$cond": [newer, through_seq, "$through_seq"]},
        "read_at": {"$cond": [newer, at, "$read_at"]},
        **({"begins_seq": {"$max": ["$begins_seq", through_seq]}} if begins else {}),
    }
    return UpdateOne({"_id": key.id}, [{"$set": dict(fields)}], upsert=True)


CURSOR_LOG: Final = FactSource(
    collection="cursor_log",
    topic=lambda _: MESSAGING_CURSOR_V1.name,
    key=lambda step: step["person_id"],
    scope=lambda step: step["scope"],
    number=lambda step: step["through_seq"],
    event=lambda step: step["event"],
    traceparent=lambda _: "",
    dense=False,
    mark_published=False,
    replay=replay_by_id("scope", "through_seq"),
    recent=lambda since: {"at": {"$gte": since}},
    event_type=lambda _: "plexus.messaging.v1.CursorAdvanced",
    stored_at=lambda step: step["at"],
)
