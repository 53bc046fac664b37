"""People and departments: projections of directory's facts, each guarded by its version."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from plexuskit.mongo import Database, Documents, Index, unless_newer

from messaging.conversations.domain.people import Department, Person
from messaging.conversations.domain.working_hours import Shift, WorkingHours

SCHEMA_VERSION = 1

PEOPLE: Final = Documents(Person, names={"id": "_id"})
DEPARTMENTS: Final = Documents(Department, names={"id": "_id"})
HOURS: Final = Documents(WorkingHours)


class PeopleStore:
    """The collections `people` and `departments`."""

    def __init__(self, db: Database) -> None:
        self._people = db.collection("people", schema_version=SCHEMA_VERSION)
        self._departments = db.collection("departments", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the collections and the index that the queries below use."""
        await self._people.ensure_indexes([])
        await self._departments.ensure_indexes([Index(keys=[("path", 1)], name="path")])

    async def put(self, people: Sequence[Person]) -> None:
        """Store people unless a newer version is there."""
        await self._people.bulk([unless_newer(PEOPLE.to_document(each)) for each in people])

    async def put_departments(self, departments: Sequence[Department]) -> None:
        """Store departments unless a newer version is there."""
        writes = [unless_newer(DEPARTMENTS.to_document(each)) for each in departments]
        await self._departments.bulk(writes)

    async def find(self, person_ids: Iterable[str]) -> dict[str, Person]:
        """Find those of the people who are known, by id."""
        found = await self._people.find_all({"_id": {"$in": list(person_ids)}})
        return {document["_id"]: PEOPLE.from_document(document) for document in found}

    async def shifts(
        self,
        among: Collection[str],
        *,
        person_ids: Collection[str],
        department_ids: Collection[str],
    ) -> list[Shift]:
        """Group the known of the people by zone and working hours.

        With departments only those who belong to one of them, or are named. Grouped by the server:
        a document for each of thousands of people would cost more than all the rest.
        """
        match: dict[str, Any] = {"_id": {"$in": list(among)}}
        if department_ids:
            match["$or"] = [
                {"department_ids": {"$in": list(department_ids)}},
                {"_id": {"$in": list(person_ids)}},
            ]
        key = {name: f"${name}" for name in ("time_zone", "hours", "active", "is_app")}
        rows = await self._people.aggregate(
            [{"$match": match}, {"$group": {"_id": key, "person_ids": {"$push": "$_id"}}}]
        )
        return [
            Shift(
                time_zone=row["_id"]["time_zone"],
                hours=HOURS.from_document(row["_id"]["hours"]),
                active=row["_id"]["active"],
                is_app=row["_id"]["is_app"],
                person_ids=tuple(row["person_ids"]),
            )
            for row in rows
        ]

    async def find_departments(self, department_ids: Iterable[str]) -> dict[str, Department]:
        """Find those of the departments that are known, by id."""
        found = await self._departments.find_all({"_id": {"$in": list(department_ids)}})
        return {document["_id"]: DEPARTMENTS.from_document(document) for document in found}

    async def below(self, department_ids: Iterable[str]) -> frozenset[str]:
        """Find the departments and all under them."""
        found = await self._departments.find_all(
            {"path": {"$in": list(department_ids)}}, projection={"_id": 1}, hint="path"
        )
        return frozenset(document["_id"] for document in found)

    async def above(self, person_id: str) -> tuple[str, ...]:
        """Find the departments that a person belongs to, and all above them; two reads by key."""
        person = await self._people.find_one(
            {"_id": person_id}, projection={"department_ids": 1, "_id": 0}
        )
        if person is None or not person["department_ids"]:
            return ()
        departments = await self.find_departments(person["department_ids"])
        paths = {step: None for each in departments.values() for step in each.path}
        return tuple(paths | dict.fromkeys(person["department_ids"]))
