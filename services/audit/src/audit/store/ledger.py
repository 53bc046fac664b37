"""The ledger: one document per entry, `_id` = `<tenant>:<no>`; written once, never changed (GW-7).

This module only inserts and reads. Nothing in it updates, replaces or deletes, and a deployment
denies the service's database user the right to.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import (
    ASCENDING,
    DESCENDING,
    Database,
    DuplicateKey,
    Index,
    InsertOutcome,
    Retry,
    Transaction,
)
from plexuskit.paging import PageBudget
from plexuskit.turns import Turns

from audit.domain.entries import (
    EMPTY,
    HIGHEST,
    Decision,
    Entry,
    LedgerHead,
    Occurrence,
    entry_id,
    number_of,
)
from audit.domain.reach import WHOLE, Reach
from audit.domain.verification import Placed

SCHEMA_VERSION: Final = 1
EVENT_INDEX: Final = "event"

# Checking and hashing an entry takes about as long as other work counted with so many bytes.
_ENTRY_BYTES: Final = 1_024
_NEWEST: Final = [("occurred_at", DESCENDING), ("no", DESCENDING)]
_FILTERS: Final = ("actor_id", "object", "action", "decision")
_TEXTS: Final = (
    "tenant_id",
    "event_id",
    "action",
    "actor_id",
    "object",
    "api_token_id",
    "session_id",
    "outcome",
    "rule",
    "reason",
    "trace_id",
)
_NUMBERS: Final = ("access_version", "version_before", "version_after")
_OTHERS: Final = frozenset(
    {
        "_id",
        "schema_version",
        "no",
        "occurred_at",
        "recorded_at",
        "decision",
        "details",
        "previous",
        "hash",
    }
)
_FIELDS: Final = _OTHERS | frozenset(_TEXTS) | frozenset(_NUMBERS)
_PLACED: Final = _FIELDS | {"departments"}
"""As entries are written since departments are written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Filter of a tenant's entries; an empty field matches every value.

    `since` is inclusive, `until` is exclusive.
    """

    tenant_id: str
    actor_id: str = ""
    object: str = ""
    action: str = ""
    decision: Decision = Decision.NONE
    since: datetime | None = None
    until: datetime | None = None
    reach: Reach = WHOLE


class LedgerStore:
    """The collection `ledger`."""

    def __init__(self, db: Database) -> None:
        self._entries = db.collection("ledger", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes: each event is recorded once, and each filter is read newest first."""
        await self._entries.ensure_indexes(
            [
                Index(keys=[("event_id", ASCENDING)], name=EVENT_INDEX, unique=True),
                Index(keys=[("tenant_id", ASCENDING), *_NEWEST], name="newest"),
                # By one role for a department at a time; several are merged.
                Index(
                    keys=[("tenant_id", ASCENDING), ("departments", ASCENDING), *_NEWEST],
                    name="departments_newest",
                    partial={"departments": {"$exists": True}},
                ),
                *(
                    Index(
                        keys=[("tenant_id", ASCENDING), (name, ASCENDING), *_NEWEST],
                        name=f"{name}_newest",
                    )
                    for name in _FILTERS
                ),
            ]
        )

    async def append(self, entries: Sequence[Entry]) -> InsertOutcome:
        """Write entries in order, majority and journal, up to the first taken number or event."""
        return await self._entries.insert_many([_document(entry) for entry in entries])

    async def add(self, entry: Entry, *, tx: Transaction) -> None:
        """Write one entry in a transaction.

        Raises:
            Retry: another process took the number.
        """
        try:
            await self._entries.insert(_document(entry), tx=tx)
        except DuplicateKey as taken:
            raise Retry from taken

    async def head(self, tenant_id: str, *, tx: Transaction | None = None) -> LedgerHead:
        """Read the end of a tenant's ledger (majority)."""
        last = await self._entries.find_one(
            {"_id": _between(tenant_id, 0, HIGHEST)},
            projection={"hash": 1},
            sort=[("_id", DESCENDING)],
            tx=tx,
        )
        return EMPTY if last is None else LedgerHead(number_of(last["_id"]), bytes(last["hash"]))

    async def recorded(self, event_ids: Iterable[str]) -> frozenset[str]:
        """Find the events that are in a ledger already."""
        found = await self._entries.find_all(
            {"event_id": {"$in": list(event_ids)}},
            projection={"event_id": 1, "_id": 0},
            hint=EVENT_INDEX,
        )
        return frozenset(document["event_id"] for document in found)

    async def find_event(self, event_id: str) -> Placed | None:
        """Read the entry of an event (majority); None where it has none."""
        document = await self._entries.find_one({"event_id": event_id})
        if document is None:
            return None
        tenant_id, _, _ = str(document["_id"]).rpartition(":")
        return _placed(document, tenant_id=tenant_id)

    async def find(self, tenant_id: str, no: int) -> Placed | None:
        """Read the entry at a number."""
        document = await self._entries.find_one({"_id": entry_id(tenant_id, no)})
        return None if document is None else _placed(document, tenant_id=tenant_id)

    async def walk(self, tenant_id: str, *, first: int, last: int) -> AsyncIterator[Placed]:
        """Yield the entries from one number to another, both included, in order.

        A reply of the server has thousands of entries: other requests run in between (GW-13).
        """
        query = {"_id": _between(tenant_id, first, last)}
        turns = Turns()
        async for document in self._entries.find(query, sort=[("_id", ASCENDING)], batch_size=500):
            yield _placed(document, tenant_id=tenant_id)
            await turns.taken(_ENTRY_BYTES + len(str(document.get("details", ""))))

    async def list_newest(
        self, wanted: EntryFilter, *, after: tuple[datetime, int] | None, budget: PageBudget
    ) -> tuple[list[Placed], bool]:
        """Read entries, the newest first, after a position (time and number).

        Returns: those that fit into the budget, and whether more follow.
        """
        query: dict[str, Any] = {"tenant_id": wanted.tenant_id}
        if wanted.decision is not Decision.NONE:
            query["decision"] = wanted.decision.value
        for name in ("actor_id", "object", "action"):
            if value := getattr(wanted, name):
                query[name] = value
        if not wanted.reach.everything:
            query["departments"] = {"$in": sorted(wanted.reach.departments)}
        times: dict[str, datetime] = {}
        if wanted.since is not None:
            times["$gte"] = wanted.since
        if wanted.until is not None:
            times["$lt"] = wanted.until
        if after is not None:
            at, no = after
            times["$lte"] = at
            query["$or"] = [{"occurred_at": {"$lt": at}}, {"occurred_at": at, "no": {"$lt": no}}]
        if times:
            query["occurred_at"] = times
        found, more = await self._entries.find_page(query, budget=budget, sort=_NEWEST)
        return [_placed(document, tenant_id=wanted.tenant_id) for document in found], more


