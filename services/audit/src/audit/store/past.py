"""Relations at a past time, by their objects and by their subjects."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import Collection, Database

from audit.domain.history import Held, Relation

SCHEMA_VERSION: Final = 1
_AFTER_COLON: Final = ";"
_AT_ONCE: Final = 1_000
_SHOWN: Final = {"object": 1, "relation": 1, "subject": 1, "data": 1, "_id": 0}


class PastStore:
    """Reads `relations` as they were; asks the same however little is found."""

    def __init__(self, db: Database) -> None:
        self._relations: Collection = db.collection("relations", schema_version=SCHEMA_VERSION)

    async def of_objects(
        self, tenant_id: str, objects: Iterable[str], *, at: datetime, names: Iterable[str] = ()
    ) -> list[Relation]:
        """Read the relations of objects, of some names only or of all."""
        return await self._among(tenant_id, "object", objects, at=at, more=_named(names))

    async def of_kind(
        self, tenant_id: str, kind: str, *, at: datetime, names: Iterable[str] = ()
    ) -> list[Relation]:
        """Read the relations of every object of a kind."""
        query = {"object": _of_kind(kind), **_named(names)}
        return await self._read(tenant_id, query, at=at)

    async def of_subjects(
        self, tenant_id: str, subjects: Iterable[str], *, name: str, kind: str, at: datetime
    ) -> list[Relation]:
        """Read the relations of a name that objects of a kind have with subjects."""
        more = {"relation": name, "object": _of_kind(kind)}
        return await self._among(tenant_id, "subject", subjects, at=at, more=more)

    async def bindings(
        self, tenant_id: str, subjects: Iterable[str], *, at: datetime
    ) -> list[Relation]:
        """Read the roles that subjects hold, for any scope."""
        more = {"relation": _of_kind("role")}
        return await self._among(tenant_id, "subject", subjects, at=at, more=more)

    async def members(
        self,
        tenant_id: str,
        objects: Iterable[str],
        *,
        people: Iterable[str] | None,
        at: datetime,
    ) -> list[Relation]:
        """Read the members of objects: all of them, or those among some people."""
        more: dict[str, Any] = {"relation": {"$in": ["member", "participant"]}}
        if people is None:
            return await self._among(tenant_id, "object", objects, at=at, more=more)
        more["object"] = {"$in": list(objects)}
        return await self._among(tenant_id, "subject", people, at=at, more=more)

    async def between(
        self, tenant_id: str, objects: Iterable[str], *, name: str, first: datetime, last: datetime
    ) -> list[Held]:
        """Read the relations of a name that objects had between two times, both included."""
        wanted = sorted(set(objects))
        found: list[Held] = []
        for start in range(0, len(wanted), _AT_ONCE):
            query = {
                "tenant_id": tenant_id,
                "object": {"$in": wanted[start : start + _AT_ONCE]},
                "relation": name,
                "from_at": {"$lte": last},
                "to_at": {"$gt": first},
            }
            found += [
                Held(
                    relation=Relation(
                        each["object"], each["relation"], each["subject"], each["data"]
                    ),
                    from_at=each["from_at"],
                    to_at=each["to_at"],
                )
                async for each in self._relations.find(
                    query, projection={**_SHOWN, "from_at": 1, "to_at": 1}
                )
            ]
        return found

    async def _among(
        self,
        tenant_id: str,
        field: str,
        values: Iterable[str],
        *,
        at: datetime,
        more: Mapping[str, Any],
    ) -> list[Relation]:
        wanted = sorted(set(values))
        found: list[Relation] = []
        for start in range(0, max(len(wanted), 1), _AT_ONCE):
            query = {field: {"$in": wanted[start : start + _AT_ONCE]}, **more}
            found += await self._read(tenant_id, query, at=at)
        return found

    async def _read(
        self, tenant_id: str, query: Mapping[str, Any], *, at: datetime
    ) -> list[Relation]:
        held = {"tenant_id": tenant_id, **query, "from_at": {"$lte": at}, "to_at": {"$gt": at}}
        return [
            Relation(each["object"], each["relation"], each["subject"], each["data"])
            async for each in self._relations.find(held, projection=_SHOWN)
        ]


def _of_kind(kind: str) -> dict[str, str]:
    return {"$gte": f"{kind}:", "$lt": f"{kind}{_AFTER_COLON}"}


def _named(names: Iterable[str]) -> dict[str, Any]:
    wanted = list(names)
    return {"relation": {"$in": wanted}} if wanted else {}
