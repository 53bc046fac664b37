"""People, from directory's facts."""

from collections.abc import Iterable, Sequence
from typing import Final

from plexuskit.mongo import Database, Documents, unless_newer

from notify.domain.people import Person

SCHEMA_VERSION: Final = 1

PEOPLE: Final = Documents(Person, names={"id": "_id"})


class PeopleStore:
    """The collection `people`, by id."""

    def __init__(self, db: Database) -> None:
        self._people = db.collection("people", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the collection; it is read by its key only."""
        await self._people.ensure_indexes([])

    async def put(self, people: Sequence[Person]) -> None:
        """Store people unless a newer version is there."""
        writes = [unless_newer(PEOPLE.to_document(person)) for person in people]
        await self._people.bulk(writes, ordered=True)

    async def find(self, person_ids: Iterable[str]) -> dict[str, Person]:
        """Return those of the people who are known, by id."""
        wanted = sorted(set(person_ids))
        if not wanted:
            return {}
        found = await self._people.find_all({"_id": {"$in": wanted}})
        return {document["_id"]: PEOPLE.from_document(document) for document in found}
