"""Events whose effect is stored (NTF-2): written in the transaction of the effect itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from plexuskit.mongo import Database, Index, Transaction, UpdateOne

SCHEMA_VERSION: Final = 1
# Longer than topics (7 days) and dead letters (14 days) together keep a record.
KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Progress of an event's effect.

    A large audience is notified in parts, in order of ids: `through` is the last person, `done`
    marks the last part.
    """

    event_id: str
    through: str
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """The next part of an event.

    Attributes:
        claim: the new claim.
        previous: the current claim; None for the first part.
        audience: number of people in this part; the document adds them up.
        repeated: number of them who were notified of the same before. The others have a
            notification each, so the outcomes add up to the audience (NTF-1).
    """

    claim: Claim
    previous: Claim | None
    audience: int
    repeated: int


class ClaimStore:
    """The collection `claims`; `_id` is the event's id."""

    def __init__(self, db: Database) -> None:
        self._claims = db.collection("claims", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the index by which claims expire."""
        await self._claims.ensure_indexes(
            [Index(keys=[("at", 1)], name="expiry", expire_after=KEPT)]
        )

    async def find(self, event_ids: Iterable[str]) -> dict[str, Claim]:
        """Return the claims that there are, by event."""
        found = await self._claims.find_all({"_id": {"$in": sorted(set(event_ids))}})
        return {document["_id"]: _claim(document) for document in found}

    async def advance(self, advances: Sequence[Advance], *, now: datetime, tx: Transaction) -> bool:
        """Claim the next parts of events in two commands; return False when one was overtaken.

        Args:
            advances: those of one event in the order of its parts.
            now: when.
            tx: the transaction of the effect.

        Raises:
            DuplicateKey: another process claimed a first part; the transaction is over.
        """
        first = [each for each in advances if each.previous is None]
        await self._claims.insert_many([_first(each, now=now) for each in first], tx=tx)
        following = [each for each in advances if each.previous is not None]
        outcome = await self._claims.bulk(
            [_following(each, now=now) for each in following], ordered=True, tx=tx
        )
        return outcome.matched == len(following)

    async def counts(self, event_id: str) -> tuple[int, int]:
        """Return the size of an event's audience, and how many of them were notified before."""
        document = await self._claims.find_one({"_id": event_id})
        return (document["audience"], document["repeated"]) if document else (0, 0)


def _first(advance: Advance, *, now: datetime) -> dict[str, Any]:
    return {
        "_id": advance.claim.event_id,
        "through": advance.claim.through,
        "done": advance.claim.done,
        "at": now,
        "audience": advance.audience,
        "repeated": advance.repeated,
    }


def _following(advance: Advance, *, now: datetime) -> UpdateOne:
    through = advance.previous.through if advance.previous else ""
    return UpdateOne(
        {"_id": advance.claim.event_id, "through": through, "done": False},
        {
            "$set": {"through": advance.claim.through, "done": advance.claim.done, "at": now},
            "$inc": {"audience": advance.audience, "repeated": advance.repeated},
        },
    )


def _claim(document: dict[str, Any]) -> Claim:
    return Claim(event_id=document["_id"], through=document["through"], done=document["done"])
