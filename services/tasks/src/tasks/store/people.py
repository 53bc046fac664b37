"""People in MongoDB: a projection of directory's facts, guarded by their versions."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plexuskit.mongo import Database, Transaction, unless_newer

from tasks.domain.people import Person
from tasks.store.documents import PERSON_SCHEMA


class PeopleStore:
    """Collection `people`."""

    def __init__(self, db: Database) -> None:
        self._people = db.collection("people", schema_version=PERSON_SCHEMA)

    async def ensure_indexes(self) -> None:
        """Create the collection; it is read by `_id` only."""
        await self._people.ensure_indexes([])

    async def put(self, people: Sequence[Person]) -> None:
        """Store people unless a newer version is there."""
        await self._people.bulk(
            [
                unless_newer(
                    {
                        "_id": each.id,
                        "tenant_id": each.tenant_id,
                        "time_zone": each.time_zone,
                        "version": each.version,
                    }
                )
                for each in people
            ]
        )

    async def zones(
        self, person_ids: Iterable[str], *, tx: Transaction | None = None
    ) -> dict[str, ZoneInfo]:
        """Return the zones of people, without those that are not known."""
        wanted = sorted(set(person_ids))
        if not wanted:
            return {}
        found = await self._people.find_all(
            {"_id": {"$in": wanted}}, projection={"time_zone": 1}, tx=tx
        )
        zones = {document["_id"]: _zone(document["time_zone"]) for document in found}
        return {person: zone for person, zone in zones.items() if zone is not None}


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    """Return the IANA zone of that name; None where this machine's zone data has none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
