"""State of conversations: the fields and members derived from each log."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from plexuskit.mongo import Database, Index, ReplaceOne, Transaction

from messaging.log.domain.entries import Head
from messaging.log.domain.states import Conversation, History, Kind, Member, Role, Stay

SCHEMA_VERSION = 1


class StateStore:
    """The collections `conversations` and `members`, and the heads of conversations that begin."""

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
        # In one round trip: a transaction lives three seconds, and a change occupies a slot.
        await self._members.bulk(
            [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents], tx=tx
        )

    async def find(self, conversation_id: str) -> Conversation | None:
        """Find one conversation."""
        document = await self._conversations.find_one({"_id": conversation_id})
        return None if document is None else conversation_of(document)

    async def find_many(self, conversation_ids: Iterable[str]) -> dict[str, Conversation]:
        """Find several conversations by id."""
        query = {"_id": {"$in": list(conversation_ids)}}
        found = await self._conversations.find_all(query)
        return {document["_id"]: conversation_of(document) for document in found}

    async def members(
        self, conversation_id: str, *, person_ids: Iterable[str] | None = None, active: bool = False
    ) -> list[Member]:
        """Find members in order of person id: all, the named, or only the current ones."""
        query: dict[str, Any] = {"conversation_id": conversation_id}
        order = "person_id"
        if person_ids is not None:
            ids = [member_id(conversation_id, person_id) for person_id in person_ids]
            query, order = {"_id": {"$in": ids}}, "_id"
        if active:
            query["active"] = True
        found = await self._members.find_all(query, sort=[(order, 1)])
        return [member_of(document) for document in found]

    async def active_members(self, conversation_ids: Iterable[str]) -> dict[str, list[Member]]:
        """Find the current members of several conversations."""
        found = await self._members.find_all(
            {"conversation_id": {"$in": list(conversation_ids)}, "active": True},
            hint="conversation",
        )
        members: dict[str, list[Member]] = {}
        for document in found:
            members.setdefault(document["conversation_id"], []).append(member_of(document))
        return members


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


def conversation_of(document: Mapping[str, Any]) -> Conversation:
    """Read a conversation."""
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


def member_of(document: Mapping[str, Any]) -> Member:
    """Read a member."""
    return Member(
        conversation_id=document["conversation_id"],
        person_id=document["person_id"],
        role=Role(document["role"]),
        stays=tuple(Stay(**stay) for stay in document["stays"]),
        version=document["version"],
    )
