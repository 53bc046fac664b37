"""Conversations, their members, and heads: a cache of the log's last numbers."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from plexuskit.mongo import Database, Index, ReplaceOne, Transaction
from plexuskit.paging import PageBudget

from messaging.domain.conversations import (
    Conversation,
    History,
    Kind,
    Member,
    Role,
    Stay,
)
from messaging.domain.log import Head

SCHEMA_VERSION = 1
# Members of one conversation in one part of a stream of all memberships: some 150 KB.
MAX_TOGETHER = 5_000
# Conversations whose members are read by one query.
ROSTERS_TOGETHER = 500
# Bytes of a member on a page, and of each stay.
MEMBER_BYTES = 200
STAY_BYTES = 60


class Roster(NamedTuple):
    """Members of a conversation, with the version that they contain every change up to."""

    tenant_id: str
    conversation_id: str
    version: int
    people: list[str]


class ConversationStore:
    """The collections `conversations`, `members` and `heads`."""

    def __init__(self, db: Database) -> None:
        self._conversations = db.collection("conversations", schema_version=SCHEMA_VERSION)
        self._members = db.collection("members", schema_version=SCHEMA_VERSION)
        self._heads = db.collection("heads", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes that the queries below use."""
        await self._conversations.ensure_indexes(
            [
                # One direct conversation per pair.
                Index(
                    keys=[("tenant_id", 1), ("pair", 1)],
                    name="pair",
                    unique=True,
                    partial={"pair": {"$exists": True}},
                ),
                Index(
                    keys=[("tenant_id", 1), ("external_id", 1)],
                    name="external_id",
                    unique=True,
                    partial={"external_id": {"$exists": True}},
                ),
                Index(
                    keys=[("archived", 1), ("_id", 1)], name="archived", partial={"archived": True}
                ),
            ]
        )
        await self._members.ensure_indexes(
            [
                Index(
                    keys=[("person_id", 1), ("active", 1), ("conversation_id", 1)], name="person"
                ),
                Index(
                    keys=[("conversation_id", 1), ("active", 1), ("person_id", 1)],
                    name="conversation",
                ),
            ]
        )

    async def insert(
        self, conversation: Conversation, members: Sequence[Member], head: Head, *, tx: Transaction
    ) -> None:
        """Write a conversation that begins."""
        await self._conversations.insert(_conversation_document(conversation), tx=tx)
        documents = [
            _member_document(member, tenant_id=conversation.tenant_id) for member in members
        ]
        await self._members.insert_many(documents, tx=tx)
        await self._heads.insert(
            {
                "_id": conversation.id,
                "tenant_id": conversation.tenant_id,
                "change_no": head.change_no,
                "seq": head.seq,
                "last_at": conversation.created_at,
            },
            tx=tx,
        )

    async def save(
        self, conversation: Conversation, members: Sequence[Member], *, tx: Transaction
    ) -> None:
        """Write the state that an entry of the log led to; the entry's number is the fence."""
        document = _conversation_document(conversation)
        await self._conversations.replace({"_id": conversation.id}, document, tx=tx)
        documents = [
            _member_document(member, tenant_id=conversation.tenant_id) for member in members
        ]
        # In one round trip: a transaction lives three seconds, and a change holds its lane.
        await self._members.bulk(
            [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents], tx=tx
        )

    async def find(self, conversation_id: str) -> Conversation | None:
        """Find one conversation."""
        document = await self._conversations.find_one({"_id": conversation_id})
        return None if document is None else _conversation(document)

    async def find_many(self, conversation_ids: Iterable[str]) -> dict[str, Conversation]:
        """Find several conversations by id."""
        query = {"_id": {"$in": list(conversation_ids)}}
        found = await self._conversations.find_all(query)
        return {document["_id"]: _conversation(document) for document in found}

    async def archived(self, conversation_ids: Iterable[str]) -> set[str]:
        """Find those of the conversations that are archived; from the index alone."""
        found = await self._conversations.find_all(
            {"_id": {"$in": list(conversation_ids)}, "archived": True},
            projection={"_id": 1},
            hint="archived",
        )
        return {document["_id"] for document in found}

    async def find_pair(self, tenant_id: str, pair: tuple[str, str]) -> Conversation | None:
        """Find the direct conversation of two people, given in order of their ids."""
        document = await self._conversations.find_one(
            {"tenant_id": tenant_id, "pair": "|".join(pair)}
        )
        return None if document is None else _conversation(document)

    async def find_external(
        self, tenant_id: str, external_ids: Iterable[str]
    ) -> dict[str, Conversation]:
        """Find conversations that came from another system, by their ids there."""
        query = {"tenant_id": tenant_id, "external_id": {"$in": list(external_ids)}}
        return {
            doc["external_id"]: _conversation(doc) async for doc in self._conversations.find(query)
        }

    async def count(self, tenant_id: str) -> int:
        """Count the tenant's conversations."""
        return await self._heads.count({"tenant_id": tenant_id})

    async def member(self, conversation_id: str, person_id: str) -> Member | None:
        """Find one person's life in a conversation, over or not."""
        document = await self._members.find_one({"_id": member_id(conversation_id, person_id)})
        return None if document is None else _member(document)

    async def members_of(
        self, person_id: str, conversation_ids: Iterable[str]
    ) -> dict[str, Member]:
        """Find one person's life in each of the conversations, over or not."""
        ids = [member_id(conversation_id, person_id) for conversation_id in conversation_ids]
        found = await self._members.find_all({"_id": {"$in": ids}})
        return {document["conversation_id"]: _member(document) for document in found}

    async def active_members(self, conversation_ids: Iterable[str]) -> dict[str, list[Member]]:
        """Find the present members of several conversations."""
        found = await self._members.find_all(
            {"conversation_id": {"$in": list(conversation_ids)}, "active": True},
            hint="conversation",
        )
        members: dict[str, list[Member]] = {}
        for document in found:
            members.setdefault(document["conversation_id"], []).append(_member(document))
        return members

    async def active_member_ids(self, conversation_ids: Iterable[str]) -> dict[str, list[str]]:
        """Find the ids of present members of several conversations; from the index alone."""
        found = await self._members.find_all(
            {"conversation_id": {"$in": list(conversation_ids)}, "active": True},
            projection={"_id": 0, "conversation_id": 1, "person_id": 1},
            hint="conversation",
        )
        people: dict[str, list[str]] = {}
        for document in found:
            people.setdefault(document["conversation_id"], []).append(document["person_id"])
        return people

    async def members(
        self, conversation_id: str, *, person_ids: Iterable[str] | None = None, active: bool = False
    ) -> list[Member]:
        """Find members in order of person id: all, the named, or only the present ones."""
        query: dict[str, Any] = {"conversation_id": conversation_id}
        order = "person_id"
        if person_ids is not None:
            ids = [member_id(conversation_id, person_id) for person_id in person_ids]
            query, order = {"_id": {"$in": ids}}, "_id"
        if active:
            query["active"] = True
        found = await self._members.find_all(query, sort=[(order, 1)])
        return [_member(document) for document in found]

    async def active_ids(self, conversation_id: str) -> set[str]:
        """Find the ids of the present members; from the index alone."""
        rows = await self._members.aggregate(
            [
                {"$match": {"conversation_id": conversation_id, "active": True}},
                {"$group": {"_id": None, "ids": {"$push": "$person_id"}}},
            ],
            hint="conversation",
        )
        return set(rows[0]["ids"]) if rows else set()

    async def list_members(
        self, conversation_id: str, *, after: str, budget: PageBudget
    ) -> tuple[list[Member], bool]:
        """Read a page of present members in order of person id, and whether more follow."""
        query = {"conversation_id": conversation_id, "active": True, "person_id": {"$gt": after}}
        found, more = await self._members.find_page(
            query,
            budget=budget,
            size_of=lambda document: MEMBER_BYTES + STAY_BYTES * len(document["stays"]),
            sort=[("person_id", 1)],
            hint="conversation",
        )
        return [_member(document) for document in found], more

    async def still_in(
        self, person_id: str, conversation_ids: Iterable[str], *, tx: Transaction | None = None
    ) -> set[str]:
        """Give those of the conversations that a person is in now."""
        ids = [member_id(conversation_id, person_id) for conversation_id in conversation_ids]
        found = await self._members.find_all(
            {"_id": {"$in": ids}, "active": True}, projection=["conversation_id"], tx=tx
        )
        return {document["conversation_id"] for document in found}

    async def memberships(self, person_id: str) -> list[Member]:
        """Find every conversation that a person is in now."""
        found = await self._members.find_all({"person_id": person_id, "active": True})
        return [_member(document) for document in found]

    async def conversation_ids(self, person_id: str) -> list[str]:
        """Find the ids of every conversation that a person is in now; from the index alone."""
        found = await self._members.find_all(
            {"person_id": person_id, "active": True},
            projection={"conversation_id": 1, "_id": 0},
            hint="person",
        )
        return [document["conversation_id"] for document in found]

    async def people_in(
        self, conversation_ids: Sequence[str], *, person_ids: Sequence[str]
    ) -> set[str]:
        """Find who of the named is in any of the conversations now; from the index alone."""
        rows = await self._members.aggregate(
            [
                {
                    "$match": {
                        "person_id": {"$in": list(person_ids)},
                        "active": True,
                        "conversation_id": {"$in": list(conversation_ids)},
                    }
                },
                {"$group": {"_id": "$person_id"}},
            ],
            hint="person",
        )
        return {row["_id"] for row in rows}

    async def rosters(self, tenant_id: str) -> AsyncIterator[Roster]:
        """Stream the present members of every conversation, of one tenant or (empty) of all.

        The version is read before the members, so all of its changes are among them. One with very
        many members comes in several parts.
        """
        after = ""
        while True:
            query = {"_id": {"$gt": after}, **({"tenant_id": tenant_id} if tenant_id else {})}
            page = await self._conversations.find_all(
                query,
                projection=["tenant_id", "membership_version"],
                sort=[("_id", 1)],
                limit=ROSTERS_TOGETHER,
            )
            if not page:
                return
            ids = [document["_id"] for document in page]
            after = ids[-1]
            versions = {
                document["_id"]: (document["tenant_id"], document["membership_version"])
                for document in page
            }
            async for conversation_id, people in self._people_of(ids):
                tenant, version = versions[conversation_id]
                yield Roster(tenant, conversation_id, version, people)

    async def _people_of(
        self, conversation_ids: Sequence[str]
    ) -> AsyncIterator[tuple[str, list[str]]]:
        """Stream the present members of conversations, one after the other; from the index."""
        key, people = "", list[str]()
        found = self._members.find(
            {"conversation_id": {"$in": list(conversation_ids)}, "active": True},
            projection={"_id": 0, "conversation_id": 1, "person_id": 1},
            sort=[("conversation_id", 1)],
            hint="conversation",
            batch_size=MAX_TOGETHER,
        )
        async for document in found:
            if document["conversation_id"] != key or len(people) == MAX_TOGETHER:
                if people:
                    yield key, people
                key, people = document["conversation_id"], []
            people.append(document["person_id"])
        if people:
            yield key, people

    async def all_members(self, tenant_id: str) -> AsyncIterator[tuple[str, Member]]:
        """Stream every present member with the tenant, of one tenant or (empty) of all."""
        query = {"active": True, **({"tenant_id": tenant_id} if tenant_id else {})}
        async for document in self._members.find(query, batch_size=1000):
            yield document["tenant_id"], _member(document)

    async def message_count(self, tenant_id: str) -> int:
        """Add up the last seq of every conversation: exact, because seq is dense (MSG-1)."""
        rows = await self._heads.aggregate(
            [
                {"$match": {"tenant_id": tenant_id}},
                {"$group": {"_id": None, "n": {"$sum": "$seq"}}},
            ]
        )
        return int(rows[0]["n"]) if rows else 0


