"""Scheduled messages with their outcomes (MSG-17)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from plexuskit.mongo import Database, Index, Transaction
from plexuskit.paging import PageBudget

from messaging.personal.domain.scheduled import ENDED, UNDECIDED, Authority, Scheduled, State

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
        await self._scheduled.insert(_document(scheduled), tx=tx)

    async def find(self, scheduled_id: str, *, tx: Transaction | None = None) -> Scheduled | None:
        """Find one by its id."""
        document = await self._scheduled.find_one({"_id": scheduled_id}, tx=tx)
        return None if document is None else _scheduled(document)

    async def swap(self, previous: Scheduled, after: Scheduled, *, tx: Transaction) -> bool:
        """Write `after` if `previous` is still current; return whether it was (compare and set)."""
        current = {
            "_id": previous.id,
            "version": previous.version,
            "state": previous.state.value,
            "lease": previous.lease,
        }
        return bool(await self._scheduled.replace(current, _document(after), tx=tx))

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
        return [_scheduled(document) for document in found]

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
        return [_scheduled(document) for document in found], more


def place_of(scheduled: Scheduled) -> Place:
    """Return the position of a scheduled message in its author's list."""
    milliseconds = round(scheduled.send_at.timestamp() * 1000)
    if scheduled.state in UNDECIDED:
        return Place(_FIRST, milliseconds, scheduled.id)
    if scheduled.state in ENDED:
        return Place(_LAST, -milliseconds, scheduled.id)
    return Place(_NEXT, milliseconds, scheduled.id)


def _document(scheduled: Scheduled) -> dict[str, Any]:
    place = place_of(scheduled)
    document = {
        "_id": scheduled.id,
        "tenant_id": scheduled.tenant_id,
        "person_id": scheduled.person_id,
        "conversation_id": scheduled.conversation_id,
        "words": scheduled.words,
        "send_at": scheduled.send_at,
        "created_at": scheduled.created_at,
        "authority": {
            "api_token_id": scheduled.authority.api_token_id,
            "scopes": sorted(scheduled.authority.scopes),
            "second_factor": scheduled.authority.second_factor,
        },
        "state": scheduled.state.value,
        "failure_reason": scheduled.failure_reason,
        "seq": scheduled.seq,
        "version": scheduled.version,
        "lease": scheduled.lease,
        "lease_until": scheduled.lease_until,
        "rank": place.rank,
        "order": place.order,
    }
    if scheduled.due_at is not None:
        document["due_at"] = scheduled.due_at
    if scheduled.ended_at is not None:
        document["ended_at"] = scheduled.ended_at
    return document


def _scheduled(document: Mapping[str, Any]) -> Scheduled:
    return Scheduled(
        id=document["_id"],
        tenant_id=document["tenant_id"],
        person_id=document["person_id"],
        conversation_id=document["conversation_id"],
        words=bytes(document["words"]),
        send_at=document["send_at"],
        created_at=document["created_at"],
        authority=_authority(document.get("authority")),
        state=State(document["state"]),
        failure_reason=document["failure_reason"],
        seq=document["seq"],
        version=document["version"],
        lease=document["lease"],
        lease_until=document["lease_until"],
        ended_at=document.get("ended_at"),
    )


def _authority(document: Mapping[str, Any] | None) -> Authority:
    """Read the rights of a message; one that was stored without them has no second factor."""
    if document is None:
        return Authority()
    return Authority(
        api_token_id=document["api_token_id"],
        scopes=frozenset(document["scopes"]),
        second_factor=document["second_factor"],
    )
