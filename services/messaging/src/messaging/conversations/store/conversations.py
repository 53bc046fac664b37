"""Conversations and their members, as operations and queries find them."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

from plexuskit.mongo import Transaction
from plexuskit.paging import PageBudget

from messaging.log.domain.states import Conversation, History, Member
from messaging.log.store.states import StateStore, conversation_of, member_id, member_of

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


class ConversationStore(StateStore):
    """Conversations and members as operations and queries find them."""

    async def archived(self, conversation_ids: Iterable[str]) -> set[str]:
        """Find those of the conversations that are archived; from the index alone."""
        found = await self._conversations.find_all(
            {"_id": {"$in": list(conversation_ids)}, "archived": True},
            projection={"_id": 1},
            hint="archived",
        )
        return {document["_id"] for document in found}

    async def with_open_history(self, conversation_ids: Iterable[str]) -> set[str]:
        """Find those of the conversations in which members see everything (MSG-14)."""
        ids = list(conversation_ids)
        if not ids:
            return set()
        found = await self._conversations.find_all(
            {"_id": {"$in": ids}, "history": History.ALL.value}, projection={"_id": 1}
        )
        return {document["_id"] for document in found}

    async def find_pair(self, tenant_id: str, pair: tuple[str, str]) -> Conversation | None:
        """Find the direct conversation of two people, given in order of their ids."""
        document = await self._conversations.find_one(
            {"tenant_id": tenant_id, "pair": "|".join(pair)}
        )
        return None if document is None else conversation_of(document)

    async def find_external(
        self, tenant_id: str, external_ids: Iterable[str]
    ) -> dict[str, Conversation]:
        """Find conversations that came from another system, by their ids there."""
        query = {"tenant_id": tenant_id, "external_id": {"$in": list(external_ids)}}
        return {
            doc["external_id"]: conversation_of(doc)
            async for doc in self._conversations.find(query)
        }

    async def count(self, tenant_id: str) -> int:
        """Count the tenant's conversations."""
        return await self._heads.count({"tenant_id": tenant_id})

    async def member(self, conversation_id: str, person_id: str) -> Member | None:
        """Find one person's life in a conversation, over or not."""
        document = await self._members.find_one({"_id": member_id(conversation_id, person_id)})
        return None if document is None else member_of(document)

    async def members_of(
        self, person_id: str, conversation_ids: Iterable[str]
    ) -> dict[str, Member]:
        """Find one person's life in each of the conversations, over or not."""
        ids = [member_id(conversation_id, person_id) for conversation_id in conversation_ids]
        found = await self._members.find_all({"_id": {"$in": ids}})
        return {document["conversation_id"]: member_of(document) for document in found}

    async def active_member_ids(self, conversation_ids: Iterable[str]) -> dict[str, list[str]]:
        """Find the ids of current members of several conversations; from the index alone."""
        found = await self._members.find_all(
            {"conversation_id": {"$in": list(conversation_ids)}, "active": True},
            projection={"_id": 0, "conversation_id": 1, "person_id": 1},
            hint="conversation",
        )
        people: dict[str, list[str]] = {}
        for document in found:
            people.setdefault(document["conversation_id"], []).append(document["person_id"])
        return people

    async def active_ids(self, conversation_id: str) -> set[str]:
        """Find the ids of the current members; answered from the index alone."""
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
        """Read a page of current members in order of person id, and whether more follow."""
        query = {"conversation_id": conversation_id, "active": True, "person_id": {"$gt": after}}
        found, more = await self._members.find_page(
            query,
            budget=budget,
            size_of=lambda document: MEMBER_BYTES + STAY_BYTES * len(document["stays"]),
            sort=[("person_id", 1)],
            hint="conversation",
        )
        return [member_of(document) for document in found], more

    async def still_in(
        self, person_id: str, conversation_ids: Iterable[str], *, tx: Transaction | None = None
    ) -> set[str]:
        """Return the conversations of which a person is a member now."""
        ids = [member_id(conversation_id, person_id) for conversation_id in conversation_ids]
        found = await self._members.find_all(
            {"_id": {"$in": ids}, "active": True}, projection=["conversation_id"], tx=tx
        )
        return {document["conversation_id"] for document in found}

    async def memberships(self, person_id: str) -> list[Member]:
        """Find every conversation that a person is in now."""
        found = await self._members.find_all({"person_id": person_id, "active": True})
        return [member_of(document) for document in found]

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
        """Find the people who are in any of the conversations now; from the index alone."""
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
        """Stream the current members of all conversations of one tenant, or (empty) of all.

        The version is read before the members, so all of its changes are among them. A conversation
        with very many members comes in several parts.
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
        """Stream the current members of each conversation in turn; from the index."""
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
        """Stream every current member with the tenant, of one tenant or (empty) of all."""
        query = {"active": True, **({"tenant_id": tenant_id} if tenant_id else {})}
        async for document in self._members.find(query, batch_size=1000):
            yield document["tenant_id"], member_of(document)

    async def message_count(self, tenant_id: str) -> int:
        """Add up the last seq of every conversation: exact, because seq is dense (MSG-1)."""
        rows = await self._heads.aggregate(
            [
                {"$match": {"tenant_id": tenant_id}},
                {"$group": {"_id": None, "n": {"$sum": "$seq"}}},
            ]
        )
        return int(rows[0]["n"]) if rows else 0
