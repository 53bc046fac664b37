"""People and departments: projections of directory's facts, each guarded by its version."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from plexuskit.mongo import Database, Index, unless_newer

from messaging.conversations.domain.people import Department, Person
from messaging.conversations.domain.working_hours import Shift, WorkingHours

SCHEMA_VERSION = 1


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
        await self._people.bulk([unless_newer(_person_document(each)) for each in people])

    async def put_departments(self, departments: Sequence[Department]) -> None:
        """Store departments unless a newer version is there."""
        writes = [unless_newer(_department_document(each)) for each in departments]
        await self._departments.bulk(writes)

    async def find(self, person_ids: Iterable[str]) -> dict[str, Person]:
        """Find those of the people who are known, by id."""
        found = await self._people.find_all({"_id": {"$in": list(person_ids)}})
        return {document["_id"]: _person(document) for document in found}

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
                hours=_hours(row["_id"]["hours"]),
                active=row["_id"]["active"],
                is_app=row["_id"]["is_app"],
                person_ids=tuple(row["person_ids"]),
            )
            for row in rows
        ]

    async def find_departments(self, department_ids: Iterable[str]) -> dict[str, Department]:
        """Find those of the departments that are known, by id."""
        found = await self._departments.find_all({"_id": {"$in": list(department_ids)}})
        return {document["_id"]: _department(document) for document in found}

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


def _person_document(person: Person) -> dict[str, Any]:
    return {
        "_id": person.id,
        "tenant_id": person.tenant_id,
        "active": person.active,
        "is_app": person.is_app,
        "time_zone": person.time_zone,
        "hours": {
            "weekdays": list(person.hours.weekdays),
            "windows": [list(window) for window in person.hours.windows],
        },
        "department_ids": list(person.department_ids),
        "version": person.version,
    }


def _person(document: Mapping[str, Any]) -> Person:
    return Person(
        id=document["_id"],
        tenant_id=document["tenant_id"],
        active=document["active"],
        is_app=document["is_app"],
        time_zone=document["time_zone"],
        hours=_hours(document["hours"]),
        department_ids=tuple(document["department_ids"]),
        version=document["version"],
    )


def _hours(document: Mapping[str, Any]) -> WorkingHours:
    return WorkingHours(
        weekdays=tuple(document["weekdays"]),
        windows=tuple((start, end) for start, end in document["windows"]),
    )


def _department_document(department: Department) -> dict[str, Any]:
    return {
        "_id": department.id,
        "tenant_id": department.tenant_id,
        "path": list(department.path),
        "version": department.version,
    }


def _department(document: Mapping[str, Any]) -> Department:
    return Department(
        id=document["_id"],
        tenant_id=document["tenant_id"],
        path=tuple(document["path"]),
        version=document["version"],
    )
