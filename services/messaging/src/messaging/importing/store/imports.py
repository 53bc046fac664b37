"""Imported conversations and whether they still follow another system's export (GW-11)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import Database, Document, Documents, Index, Transaction, UpdateOne

from messaging.contract.events import IMPORT
from messaging.importing.domain import Closed, Exported, Following
from messaging.log.store.entries import either

SCHEMA_VERSION = 1

FOLLOWING: Final = Documents(Following, names={"conversation_id": "_id"}, omitted=("exported",))
_EXPORTED: Final = Documents(Exported)


class ImportStore:
    """The collections `imports`, by conversation, and `import_sources`, those that were finished.

    A conversation that was imported before `imports` existed has an external id and no document.
    """

    def __init__(self, db: Database) -> None:
        self._imports = db.collection("imports", schema_version=SCHEMA_VERSION)
        self._sources = db.collection("import_sources", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes that the queries below use."""
        await self._imports.ensure_indexes(
            [Index(keys=[("tenant_id", 1), ("source", 1), ("closed", 1)], name="source")]
        )
        await self._sources.ensure_indexes([])

    async def begin(self, following: Following, *, tenant_id: str, tx: Transaction) -> None:
        """Write that a new conversation follows an export."""
        await self._imports.insert(following_document(following, tenant_id=tenant_id), tx=tx)

    async def find_many(
        self, conversation_ids: Iterable[str], *, tx: Transaction | None = None
    ) -> dict[str, Following]:
        """Find the links of conversations to their exports."""
        wanted = sorted(set(conversation_ids))
        if not wanted:
            return {}
        found = await self._imports.find_all({"_id": {"$in": wanted}}, tx=tx)
        return {document["_id"]: FOLLOWING.from_document(document) for document in found}

    async def adopt(self, followings: Sequence[Following], *, tenant_id: str) -> None:
        """Write documents of conversations that have none yet; others stay as they are."""
        await self._imports.bulk(
            [
                UpdateOne(
                    {"_id": following.conversation_id},
                    {
                        "$setOnInsert": {
                            name: value
                            for name, value in following_document(
                                following, tenant_id=tenant_id
                            ).items()
                            if name != "_id"
                        }
                    },
                    upsert=True,
                )
                for following in followings
            ]
        )

    async def note_checked(
        self, checked: Mapping[str, int], *, tx: Transaction | None = None
    ) -> None:
        """Record the number up to which all messages are known to be imported."""
        await self._imports.bulk(
            [
                UpdateOne({"_id": conversation_id}, {"$max": {"checked_seq": seq}})
                for conversation_id, seq in checked.items()
            ],
            tx=tx,
        )

    async def note_followed(self, following: Following, *, tx: Transaction) -> None:
        """Record the applied export, after a change by it: `finish` conflicts with this write."""
        changes: dict[str, Any] = {"$inc": {"followed": 1}}
        if following.exported is not None:
            changes["$set"] = {"exported": _EXPORTED.to_document(following.exported)}
        await self._imports.update({"_id": following.conversation_id}, changes, tx=tx)

    async def close(
        self, conversation_ids: Collection[str], *, why: Closed, tx: Transaction | None = None
    ) -> None:
        """Stop conversations from following their export, for good; the first reason is kept."""
        await self._imports.bulk(
            [
                UpdateOne({"_id": each, "closed": None}, {"$set": {"closed": why.value}})
                for each in sorted(conversation_ids)
            ],
            tx=tx,
        )

    async def finish(self, source: str, *, tenant_id: str, now: datetime, tx: Transaction) -> int:
        """Close every conversation of a source; return how many were open."""
        await self._sources.update(
            {"_id": _source_id(tenant_id, source)},
            {"$setOnInsert": {"tenant_id": tenant_id, "finished_at": now}},
            upsert=True,
            tx=tx,
        )
        return await self._imports.update_many(
            {"tenant_id": tenant_id, "source": source, "closed": None},
            {"$set": {"closed": Closed.FINISHED.value}},
            tx=tx,
        )

    async def finished(self, tenant_id: str, sources: Iterable[str]) -> set[str]:
        """Find those of the sources that were ever finished."""
        wanted = {_source_id(tenant_id, source): source for source in sources}
        if not wanted:
            return set()
        found = await self._sources.find_all({"_id": {"$in": sorted(wanted)}})
        return {wanted[document["_id"]] for document in found}


def _source_id(tenant_id: str, source: str) -> str:
    return f"{tenant_id}:{source}"


class ImportedStore:
    """Imported messages in the collection `entries`; its indexes are the entry store's."""

    def __init__(self, db: Database) -> None:
        self._entries = db.collection("entries", schema_version=SCHEMA_VERSION)
        self._heads = db.collection("heads", schema_version=SCHEMA_VERSION)

    async def native_since(
        self, windows: Mapping[str, int], *, tx: Transaction | None = None
    ) -> dict[str, tuple[int, bool]]:
        """Find conversations with messages after a number.

        Returns:
            {conversation: (last seq, whether one of them was not imported)}.
        """
        if not windows:
            return {}
        windows_ = [
            {"conversation_id": conversation_id, "seq": {"$gt": after}}
            for conversation_id, after in windows.items()
        ]
        rows = await self._entries.aggregate(
            [
                {"$match": either(windows_)},
                {
                    "$group": {
                        "_id": "$conversation_id",
                        "last": {"$max": "$seq"},
                        "native": {"$max": {"$ne": ["$origin", IMPORT]}},
                    }
                },
            ],
            hint="seq",
            tx=tx,
        )
        return {row["_id"]: (int(row["last"]), bool(row["native"])) for row in rows}

    async def imported_ends(self, conversation_ids: Sequence[str]) -> dict[str, int]:
        """Find the seq of the last imported message of each conversation that has one (MSG-19)."""
        last = {
            "from": "entries",
            "localField": "_id",
            "foreignField": "conversation_id",
            "pipeline": [
                {"$match": {"origin": IMPORT, "seq": {"$gt": 0}}},
                {"$sort": {"seq": -1}},
                {"$limit": 1},
                {"$project": {"seq": 1}},
            ],
            "as": "last",
        }
        rows = await self._heads.aggregate(
            [
                {"$match": {"_id": {"$in": list(conversation_ids)}}},
                {"$project": {"_id": 1}},
                {"$lookup": last},
            ]
        )
        return {row["_id"]: int(row["last"][0]["seq"]) for row in rows if row["last"]}


def following_document(following: Following, *, tenant_id: str) -> Document:
    """Return a conversation's link to an export as it is stored."""
    document = FOLLOWING.to_document(following)
    return {"_id": following.conversation_id, "tenant_id": tenant_id, **document}
