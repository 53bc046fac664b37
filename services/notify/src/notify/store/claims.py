"""Which events have had their effect (NTF-2): written in the transaction of the effect itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from plexuskit.mongo import Database, Index, Transaction

SCHEMA_VERSION: Final = 1
# Longer than topics (7 days) and dead letters (14 days) together keep a record.
KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """How far an event has had its effect.

    A large audience is told in parts, in the order of ids: `through` is the last person, `done`
    says that it was the last part.
    """

    event_id: str
    through: str
    done: bool


class ClaimStore:
    """The collection `claims`; `_id` is the event's id."""

    def __init__(self, db: Database) -> None:
        self._claims = db.collection("claims", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the index that lets claims expire."""
        await self._claims.ensure_indexes(
            [Index(keys=[("at", 1)], name="expiry", expire_after=KEPT)]
        )

    async def find(self, event_ids: Iterable[str]) -> dict[str, Claim]:
        """Return the claims that there are, by event."""
        found = await self._claims.find_all({"_id": {"$in": sorted(set(event_ids))}})
        return {document["_id"]: _claim(document) for document in found}

    async def advance(
        self,
        claim: Claim,
        *,
        before: Claim | None,
        audience: int,
        repeated: int,
        now: datetime,
        tx: Transaction,
    ) -> bool:
        """Claim an event's next part; False when somebody else was there before.

        Args:
            claim: the claim as it becomes.
            before: the claim as it is; None for the first part.
            audience: how many people this part has; the document sums them up.
            repeated: how many of them had been told of the same before. The others have a
                notification each, so the outcomes add up to the audience (NTF-1).
            now: when.
            tx: the transaction of the effect.

        Raises:
            DuplicateKey: somebody else claimed the first part; the transaction is over.
        """
        state = {"through": claim.through, "done": claim.done, "at": now}
        counts = {"audience": audience, "repeated": repeated}
        if before is None:
            await self._claims.insert({"_id": claim.event_id, **state, **counts}, tx=tx)
            return True
        present = {"_id": claim.event_id, "through": before.through, "done": False}
        return await self._claims.update(present, {"$set": state, "$inc": counts}, tx=tx) > 0

    async def counts(self, event_id: str) -> tuple[int, int]:
        """Return how many people an event concerned, and how many of them knew of it before."""
        document = await self._claims.find_one({"_id": event_id})
        return (document["audience"], document["repeated"]) if document else (0, 0)


def _claim(document: dict[str, Any]) -> Claim:
    return Claim(event_id=document["_id"], through=document["through"], done=document["done"])