def _between(tenant_id: str, first: int, last: int) -> dict[str, str]:
    return {"$gte": entry_id(tenant_id, first), "$lte": entry_id(tenant_id, last)}


def _document(entry: Entry) -> dict[str, Any]:
    what = entry.what
    return {
        "_id": entry_id(what.tenant_id, entry.no),
        "no": entry.no,
        "recorded_at": entry.recorded_at,
        "occurred_at": what.occurred_at,
        **{name: getattr(what, name) for name in (*_TEXTS, *_NUMBERS)},
        "decision": what.decision.value,
        # Pairs, because names of fields may not be everything in MongoDB.
        "details": [list(pair) for pair in sorted(what.details.items())],
        "previous": entry.previous,
        "hash": entry.hash,
        **({} if what.departments is None else {"departments": list(what.departments)}),
    }


def _placed(document: Mapping[str, Any], *, tenant_id: str) -> Placed:
    return Placed(no=number_of(document["_id"]), tenant_id=tenant_id, entry=_entry(document))


def _entry(document: Mapping[str, Any]) -> Entry | None:
    """Read an entry strictly: a missing, extra or wrongly typed field makes it invalid."""
    if document.keys() not in (_FIELDS, _PLACED) or document["schema_version"] != SCHEMA_VERSION:
        return None
    numbers = [document[name] for name in ("no", *_NUMBERS)]
    if not (
        all(isinstance(document[name], str) for name in (*_TEXTS, "decision"))
        and all(isinstance(each, int) and not isinstance(each, bool) for each in numbers)
        and all(isinstance(document[name], datetime) for name in ("occurred_at", "recorded_at"))
        and all(isinstance(document[name], bytes) for name in ("previous", "hash"))
        and document["decision"] in {each.value for each in Decision}
        and _are_pairs(document["details"])
        and _are_ids(document.get("departments", []))
    ):
        return None
    return Entry(
        no=document["no"],
        recorded_at=document["recorded_at"],
        what=Occurrence(
            **{name: document[name] for name in (*_TEXTS, *_NUMBERS)},
            occurred_at=document["occurred_at"],
            decision=Decision(document["decision"]),
            details=dict(document["details"]),
            departments=tuple(document["departments"]) if "departments" in document else None,
        ),
        previous=document["previous"],
        hash=document["hash"],
    )


def _are_ids(departments: object) -> bool:
    """Return whether it is a list of ids in order, without duplicates."""
    return (
        isinstance(departments, list)
        and all(isinstance(each, str) for each in departments)
        and departments == sorted(set(departments))
    )


def _are_pairs(details: object) -> bool:
    """Return whether it is a list of name and value, ordered by name, without duplicates."""
    if not isinstance(details, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)  # noqa: PLR2004 - a pair
        for pair in details
    ):
        return False
    names = [pair[0] for pair in details]
    return names == sorted(set(names))
