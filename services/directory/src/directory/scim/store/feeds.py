"""Counts of a feed's guard; every decision touches one document per tenant (INT-1)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from plexuskit.mongo import (
    ASCENDING,
    DESCENDING,
    Database,
    Index,
    ReplaceOne,
    Transaction,
    UpdateOne,
)

from directory.scim.domain.guard import (
    IGNORED_KEPT,
    MAX_IGNORED_KEPT,
    MAX_IGNORED_SHOWN,
    MAX_REFUSED_SHOWN,
    REFUSED_KEPT,
    WINDOW,
    Ignored,
    Refused,
    Waiting,
)
from directory.shared.domain.ids import PersonId, TenantId

SCHEMA_VERSION: Final = 1
_SPARE: Final = timedelta(hours=1)


class Feeds:
    """The guards of feeds: deactivations of the last day, waiting people, ignored attributes."""

    def __init__(self, db: Database) -> None:
        self._guards = db.collection("scim_guards", schema_version=SCHEMA_VERSION)
        self._deactivations = db.collection("scim_deactivations", schema_version=SCHEMA_VERSION)
        self._refused = db.collection("scim_refused", schema_version=SCHEMA_VERSION)
        self._ignored = db.collection("scim_ignored", schema_version=SCHEMA_VERSION)
        self._waiting = db.collection("scim_waiting", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collections and their indexes; deactivations are forgotten after a day."""
        await self._guards.ensure_indexes([])
        await self._deactivations.ensure_indexes(
            [
                Index(keys=[("tenant_id", ASCENDING), ("at", ASCENDING)], name="tenant_at"),
                Index(keys=[("at", ASCENDING)], expire_after=WINDOW + _SPARE, name="expiry"),
            ]
        )
        await self._refused.ensure_indexes(
            [
                Index(keys=[("tenant_id", ASCENDING), ("at", DESCENDING)], name="tenant_at"),
                Index(keys=[("at", ASCENDING)], expire_after=REFUSED_KEPT, name="expiry"),
            ]
        )
        await self._ignored.ensure_indexes(
            [
                Index(keys=[("tenant_id", ASCENDING), ("at", DESCENDING)], name="tenant_at"),
                Index(keys=[("at", ASCENDING)], expire_after=IGNORED_KEPT, name="expiry"),
            ]
        )
        await self._waiting.ensure_indexes(
            [
                Index(
                    keys=[("tenant_id", ASCENDING), ("since", ASCENDING), ("_id", ASCENDING)],
                    name="tenant_since_id",
                )
            ]
        )

    async def serialise(self, tenant_id: TenantId, *, tx: Transaction) -> None:
        """Make decisions of two transactions about one feed conflict, so that each counts."""
        await self._guards.update(
            {"_id": tenant_id}, {"$inc": {"decisions": 1}}, upsert=True, tx=tx
        )

    async def count_stop(self, tenant_id: TenantId, *, tx: Transaction) -> int:
        """Count a stop of a feed, after `serialise`; out: the number of stops, dense from 1."""
        guard = await self._guards.find_and_update(
            {"_id": tenant_id}, {"$inc": {"stops": 1}}, tx=tx
        )
        if guard is None:
            raise LookupError(f"the feed of {tenant_id} was not serialised")
        return int(guard["stops"])

    async def count(
        self, tenant_id: TenantId, *, now: datetime, tx: Transaction | None = None
    ) -> int:
        """Count the deactivations of the last 24 hours, or since an administrator answered."""
        return await self._deactivations.count(
            {"tenant_id": tenant_id, "at": {"$gt": now - WINDOW}}, tx=tx
        )

    async def note(
        self, person_id: PersonId, *, tenant_id: TenantId, at: datetime, tx: Transaction
    ) -> None:
        """Count one deactivation; the same person may be deactivated many times a day."""
        document = {"_id": f"{person_id}:{at.timestamp()}", "tenant_id": tenant_id, "at": at}
        await self._deactivations.replace({"_id": document["_id"]}, document, upsert=True, tx=tx)

    async def forget_counted(self, tenant_id: TenantId, *, tx: Transaction) -> None:
        """Begin to count anew."""
        await self._deactivations.delete_many({"tenant_id": tenant_id}, tx=tx)

    async def waits(self, tenant_id: TenantId, *, tx: Transaction) -> bool:
        """Return whether any person waits."""
        return bool(await self._waiting.count({"tenant_id": tenant_id}, limit=1, tx=tx))

    async def hold(self, waiting: Waiting, *, tenant_id: TenantId, tx: Transaction) -> None:
        """Mark a person as waiting; one who waits already keeps their first time."""
        await self._waiting.update(
            {"_id": waiting.person_id},
            {
                "$max": {"remove": waiting.remove},
                "$setOnInsert": {"tenant_id": tenant_id, "since": waiting.since},
            },
            upsert=True,
            tx=tx,
        )

    async def refuse(
        self,
        refused: Iterable[Refused],
        *,
        tenant_id: TenantId,
        tx: Transaction | None = None,
    ) -> None:
        """Store the last refusal about each person or group, for 30 days."""
        writes = []
        for each in refused:
            document = {
                "_id": f"{tenant_id}:{each.about}",
                "tenant_id": tenant_id,
                "about": each.about,
                "reason": each.reason,
                "permission": each.permission,
                "at": each.at,
            }
            writes.append(ReplaceOne({"_id": document["_id"]}, document, upsert=True))
        await self._refused.bulk(writes, tx=tx)

    async def forget_refused(self, about: str, *, tenant_id: TenantId) -> None:
        """Forget a refusal once the same thing went through."""
        await self._refused.delete_many({"_id": f"{tenant_id}:{about}"})

    async def list_refused(self, tenant_id: TenantId) -> tuple[Refused, ...]:
        """Load the last refusals, the newest first, at most 100."""
        found = await self._refused.find_all(
            {"tenant_id": tenant_id}, sort=[("at", DESCENDING)], limit=MAX_REFUSED_SHOWN
        )
        return tuple(
            Refused(
                about=document["about"],
                reason=document["reason"],
                permission=document["permission"],
                at=document["at"],
            )
            for document in found
        )

    async def ignore(self, ignored: Sequence[Ignored], *, tenant_id: TenantId) -> None:
        """Store attributes that a feed sent in vain, each once, for 30 days.

        A tenant that has 1,000 of them gets no new ones: those are no schema's, but made up.
        """
        kept = await self._ignored.count({"tenant_id": tenant_id}, limit=MAX_IGNORED_KEPT)
        writes = []
        for each in ignored:
            # Names of attributes are compared regardless of case (RFC 7643, 2.1).
            key = f"{tenant_id}:{each.resource}:{each.attribute.lower()}"
            document = {
                "tenant_id": tenant_id,
                "resource": each.resource,
                "attribute": each.attribute,
                "at": each.last_sent_at,
            }
            writes.append(
                UpdateOne({"_id": key}, {"$set": document}, upsert=kept < MAX_IGNORED_KEPT)
            )
        await self._ignored.bulk(writes)

    async def list_ignored(self, tenant_id: TenantId) -> tuple[Ignored, ...]:
        """Load the attributes that a feed sends in vain, the last sent first, at most 100."""
        found = await self._ignored.find_all(
            {"tenant_id": tenant_id},
            sort=[("at", DESCENDING)],
            limit=MAX_IGNORED_SHOWN,
        )
        return tuple(
            Ignored(
                resource=document["resource"],
                attribute=document["attribute"],
                last_sent_at=document["at"],
            )
            for document in found
        )

    async def take_waiting(
        self, person_ids: Sequence[PersonId], *, tx: Transaction
    ) -> list[PersonId]:
        """Remove people from the waiting list; out: those who were on it."""
        found = await self._waiting.find_all(
            {"_id": {"$in": list(person_ids)}}, projection={"_id": 1}, tx=tx
        )
        waited = [PersonId(document["_id"]) for document in found]
        if waited:
            await self._waiting.delete_many({"_id": {"$in": waited}}, tx=tx)
        return waited

    async def release(self, person_ids: Sequence[PersonId], *, tx: Transaction) -> int:
        """Remove people from the waiting list; out: how many were on it."""
        return await self._waiting.delete_many({"_id": {"$in": list(person_ids)}}, tx=tx)

    async def count_waiting(self, tenant_id: TenantId) -> int:
        """Count the people who wait."""
        return await self._waiting.count({"tenant_id": tenant_id})

    async def list_waiting(
        self, tenant_id: TenantId, *, limit: int = 0, tx: Transaction | None = None
    ) -> tuple[Waiting, ...]:
        """Load the people who wait, the longest first; all of them without a limit."""
        found = await self._waiting.find_all(
            {"tenant_id": tenant_id},
            sort=[("since", ASCENDING), ("_id", ASCENDING)],
            limit=limit,
            tx=tx,
        )
        return tuple(
            Waiting(
                person_id=PersonId(document["_id"]),
                remove=document["remove"],
                since=document["since"],
            )
            for document in found
        )