def member_id(conversation_id: str, person_id: str) -> str:
    """Name a membership document."""
    return f"{conversation_id}:{person_id}"


def _conversation_document(conversation: Conversation) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_id": conversation.id,
        "tenant_id": conversation.tenant_id,
        "kind": conversation.kind.value,
        "name": conversation.name,
        "topic": conversation.topic,
        "history": conversation.history.value,
        "archived": conversation.archived,
        "created_by": conversation.created_by,
        "created_at": conversation.created_at,
        "membership_version": conversation.membership_version,
        "member_count": conversation.member_count,
        "version": conversation.version,
        "confidential": conversation.confidential,
    }
    if conversation.pair is not None:
        document["pair"] = "|".join(conversation.pair)
    if conversation.external_id:
        document["external_id"] = conversation.external_id
    return document


def _conversation(document: Mapping[str, Any]) -> Conversation:
    pair = document.get("pair")
    first, _, second = (pair or "").partition("|")
    return Conversation(
        id=document["_id"],
        tenant_id=document["tenant_id"],
        kind=Kind(document["kind"]),
        name=document["name"],
        topic=document["topic"],
        history=History(document["history"]),
        archived=document["archived"],
        created_by=document["created_by"],
        created_at=document["created_at"],
        membership_version=document["membership_version"],
        member_count=document["member_count"],
        version=document["version"],
        confidential=document.get("confidential", False),
        external_id=document.get("external_id", ""),
        pair=(first, second) if pair else None,
    )


def _member_document(member: Member, *, tenant_id: str) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "_id": member_id(member.conversation_id, member.person_id),
        "conversation_id": member.conversation_id,
        "person_id": member.person_id,
        "role": int(member.role),
        "active": member.active,
        "version": member.version,
        "stays": [
            {
                "first_seq": stay.first_seq,
                "joined_version": stay.joined_version,
                "joined_at": stay.joined_at,
                "last_seq": stay.last_seq,
                "left_version": stay.left_version,
            }
            for stay in member.stays
        ],
    }


def _member(document: Mapping[str, Any]) -> Member:
    return Member(
        conversation_id=document["conversation_id"],
        person_id=document["person_id"],
        role=Role(document["role"]),
        stays=tuple(Stay(**stay) for stay in document["stays"]),
        version=document["version"],
    )
