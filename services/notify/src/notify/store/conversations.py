"""Conversations, their members and read cursors, from messaging's facts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from plexuskit.mongo import ASCENDING, Database, Document, Documents, Index, UpdateOne, unless_newer

from notify.domain.conversations import Conversation, Member

SCHEMA_VERSION: Final = 1
# Members of one write: the largest conversation comes as one fact.
_PER_WRITE: Final = 1000

CONVERSATIONS: Final = Documents(Conversation, names={"id": "_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Read position of a person in a conversation, or with a `root_seq` in one of its threads."""

    conversation_id: str
    person_id: str
    root_seq: int
    through_seq: int


class ConversationStore:
    """The collections `conversations`, `conversation_members` and `cursors`."""

    def __init__(self, db: Database) -> None:
        self._conversations = db.collection("conversations", schema_version=SCHEMA_VERSION)
        self._members = db.collection("conversation_members", schema_version=SCHEMA_VERSION)
        self._cursors = db.collection("cursors", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create collections and indexes."""
        await self._conversations.ensure_indexes([])
        await self._members.ensure_indexes(
            [Index(keys=[("conversation_id", ASCENDING), ("person_id", ASCENDING)], name="of")]
        )
        await self._cursors.ensure_indexes([])

    async def put(self, conversations: Sequence[Conversation]) -> None:
        """Store conversations unless a newer version is there."""
        writes = [unless_newer(CONVERSATIONS.to_document(each)) for each in conversations]
        await self._conversations.bulk(writes, ordered=True)

    async def put_members(self, members: Sequence[Member]) -> None:
        """Store memberships unless a newer version is there."""
        for start in range(0, len(members), _PER_WRITE):
            part = members[start : start + _PER_WRITE]
            await self._members.bulk([unless_newer(member_document(member)) for member in part])

    async def find(self, conversation_ids: Iterable[str]) -> dict[str, Conversation]:
        """Return those of the conversations that are known, by id."""
        found = await self._conversations.find_all({"_id": {"$in": sorted(set(conversation_ids))}})
        return {document["_id"]: CONVERSATIONS.from_document(document) for document in found}

    async def members(self, conversation_ids: Iterable[str]) -> dict[str, dict[str, Member]]:
        """Return all people who were ever members, by conversation and person."""
        wanted = sorted(set(conversation_ids))
        members: dict[str, dict[str, Member]] = {conversation: {} for conversation in wanted}
        if wanted:
            found = self._members.find({"conversation_id": {"$in": wanted}}, batch_size=2000)
            async for document in found:
                members[document["conversation_id"]][document["person_id"]] = member_of(document)
        return members

    async def members_among(
        self, pairs: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], Member]:
        """Return those of the (conversation, person) who are or were members."""
        ids = sorted({f"{conversation}:{person}" for conversation, person in pairs})
        if not ids:
            return {}
        found = await self._members.find_all({"_id": {"$in": ids}})
        return {
            (document["conversation_id"], document["person_id"]): member_of(document)
            for document in found
        }

    async def advance(self, cursors: Sequence[Cursor]) -> None:
        """Store read positions of people; a cursor never goes back (MSG-7)."""
        writes = [
            UpdateOne(
                {"_id": _cursor_id(cursor.conversation_id, cursor.person_id, cursor.root_seq)},
                {"$max": {"through_seq": cursor.through_seq}},
                upsert=True,
            )
            for cursor in cursors
        ]
        await self._cursors.bulk(writes, ordered=True)

    async def read_through(
        self, places: Iterable[tuple[str, str, int]]
    ) -> dict[tuple[str, str, int], int]:
        """Return read positions at places (conversation, person, root_seq); 0 is left out."""
        wanted = {_cursor_id(*place): place for place in places}
        if not wanted:
            return {}
        found = await self._cursors.find_all({"_id": {"$in": sorted(wanted)}}, batch_size=2000)
        return {wanted[document["_id"]]: document["through_seq"] for document in found}


def _cursor_id(conversation_id: str, person_id: str, root_seq: int) -> str:
    return f"{conversation_id}:{person_id}:{root_seq}"


def member_document(member: Member) -> Document:
    """Return a member as stored; by hand, because each message reads all of its conversation."""
    return {
        "_id": f"{member.conversation_id}:{member.person_id}",
        "conversation_id": member.conversation_id,
        "person_id": member.person_id,
        "active": member.active,
        "intervals": [list(interval) for interval in member.intervals],
        "version": member.version,
    }


def member_of(document: Document) -> Member:
    """Return the member of a document."""
    return Member(
        conversation_id=document["conversation_id"],
        person_id=document["person_id"],
        active=document["active"],
        intervals=tuple((first, last) for first, last in document["intervals"]),
        version=document["version"],
    )
