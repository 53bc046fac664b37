"""The sessions collection: its indexes and every query on it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from plexuskit.mongo import ASCENDING, DESCENDING, Database, Index, ReplaceOne, Transaction
from plexuskit.paging import PageBudget
from plexuskit.turns import converted

from directory.accounts.domain.sessions import Generation, Session
from directory.accounts.store.documents import SESSIONS, session_from
from directory.accounts.store.session_generations import SessionGenerations
from directory.shared.domain.ids import PersonId, TenantId

SCHEMA_VERSION: Final = 1
# Ended and expired sessions stay readable for a while; one that is gone counts as ended.
KEPT_AFTER_EXPIRY: Final = timedelta(days=7)

_BY_USE: Final = "person_ended_used"
_USED_LAST_FIRST: Final = (("last_used_at", DESCENDING), ("_id", DESCENDING))

_INDEXES: Final = (
    Index(keys=[("family_hash", ASCENDING)], unique=True, name="family"),
    Index(
        keys=[
            ("person_id", ASCENDING),
            ("ended_at", ASCENDING),
            ("last_used_at", DESCENDING),
            ("_id", DESCENDING),
        ],
        name=_BY_USE,
    ),
    Index(
        keys=[("tenant_id", ASCENDING), ("ended_at", ASCENDING), ("expires_at", ASCENDING)],
        name="tenant_ended_expires",
    ),
    Index(keys=[("expires_at", ASCENDING)], expire_after=KEPT_AFTER_EXPIRY, name="expiry"),
)


class Sessions:
    """Sessions of all people."""

    def __init__(self, db: Database, generations: SessionGenerations) -> None:
        """Open the collection; `generations` decide which sessions have ended."""
        self._sessions = db.collection("sessions", schema_version=SCHEMA_VERSION)
        self._generations = generations

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._sessions.ensure_indexes(_INDEXES)

    async def add(self, session: Session, *, tx: Transaction) -> None:
        """Store a new session."""
        await self._sessions.insert(SESSIONS.to_document(session), tx=tx)

    async def save_many(
        self, changed: Sequence[tuple[Session, Session]], *, tx: Transaction
    ) -> None:
        """Store changes as (before, after); a concurrent change is a write conflict."""
        writes = [
            ReplaceOne(
                {"_id": previous.id, "version": previous.version}, SESSIONS.to_document(after)
            )
            for previous, after in changed
        ]
        await self._sessions.bulk(writes, tx=tx)

    async def find(
        self, session_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Session | None:
        """Load a session; None when the tenant has none of that id (any more)."""
        found = await self._sessions.find_one({"_id": session_id, "tenant_id": tenant_id}, tx=tx)
        return await self._seen(session_from(found), tx=tx) if found else None

    async def find_by_family(self, family_hash: bytes, *, tx: Transaction) -> Session | None:
        """Load the session of a refresh token; None when it was never issued or is gone."""
        found = await self._sessions.find_one({"family_hash": family_hash}, tx=tx)
        return await self._seen(session_from(found), tx=tx) if found else None

    async def list_open(
        self, person_ids: Sequence[PersonId], *, limit: int, tx: Transaction
    ) -> list[Session]:
        """List sessions of people whose documents are not ended, the one used last first."""
        found = await self._sessions.find_all(
            {"person_id": {"$in": list(person_ids)}, "ended_at": None},
            sort=_USED_LAST_FIRST,
            limit=limit,
            tx=tx,
        )
        return await converted(found, session_from)

    async def count_open(self, person_ids: Sequence[PersonId], *, tx: Transaction) -> int:
        """Count the sessions of people whose documents are not ended."""
        return await self._sessions.count(
            {"person_id": {"$in": list(person_ids)}, "ended_at": None}, tx=tx
        )

    async def list_surplus(
        self, generation: Generation, *, skip: int, limit: int, now: datetime, tx: Transaction
    ) -> list[Session]:
        """List a person's live sessions, beyond the most recently used ones."""
        found = await self._sessions.find_all(
            _alive(generation.person_id, generation=generation, now=now),
            sort=_USED_LAST_FIRST,
            skip=skip,
            limit=limit,
            tx=tx,
        )
        return await converted(found, session_from)

    async def list_earlier(
        self, generation: Generation, *, limit: int, tx: Transaction
    ) -> list[Session]:
        """List sessions of earlier generations whose documents are still to be ended."""
        found = await self._sessions.find_all(
            {
                "person_id": generation.person_id,
                "ended_at": None,
                # Also those from before there were generations.
                "generation": {"$not": {"$gte": generation.number}},
            },
            sort=_USED_LAST_FIRST,
            limit=limit,
            tx=tx,
        )
        return await converted(found, session_from)

    async def list_alive(
        self,
        person_id: PersonId,
        *,
        tenant_id: TenantId,
        after: tuple[datetime, str] | None,
        budget: PageBudget,
        now: datetime,
    ) -> tuple[list[Session], bool]:
        """List a person's live sessions, the one used last first; return whether more follow.

        In: last use and id of the session after which the page begins; None for the first page.
        """
        generation = await self._generations.find(person_id)
        wanted = _alive(person_id, generation=generation, now=now) | {"tenant_id": tenant_id}
        if after is not None:
            used_at, session_id = after
            wanted["$or"] = [
                {"last_used_at": {"$lt": used_at}},
                {"last_used_at": used_at, "_id": {"$lt": session_id}},
            ]
        found, more = await self._sessions.find_page(
            wanted, budget=budget, sort=_USED_LAST_FIRST, hint=_BY_USE
        )
        return await converted(found, session_from), more

    async def find_alive(self, session_ids: Sequence[str], *, now: datetime) -> frozenset[str]:
        """Find the ids of live sessions."""
        found = await self._sessions.find_all(
            {"_id": {"$in": list(session_ids)}, "ended_at": None, "expires_at": {"$gt": now}},
            projection={"person_id": 1, "generation": 1},
        )
        people = list(dict.fromkeys(PersonId(document["person_id"]) for document in found))
        generations = await self._generations.find_many(people)
        numbers = {person_id: each.number for person_id, each in generations.items()}
        return frozenset(
            document["_id"]
            for document in found
            if document.get("generation", 0) >= numbers.get(document["person_id"], 0)
        )

    async def count_alive(self, *, tenant_id: TenantId, now: datetime) -> int:
        """Count the tenant's live sessions."""
        return await self._sessions.count(
            {"tenant_id": tenant_id, "ended_at": None, "expires_at": {"$gt": now}}
        )

    async def _seen(self, session: Session, *, tx: Transaction | None) -> Session:
        generation = await self._generations.find(session.person_id, tx=tx)
        return generation.seen(session) if generation else session


def _alive(person_id: PersonId, *, generation: Generation | None, now: datetime) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "person_id": person_id,
        "ended_at": None,
        "expires_at": {"$gt": now},
    }
    if generation is not None and generation.number:
        wanted["generation"] = {"$gte": generation.number}
    return wanted
