"""Scheduled messages with their outcomes (MSG-17)."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from plexuskit.mongo import Computed, Database, Documents, Index, Transaction
from plexuskit.paging import PageBudget

from messaging.personal.domain.scheduled import ENDED, UNDECIDED, Scheduled

SCHEMA_VERSION = 1
KEPT_AFTER_THE_END = timedelta(days=90)

_FIRST, _NEXT, _LAST = 0, 1, 2


class Place(NamedTuple):
    """Position in the author's list: those needing a decision, those waiting, those ended.

    Sorted by time, the ended ones newest first.
    """

    rank: int
    order: int
    id: str


SCHEDULED: Final = Documents(
    Scheduled,
    names={"id": "_id"},
    computed={
        "rank": Computed(lambda scheduled: place_of(scheduled).rank, after="lease_until"),
        "order": Computed(lambda scheduled: place_of(scheduled).order, after="rank"),
        "due_at": Computed(lambda scheduled: scheduled.due_at),
    },
    omitted=("due_at", "ended_at"),
)


class ScheduledStore:
    """The collection `scheduled_messages`."""

    def __init__(self, db: Database) -> None:
        self._scheduled = db.collection("scheduled_messages", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes of the schedulers' queue, authors' lists, and expiry of ended ones."""
        await self._scheduled.ensure_indexes(
            [
                Index(keys=[("due_at", 1)], name="due", partial={"due_at": {"$exists": True}}),
                Index(
                    keys=[("person_id", 1), ("rank", 1), ("order", 1), ("_id", 1)], name="person"
                ),
                Index(keys=[("ended_at", 1)], name="expiry", expire_after=KEPT_AFTER_THE_END),
            ]
        )

    async def insert(self, scheduled: Scheduled, *, tx: Transaction) -> None:
        """Write a new one."""
        await self._scheduled.insert(SCHEDULED.to_document(scheduled), tx=tx)

    async def find(self, scheduled_id: str, *, tx: Transaction | None = None) -> Scheduled | None:
        """Find one by its id."""
        document = await self._scheduled.find_one({"_id": scheduled_id}, tx=tx)
        return None if document is None else SCHEDULED.from_document(document)

    async def swap(self, previous: Scheduled, after: Scheduled, *, tx: Transaction) -> bool:
        """Write `after` if `previous` is still current; return whether it was (compare and set)."""
        current = {
            "_id": previous.id,
            "version": previous.version,
            "state": previous.state.value,
            "lease": previous.lease,
        }
        return bool(await self._scheduled.replace(current, SCHEDULED.to_document(after), tx=tx))

    async def postpone(self, scheduled: Scheduled, *, until: datetime) -> None:
        """Postpone the next attempt; not visible to the author."""
        await self._scheduled.update(
            {"_id": scheduled.id, "version": scheduled.version, "lease": scheduled.lease},
            {"$set": {"due_at": until}},
        )

    async def count_open(self, person_id: str, *, tx: Transaction) -> int:
        """Count a person's scheduled messages that are neither sent nor cancelled."""
        query = {"person_id": person_id, "rank": {"$lt": _LAST}}
        return await self._scheduled.count(query, tx=tx)

    async def due(self, *, now: datetime, limit: int) -> list[Scheduled]:
        """Read due messages, and claimed ones whose lease has ended; oldest first.

        Args:
            now: current time.
            limit: maximum number.
        """
        found = await self._scheduled.find_all(
            {"due_at": {"$lte": now}}, sort=[("due_at", 1)], limit=limit, hint="due"
        )
        return [SCHEDULED.from_document(document) for document in found]

    async def page(
        self, person_id: str, *, after: Place | None, include_ended: bool, budget: PageBudget
    ) -> tuple[list[Scheduled], bool]:
        """Read a person's scheduled messages, in the order of `Place`, and whether more follow."""
        first = _FIRST if after is None else after.rank
        query: dict[str, Any] = {
            "person_id": person_id,
            "rank": {"$gte": first, "$lte": _LAST if include_ended else _NEXT},
        }
        if after is not None:
            query["$or"] = [
                {"rank": {"$gt": after.rank}},
                {"rank": after.rank, "order": {"$gt": after.order}},
                {"rank": after.rank, "order": after.order, "_id": {"$gt": after.id}},
            ]
        found, more = await self._scheduled.find_page(
            query,
            budget=budget,
            size_of=lambda document: len(document["words"]),
            sort=[("rank", 1), ("order", 1), ("_id", 1)],
            hint="person",
        )
        return [SCHEDULED.from_document(document) for document in found], more


def place_of(scheduled: Scheduled) -> Place:
    """Return the position of a scheduled message in its author's list."""
    milliseconds = round(scheduled.send_at.timestamp() * 1000)
    if scheduled.state in UNDECIDED:
        return Place(_FIRST, milliseconds, scheduled.id)
    if scheduled.state in ENDED:
        return Place(_LAST, -milliseconds, scheduled.id)
    return Place(_NEXT, milliseconds, scheduled.id)
