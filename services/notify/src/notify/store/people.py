"""People and departments as directory's facts tell of them."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from plexuskit.mongo import ASCENDING, Database, Index, unless_newer

from notify.domain.people import Department, Person

SCHEMA_VERSION: Final = 1


class PeopleStore:
    """The collections `people` and `departments`, by id."""

    def __init__(self, db: Database) -> None:
        self._people = db.collection("people", schema_version=SCHEMA_VERSION)
        self._departments = db.collection("departments", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the collections and the index that the queries below use."""
        await self._people.ensure_indexes([])
        await self._departments.ensure_indexes([Index(keys=[("path", ASCENDING)], name="path")])

    async def put(self, people: Sequence[Person]) -> None:
        """Store people unless a newer version is there."""
        writes = [unless_newer(_document(person)) for person in people]
        await self._people.bulk(writes, ordered=True)

    async def put_departments(self, departments: Sequence[Department]) -> None:
        """Store departments unless a newer version is there."""
        writes = [unless_newer(_department_document(each)) for each in departments]
        await self._departments.bulk(writes, ordered=True)

    async def in_departments(
        self, department_ids: Iterable[str], *, among: Iterable[str]
    ) -> frozenset[str]:
        """Return who of the people belongs to one of the departments or one below it."""
        below = await self._departments.find_all(
            {"path": {"$in": sorted(set(department_ids))}}, projection={"_id": 1}, hint="path"
        )
        found = await self._people.find_all(
            {
                "_id": {"$in": sorted(set(among))},
                "department_ids": {"$in": [document["_id"] for document in below]},
            },
            projection={"_id": 1},
        )
        return frozenset(document["_id"] for document in found)

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
        "department_ids": list(person.department_ids),
        "version": person.version,
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
        # Absent from what an earlier release stored, until the snapshot has come.
        department_ids=tuple(document.get("department_ids", ())),
        version=document["version"],
    )


def _department_document(department: Department) -> dict[str, Any]:
    return {
        "_id": department.id,
        "tenant_id": department.tenant_id,
        "path": list(department.path),
        "version": department.version,
    }
