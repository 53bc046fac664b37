"""The history: `parts` (their newest state), `versions` (known ones), `relations` (intervals)."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import (
    ASCENDING,
    Database,
    DeleteOne,
    Index,
    InsertOne,
    ReplaceOne,
    Transaction,
    UpdateMany,
    UpdateOne,
    Write,
)

from audit.domain.history import (
    NO_VERSION,
    Difference,
    Interval,
    Known,
    Relation,
    State,
)

SCHEMA_VERSION: Final = 1
_ID_BYTES: Final = 16
_BEGINNING: Final = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest known version of a part, and the marks of its further fields."""

    version: int
    at: datetime
    marks: Mapping[str, int]


class HistoryStore:
    """The collections `parts`, `versions` and `relations`."""

    def __init__(self, db: Database) -> None:
        self._parts = db.collection("parts", schema_version=SCHEMA_VERSION)
        self._versions = db.collection("versions", schema_version=SCHEMA_VERSION)
        self._relations = db.collection("relations", schema_version=SCHEMA_VERSION)
        self._beginning = db.collection("beginning", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the collections and indexes, each for the queries below."""
        await self._parts.ensure_indexes([])
        await self._beginning.ensure_indexes([])
        await self._versions.ensure_indexes(
            [Index(keys=[("part", ASCENDING), ("version", ASCENDING)], name="part", unique=True)]
        )
        await self._relations.ensure_indexes(
            [
                Index(
                    keys=[
                        ("tenant_id", ASCENDING),
                        ("object", ASCENDING),
                        ("relation", ASCENDING),
                        ("subject", ASCENDING),
                        ("to_at", ASCENDING),
                    ],
                    name="object",
                ),
                Index(
                    keys=[
                        ("tenant_id", ASCENDING),
                        ("subject", ASCENDING),
                        ("relation", ASCENDING),
                        ("to_at", ASCENDING),
                    ],
                    name="subject",
                ),
                Index(
                    keys=[("part", ASCENDING), ("to_version", ASCENDING)],
                    name="part_end",
                ),
                Index(
                    keys=[("part", ASCENDING), ("from_version", ASCENDING)],
                    name="part_begin",
                ),
            ]
        )

    async def begins_at(self) -> datetime | None:
        """Read from when on the history is whole; nothing before it has begun."""
        found = await self._beginning.find_one({"_id": _BEGINNING})
        return None if found is None else found["at"]

    async def begin(self, at: datetime) -> None:
        """Record that the history is complete from a time on; the first record wins."""
        await self._beginning.update({"_id": _BEGINNING}, {"$setOnInsert": {"at": at}}, upsert=True)

    async def tenants(self) -> list[str]:
        """List the tenants that something is known of."""
        return sorted(await self._parts.distinct("tenant_id"))

    async def newest(self, parts: Iterable[str], *, tx: Transaction) -> dict[str, Newest]:
        """Read the newest known versions of parts, by part."""
        found = await self._parts.find_all({"_id": {"$in": list(parts)}}, tx=tx)
        return {
            each["_id"]: Newest(version=each["version"], at=each["at"], marks=dict(each["marks"]))
            for each in found
        }

    async def open(self, parts: Iterable[str], *, tx: Transaction) -> dict[str, list[Interval]]:
        """Read the open intervals of parts at their newest version, by part."""
        found = await self._relations.find_all(
            {"part": {"$in": list(parts)}, "to_version": NO_VERSION}, hint="part_end", tx=tx
        )
        by_part: dict[str, list[Interval]] = {}
        for document in found:
            by_part.setdefault(document["part"], []).append(_interval(document))
        return by_part

    async def known(
        self, states: Iterable[State], *, tx: Transaction
    ) -> frozenset[tuple[str, int]]:
        """Find the known versions of parts, as (part, version)."""
        wanted = [_version_id(each.part, each.version) for each in states]
        if not wanted:
            return frozenset()
        found = await self._versions.find_all(
            {"_id": {"$in": wanted}}, projection={"part": 1, "version": 1}, tx=tx
        )
        return frozenset((each["part"], each["version"]) for each in found)

    async def after(self, part: str, version: int, *, tx: Transaction) -> Known | None:
        """Read the next known version of a part after one."""
        found = await self._versions.find_one(
            {"part": part, "version": {"$gt": version}}, sort=[("version", ASCENDING)], tx=tx
        )
        return None if found is None else Known(version=found["version"], at=found["at"])

    async def around(
        self, part: str, version: int, *, after: Known, tx: Transaction
    ) -> list[Interval]:
        """Read the intervals of a part that a version before a known one can touch."""
        found = await self._relations.find_all(
            {
                "part": part,
                "from_version": {"$lte": after.version},
                "$or": [{"to_version": NO_VERSION}, {"to_version": {"$gt": version}}],
            },
            hint="part_begin",
            tx=tx,
        )
        return [_interval(each) for each in found]

    async def correct(self, states: Sequence[State], *, tx: Transaction) -> None:
        """Set the start times of versions whose time was not exact."""
        inexact = (
            await self._versions.find_all(
                {"_id": {"$in": [_version_id(each.part, each.version) for each in states]}},
                projection={"exact": 1},
                tx=tx,
            )
            if states
            else []
        )
        open_ = {each["_id"] for each in inexact if not each["exact"]}
        versions: list[Write] = []
        parts: list[Write] = []
        relations: list[Write] = []
        for state in states:
            id_ = _version_id(state.part, state.version)
            if id_ not in open_:
                continue
            versions.append(UpdateOne({"_id": id_}, {"$set": {"at": state.at, "exact": True}}))
            newest = {"_id": state.part, "version": state.version}
            parts.append(UpdateOne(newest, {"$set": {"at": state.at}}))
            begins = {"part": state.part, "from_version": state.version}
            ends = {"part": state.part, "to_version": state.version}
            relations += [
                UpdateMany(begins, {"$set": {"from_at": state.at}}),
                UpdateMany(ends, {"$set": {"to_at": state.at}}),
            ]
        await self._versions.bulk(versions, tx=tx)
        await self._parts.bulk(parts, tx=tx)
        await self._relations.bulk(relations, tx=tx)

    async def write(self, writes: "Writes", *, tx: Transaction) -> None:
        """Carry out the gathered writes."""
        await self._versions.bulk(writes.versions, ordered=True, tx=tx)
        await self._parts.bulk(list(writes.parts.values()), ordered=True, tx=tx)
        await self._relations.bulk(writes.relations, ordered=True, tx=tx)

    async def differences(
        self, versions: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], Difference]:
        """Read the changes of known versions of parts, by (part, version), in three queries."""
        if not versions:
            return {}
        ids = [_version_id(part, version) for part, version in versions]
        known = await self._versions.find_all({"_id": {"$in": ids}})
        fields = {(each["part"], each["version"]): tuple(each["fields"]) for each in known}
        began = await self._changed("from_version", versions)
        ended = await self._changed("to_version", versions)
        return {
            key: Difference(
                began=frozenset(began.get(key, ())),
                ended=frozenset(ended.get(key, ())),
                fields=fields.get(key, ()),
            )
            for key in versions
        }

    async def _changed(
        self, field: str, versions: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], list[Relation]]:
        """Read the relations that began, or ended, with versions of parts."""
        found = await self._relations.find_all(
            {"$or": [{"part": part, field: version} for part, version in sorted(versions)]}
        )
        changed: dict[tuple[str, int], list[Relation]] = {}
        for document in found:
            key = (document["part"], document[field])
            changed.setdefault(key, []).append(_relation(document))
        return changed


class Writes:
    """Writes of a transaction to the history, gathered for few round trips."""

    def __init__(self) -> None:
        self.versions: list[Write] = []
        self.parts: dict[str, Write] = {}
        self.relations: list[Write] = []

    def version(self, state: State, *, fields: Sequence[str]) -> None:
        """Record that a version is known."""
        self.versions.append(
            InsertOne(
                {
                    "_id": _version_id(state.part, state.version),
                    "tenant_id": state.tenant_id,
                    "part": state.part,
                    "version": state.version,
                    "at": state.at,
                    "exact": state.exact,
                    "fields": list(fields),
                }
            )
        )

    def newest(self, state: State) -> None:
        """Record that a state is the newest of its part."""
        self.parts[state.part] = ReplaceOne(
            {"_id": state.part},
            {
                "_id": state.part,
                "tenant_id": state.tenant_id,
                "version": state.version,
                "at": state.at,
                "marks": [list(pair) for pair in sorted(state.marks.items())],
            },
            upsert=True,
        )

    def change(self, *, gone: Iterable[Interval], made: Iterable[Interval]) -> None:
        """Replace intervals by others."""
        ends = {_interval_id(each) for each in gone}
        kept = {_interval_id(each): _document(each) for each in made}
        self.relations += [DeleteOne({"_id": id_}) for id_ in ends - kept.keys()]
        for id_, document in kept.items():
            self.relations.append(
                UpdateOne({"_id": id_}, {"$set": document})
                if id_ in ends
                else InsertOne({"_id": id_, **document})
            )


def _version_id(part: str, version: int) -> str:
    return f"{part}@{version}"


def _interval_id(interval: Interval) -> str:
    relation = interval.relation
    content = "\x00".join(
        (
            interval.part,
            relation.object,
            relation.relation,
            relation.subject,
            relation.data,
            str(interval.from_version),
        )
    )
    return hashlib.blake2b(content.encode(), digest_size=_ID_BYTES).hexdigest()


def _document(interval: Interval) -> dict[str, Any]:
    relation = interval.relation
    return {
        "tenant_id": interval.tenant_id,
        "part": interval.part,
        "object": relation.object,
        "relation": relation.relation,
        "subject": relation.subject,
        "data": relation.data,
        "from_version": interval.from_version,
        "from_at": interval.from_at,
        "to_version": interval.to_version,
        "to_at": interval.to_at,
    }


def _relation(document: Mapping[str, Any]) -> Relation:
    return Relation(document["object"], document["relation"], document["subject"], document["data"])


def _interval(document: Mapping[str, Any]) -> Interval:
    return Interval(
        tenant_id=document["tenant_id"],
        part=document["part"],
        relation=_relation(document),
        from_version=document["from_version"],
        from_at=document["from_at"],
        to_version=document["to_version"],
        to_at=document["to_at"],
    )
