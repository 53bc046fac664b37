"""The ledger: every notification with its deliveries; the queue of its e-mails is in `mails`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from plexuskit.mongo import (
    ASCENDING,
    DESCENDING,
    Database,
    Index,
    ReplaceOne,
    Retry,
    Transaction,
)
from plexuskit.paging import PageBudget

from notify.domain.definitions import Kinds
from notify.domain.kinds import MESSAGE, TASK, Kind
from notify.domain.notifications import Notification
from notify.store.documents import document_of, notification_of

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A filter and the index that serves it.

    The index is named because `ids` goes by `_id`: the server would at times rather walk the whole
    collection in that order than sort what a fitting index finds.
    """

    filter: Mapping[str, Any]
    index: str


class NotificationStore:
    """The collection `notifications`."""

    def __init__(self, db: Database, kinds: Kinds) -> None:
        self._kinds = kinds
        self._notifications = db.collection("notifications", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes that the queries below use."""
        await self._notifications.ensure_indexes(
            [
                Index(keys=[("dedupe", ASCENDING)], unique=True, name="dedupe"),
                Index(
                    keys=[("person_id", ASCENDING), ("_id", DESCENDING)],
                    partial={"inbox": True},
                    name="inbox",
                ),
                Index(
                    keys=[
                        ("person_id", ASCENDING),
                        ("inbox", ASCENDING),
                        ("source.conversation_id", ASCENDING),
                    ],
                    partial={"read": False},
                    name="unread",
                ),
                Index(
                    keys=[("person_id", ASCENDING), ("_id", DESCENDING)],
                    partial={"inbox": True, "read": False},
                    name="unread_inbox",
                ),
                Index(
                    keys=[
                        ("person_id", ASCENDING),
                        ("source.conversation_id", ASCENDING),
                        ("_id", ASCENDING),
                    ],
                    partial={"read": False},
                    name="unread_places",
                ),
                Index(keys=[("source.id", ASCENDING), ("_id", ASCENDING)], name="source"),
                Index(keys=[("tenant_id", ASCENDING)], name="tenant"),
            ]
        )

    async def add(self, notifications: Sequence[Notification], *, tx: Transaction) -> None:
        """Store new notifications.

        Raises:
            DuplicateKey: the person was notified of the same meanwhile; the transaction is over.
        """
        await self._notifications.insert_many(
            [document_of(notification) for notification in notifications], tx=tx
        )

    async def known(self, dedupe_keys: Iterable[str], *, tx: Transaction) -> set[str]:
        """Return those of the keys that have a notification already (NTF-2)."""
        found = await self._notifications.find_all(
            {"dedupe": {"$in": sorted(dedupe_keys)}}, projection={"dedupe": 1}, tx=tx
        )
        return {document["dedupe"] for document in found}

    async def save(self, changed: Sequence[Notification], *, tx: Transaction) -> None:
        """Store the next version of notifications.

        Raises:
            Retry: one of them has another version now.
        """
        if not changed:
            return
        writes = [
            ReplaceOne({"_id": each.id, "version": each.version - 1}, document_of(each))
            for each in changed
        ]
        outcome = await self._notifications.bulk(writes, tx=tx)
        if outcome.matched != len(changed):
            raise Retry

    async def load(
        self, notification_ids: Sequence[str], *, tx: Transaction | None = None
    ) -> list[Notification]:
        """Return notifications by id, those that there are."""
        found = await self._notifications.find_all({"_id": {"$in": list(notification_ids)}}, tx=tx)
        return [self._of(document) for document in found]

    async def ids(self, selection: Selection, *, after: str, limit: int) -> list[str]:
        """Return the ids of a selection, in order, after one of them."""
        found = await self._notifications.find_all(
            {"$and": [selection.filter, {"_id": {"$gt": after}}]},
            projection={"_id": 1},
            sort=[("_id", ASCENDING)],
            limit=limit,
            hint=selection.index,
        )
        return [document["_id"] for document in found]

    async def page(
        self, person_id: str, *, unread_only: bool, before: str, budget: PageBudget
    ) -> tuple[list[Notification], bool]:
        """Return a person's inbox, newest first, from before an id if one is given.

        Returns: the notifications that fit into the budget, and whether more follow.
        """
        wanted: dict[str, Any] = {"person_id": person_id, "inbox": True}
        if unread_only:
            wanted["read"] = False
        if before:
            wanted["_id"] = {"$lt": before}
        # Read notifications are kept for ever: the index contains only the unread ones.
        found, more = await self._notifications.find_page(
            wanted,
            budget=budget,
            sort=[("_id", DESCENDING)],
            hint="unread_inbox" if unread_only else "inbox",
        )
        return [self._of(document) for document in found], more

    async def count_unread(self, person_id: str) -> int:
        """Count a person's unread notifications."""
        selection = unread_of(person_id)
        counted = await self._notifications.aggregate(
            [{"$match": selection.filter}, {"$count": "unread"}], hint=selection.index
        )
        return int(counted[0]["unread"]) if counted else 0

    async def figures(self, tenant_id: str) -> tuple[int, int]:
        """Count a tenant's notifications, and those of them whose e-mail has no outcome yet."""
        every = await self._notifications.count({"tenant_id": tenant_id})
        waiting = await self._notifications.count(
            {"tenant_id": tenant_id, "mail_due_at": {"$exists": True}}
        )
        return every, waiting

    def _of(self, document: dict[str, Any]) -> Notification:
        return notification_of(document, kinds=self._kinds)


def by_id(notification_ids: Sequence[str]) -> Selection:
    """Select these."""
    return Selection(filter={"_id": {"$in": list(notification_ids)}}, index="_id_")


def of_message(message_id: str) -> Selection:
    """Select the notifications of a message."""
    return Selection(
        filter={"source.id": message_id, "source.kind": MESSAGE},
        index="source",
    )


def waiting_for_task(task_id: str, *, kind: Kind) -> Selection:
    """Select the notifications of a kind about a task whose e-mail waits."""
    return Selection(
        filter={
            "source.id": task_id,
            "source.kind": TASK,
            "kind": kind.name,
            "mail_due_at": {"$exists": True},
        },
        index="source",
    )


def unread_of(person_id: str) -> Selection:
    """Select a person's unread notifications."""
    return Selection(
        filter={"person_id": person_id, "inbox": True, "read": False},
        index="unread",
    )


def unread_by_id(person_id: str, notification_ids: Sequence[str]) -> Selection:
    """Select a person's unread notifications among these."""
    chosen = {"_id": {"$in": list(notification_ids)}}
    return Selection(filter={**unread_of(person_id).filter, **chosen}, index="_id_")


def unread_at(places: Iterable[tuple[str, str]]) -> Selection:
    """Select unread notifications at these (conversation, person), shown or only mailed.

    By pairs: people times conversations would be many times as much.
    """
    return Selection(
        filter={
            "$or": [
                {"person_id": person, "source.conversation_id": conversation, "read": False}
                for conversation, person in sorted(places)
            ]
        },
        index="unread_places",
    )
