"""The sessions collection: its indexes and every query on it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from plexuskit.mongo import ASCENDING, Database, Index, ReplaceOne, Transaction
from plexuskit.turns import converted

from directory.accounts.domain.sessions import Session
from directory.accounts.store.documents import session_document, session_from
from directory.shared.domain.ids import PersonId, TenantId

SCHEMA_VERSION: Final = 1
# Ended and expired sessions stay readable for a while; one that is gone counts as ended.
KEPT_AFTER_EXPIRY: Final = timedelta(days=7)

_INDEXES: Final = (
    Index(keys=[("family_hash", ASCENDING)], unique=True, name="family"),
    Index(keys=[("person_id", ASCENDING), ("ended_at", ASCENDING)], name="person_ended"),
    Index(
        keys=[("tenant_id", ASCENDING), ("ended_at", ASCENDING), ("expires_at", ASCENDING)],
        name="tenant_ended_expires",
    ),
    Index(keys=[("expires_at", ASCENDING)], expire_after=KEPT_AFTER_EXPIRY, name="expiry"),
)


class Sessions:
    """Everybody's sessions."""

    def __init__(self, db: Database) -> None:
        self._sessions = db.collection("sessions", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._sessions.ensure_indexes(_INDEXES)

    async def add(self, session: Session, *, tx: Transaction) -> None:
        """Store a new session."""
        await self._sessions.insert(session_document(session), tx=tx)

    async def save_many(
        self, changed: Sequence[tuple[Session, Session]], *, tx: Transaction
    ) -> None:
        """Store changes as (before, after); one of someone else's is a write conflict."""
        writes = [
            ReplaceOne({"_id": previous.id, "version": previous.version}, session_document(after))
            for previous, after in changed
        ]
        await self._sessions.bulk(writes, tx=tx)

    async def find(
        self, session_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Session | None:
        """Load a session; None when the tenant has none of that id (any more)."""
        found = await self._sessions.find_one({"_id": session_id, "tenant_id": tenant_id}, tx=tx)
        return session_from(found) if found else None

    async def find_by_family(self, family_hash: bytes, *, tx: Transaction) -> Session | None:
        """Load the session of a refresh token; None when it was never issued or is gone."""
        found = await self._sessions.find_one({"family_hash": family_hash}, tx=tx)
        return session_from(found) if found else None

    async def list_open(self, person_ids: Sequence[PersonId], *, tx: Transaction) -> list[Session]:
        """List the sessions of people that have not been ended."""
        found = await self._sessions.find_all(
            {"person_id": {"$in": list(person_ids)}, "ended_at": None}, tx=tx
        )
        return await converted(found, session_from)

    async def list_alive(
        self, person_id: str, *, tenant_id: TenantId, now: datetime
    ) -> list[Session]:
        """List the sessions of a person that go on, the one used last first."""
        found = await self._sessions.find_all(
            {
                "person_id": person_id,
                "tenant_id": tenant_id,
                "ended_at": None,
                "expires_at": {"$gt": now},
            }
        )
        # Few of one person, so their order costs less here than in an index.
        sessions = map(session_from, found)
        return sorted(sessions, key=lambda each: (each.last_used_at, each.id), reverse=True)

    async def find_alive(self, session_ids: Sequence[str], *, now: datetime) -> frozenset[str]:
        """Find which of the ids are sessions that go on."""
        found = await self._sessions.find_all(
            {"_id": {"$in": list(session_ids)}, "ended_at": None, "expires_at": {"$gt": now}},
            projection={"_id": 1},
        )
        return frozenset(document["_id"] for document in found)

    async def count_alive(self, *, tenant_id: TenantId, now: datetime) -> int:
        """Count the tenant's sessions that go on."""
        return await self._sessions.count(
            {"tenant_id": tenant_id, "ended_at": None, "expires_at": {"$gt": now}}
        )
