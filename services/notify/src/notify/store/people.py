"""People, from directory's facts."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from plexuskit.mongo import Database, unless_newer

from notify.domain.people import Person

SCHEMA_VERSION: Final = 1


class PeopleStore:
    """The collection `people`, by id."""

    def __init__(self, db: Database) -> None:
        self._people = db.collection("people", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the collection; it is read by its key only."""
        await self._people.ensure_indexes([])

    async def put(self, people: Sequence[Person]) -> None:
        """Store people unless a newer version is there."""
        writes = [unless_newer(_document(person)) for person in people]
        await self._people.bulk(writes, ordered=True)

    async def find(self, person_ids: Iterable[str]) -> dict[str, Person]:
        """Return those of the people who are known, by id."""
        wanted = sorted(set(person_ids))
        if not wanted:
            return {}
        found = await self._people.find_all({"_id": {"$in": wanted}})
        return {document["_id"]: _person(document) for document in found}


def _document(person: Person) -> dict[str, Any]:
    return {
        "_id": person.id,
        "tenant_id": person.tenant_id,
        "display_name": person.display_name,
        "email": person.email,
        "time_zone": person.time_zone,
        "locale": person.locale,
        "active": person.active,
        "is_app": person.is_app,
        "version": person.version,
        "email_since": person.email_since,
    }


def _person(document: dict[str, Any]) -> Person:
    return Person(
        id=document["_id"],
        tenant_id=document["tenant_id"],
        display_name=document["display_name"],
        email=document["email"],
        time_zone=document["time_zone"],
        locale=document["locale"],
        active=document["active"],
        is_app=document["is_app"],
        version=document["version"],
        email_since=document.get("email_since"),
    )
