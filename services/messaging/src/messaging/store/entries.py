"""The log: one document per entry, `_id` = `<conversation>:<change_no>`.

An entry stays as it was written; beside it stands the present state of its message, and a recall
empties its event.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2, messages_pb2
from plexuskit.ids import time_of
from plexuskit.mongo import Database, Index, InsertOutcome, Transaction, UpdateOne

from messaging.domain.chain import Seals
from messaging.domain.log import EMPTY, EntryKind, Head, MessageRef, Numbers, entry_id
from messaging.domain.messages import NewMessage
from messaging.events import IMPORT
from messaging.store.message_state import version_of

SCHEMA_VERSION = 1
EVERYBODY = "*"
_DEPARTMENT = "dep_"

HEAD_FIELDS = {"change_no": 1, "last_seq": 1, "chain_hash": 1, "header_hash": 1}
_HIGHEST = 10**12 - 1


class EntryStore:
    """The collection `entries`."""

    def __init__(self, db: Database) -> None:
        self._entries = db.collection("entries", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes that the queries below use, each with its query."""
        await self._entries.ensure_indexes(
            [
                # MSG-3: one message per (conversation, sender, request id), for ever.
                Index(
                    keys=[("conversation_id", 1), ("request_id", 1), ("sender_id", 1)],
                    name="request",
                    unique=True,
                    partial={"request_id": {"$exists": True}},
                ),
                # History, and unread as a covered count.
                Index(
                    keys=[("conversation_id", 1), ("seq", 1), ("sender_id", 1), ("silent", 1)],
                    name="seq",
                    partial={"seq": {"$exists": True}},
                ),
                Index(
                    keys=[("conversation_id", 1), ("root_seq", 1), ("seq", 1), ("sender_id", 1)],
                    name="thread",
                    partial={"root_seq": {"$exists": True}},
                ),
                # The last replies of a stretch, whatever number of threads lies before it.
                Index(
                    keys=[("conversation_id", 1), ("seq", 1), ("sender_id", 1), ("root_seq", 1)],
                    name="replies",
                    partial={"root_seq": {"$exists": True}},
                ),
                # People mentioned in replies: they follow the thread.
                Index(
                    keys=[("conversation_id", 1), ("root_seq", 1), ("mentioned", 1)],
                    name="thread_mentions",
                    partial={"root_seq": {"$exists": True}, "mentioned": {"$exists": True}},
                ),
                Index(
                    keys=[("conversation_id", 1), ("seq", 1)],
                    name="imported",
                    partial={"origin": IMPORT},
                ),
                Index(
                    keys=[("conversation_id", 1), ("mentioned", 1), ("seq", 1), ("sender_id", 1)],
                    name="mentioned",
                    partial={"mentioned": {"$exists": True}},
                ),
                # What became of one message: its versions, and what a recall must empty.
                Index(
                    keys=[("conversation_id", 1), ("about_seq", 1), ("_id", 1)],
                    name="about",
                    partial={"about_seq": {"$exists": True}},
                ),
                Index(
                    keys=[("conversation_id", 1), ("about_seq", 1), ("_id", 1), ("kind", 1)],
                    name="edits",
                    partial={"kind": EntryKind.EDITED.value},
                ),
                Index(
                    keys=[("conversation_id", 1), ("pinned_at", -1), ("seq", -1)],
                    name="pins",
                    partial={"pinned_at": {"$exists": True}},
                ),
                # Verification: whether something before a number was recalled.
                Index(
                    keys=[("conversation_id", 1), ("_id", 1)],
                    name="purged",
                    partial={"purged": True},
                ),
                # Recalled entries that still have an unsalted hash: none, once they were erased.
                Index(
                    keys=[("conversation_id", 1)],
                    name="recalled_hash",
                    partial={"purged": True, "content_hash": {"$exists": True}},
                ),
                # The relay's sweep.
                Index(keys=[("stored_at", 1)], name="stored_at"),
            ]
        )

    async def append(
        self, documents: list[dict[str, Any]], *, tx: Transaction | None = None
    ) -> InsertOutcome:
        """Write entries in order, majority and journal, up to the first taken number or id.

        Raises:
            DuplicateKey: one is taken; inside a transaction, where nothing is written then.
        """
        return await self._entries.insert_many(documents, tx=tx)

    async def insert(self, document: dict[str, Any], *, tx: Transaction) -> None:
        """Write one entry together with state."""
        await self._entries.insert(document, tx=tx)

    async def head(self, conversation_id: str) -> Head:
        """Read the last numbers of a log (majority); EMPTY when nothing is there."""
        last = await self._entries.find_one(
            {"_id": entries_between(conversation_id, 0, _HIGHEST)},
            projection=HEAD_FIELDS,
            sort=[("_id", -1)],
        )
        return EMPTY if last is None else head_of(last)

    async def find_requests(
        self, requests: Mapping[str, Iterable[str]]
    ) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Find stored messages by request id (MSG-3), in one read.

        Args:
            requests: request ids by conversation.

        Returns:
            {(conversation, sender, request id): document}.
        """
        if not requests:
            return {}
        places = [
            {"conversation_id": conversation_id, "request_id": {"$in": list(ids)}}
            for conversation_id, ids in requests.items()
        ]
        found = await self._entries.find_all(
            either(places), projection={"current": 0}, hint="request"
        )
        return {(e["conversation_id"], e["sender_id"], e["request_id"]): e for e in found}

    async def find_refs(
        self, seqs: Mapping[str, Iterable[int]]
    ) -> dict[str, dict[int, MessageRef]]:
        """Find by number what replies and quotes need of earlier messages (MSG-15), in one read.

        Args:
            seqs: numbers by conversation.
        """
        if not seqs:
            return {}
        places = [
            {"conversation_id": conversation_id, "seq": {"$in": list(numbers)}}
            for conversation_id, numbers in seqs.items()
        ]
        found = await self._entries.find_all(
            either(places),
            projection={
                "conversation_id": 1,
                "seq": 1,
                "root_seq": 1,
                "entity_id": 1,
                "sender_id": 1,
            },
            hint="seq",
        )
        refs: dict[str, dict[int, MessageRef]] = {}
        for entry in found:
            refs.setdefault(entry["conversation_id"], {})[entry["seq"]] = MessageRef(
                entry["seq"], entry.get("root_seq", 0), entry["entity_id"], entry["sender_id"]
            )
        return refs

    async def find_entry(self, conversation_id: str, seq: int) -> dict[str, Any] | None:
        """Find the posted entry of a message."""
        return await self._entries.find_one({"conversation_id": conversation_id, "seq": seq})

    async def find_change(self, conversation_id: str, change_no: int) -> dict[str, Any] | None:
        """Find the entry with this number."""
        return await self._entries.find_one({"_id": entry_id(conversation_id, change_no)})

    async def find_about(self, conversation_id: str, seq: int) -> list[dict[str, Any]]:
        """Read the entries of every change of a message, in order, without the posted one."""
        return await self._entries.find_all(
            {"conversation_id": conversation_id, "about_seq": seq}, sort=[("_id", 1)], hint="about"
        )

    async def save_current(
        self, entry_id: str, message: messages_pb2.Message, *, tx: Transaction, **fields: Any
    ) -> None:
        """Write the present state of a message, with the fields that queries look at.

        A field that is None is taken away.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        absent = {name: "" for name, value in fields.items() if value is None}
        change: dict[str, Any] = {"$set": {"current": message.SerializeToString(), **given}}
        if absent:
            change["$unset"] = absent
        await self._entries.update({"_id": entry_id}, change, tx=tx)

    async def save_events(self, events: Mapping[str, bytes], *, tx: Transaction) -> None:
        """Replace stored events by the same ones without content and salt (MSG-12, MSG-20)."""
        ops = [
            UpdateOne(
                {"_id": entry_id},
                {"$set": {"event": event, "purged": True}, "$unset": {"content_hash": ""}},
            )
            for entry_id, event in events.items()
        ]
        await self._entries.bulk(ops, tx=tx)

    async def count_pinned(self, conversation_id: str) -> int:
        """Count the pinned messages."""
        return await self._entries.count(
            {"conversation_id": conversation_id, "pinned_at": {"$exists": True}}
        )

    async def find_messages(
        self, conversation_id: str, seqs: Iterable[int]
    ) -> list[messages_pb2.Message]:
        """Read messages by number."""
        return (await self.find_messages_in({conversation_id: seqs})).get(conversation_id, [])

    async def find_messages_in(
        self, seqs: Mapping[str, Iterable[int]]
    ) -> dict[str, list[messages_pb2.Message]]:
        """Read messages of several conversations by number, in one read."""
        places = [
            {"conversation_id": conversation_id, "seq": {"$in": numbers}}
            for conversation_id, numbers in ((id_, list(each)) for id_, each in seqs.items())
            if numbers
        ]
        if not places:
            return {}
        messages: dict[str, list[messages_pb2.Message]] = {}
        for entry in await self._entries.find_all(either(places), hint="seq"):
            messages.setdefault(entry["conversation_id"], []).append(message_of(entry))
        return messages

    async def find_message(
        self, conversation_id: str, message_id: str
    ) -> messages_pb2.Message | None:
        """Read a message by id; the id carries the time of its entry, which is indexed."""
        at = time_of(message_id)
        if at is None:
            return None
        query = {"stored_at": at, "conversation_id": conversation_id, "entity_id": message_id}
        entry = await self._entries.find_one({**query, "seq": {"$exists": True}}, hint="stored_at")
        return None if entry is None else message_of(entry)

    async def list_changes(
        self, conversation_id: str, *, since: int, limit: int
    ) -> list[dict[str, Any]]:
        """Read raw entries with a larger change_no, in order (MSG-6)."""
        return await self._entries.find_all(
            {"_id": entries_between(conversation_id, since + 1, _HIGHEST)},
            sort=[("_id", 1)],
            limit=limit,
        )

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


def posted_document(
    new_message: NewMessage,
    *,
    tenant_id: str,
    message_id: str,
    numbers: Numbers,
    membership_version: int,
    event: bytes,
    seals: Seals,
    now: datetime,
    traceparent: str,
) -> dict[str, Any]:
    """Give the entry of a message; the hot path's only write."""
    imported = new_message.imported
    document: dict[str, Any] = {
        "_id": entry_id(new_message.conversation_id, numbers.change_no),
        "tenant_id": tenant_id,
        "conversation_id": new_message.conversation_id,
        "change_no": numbers.change_no,
        "kind": EntryKind.POSTED.value,
        "entity_id": message_id,
        "revision": 1,
        "seq": numbers.seq,
        "last_seq": numbers.seq,
        "sender_id": new_message.sender_id,
        "request_id": new_message.request_id,
        "silent": imported is not None and imported.system,
        "header_hash": seals.header_hash,
        "body_hash": seals.body_hash,
        "chain_hash": seals.chain_hash,
        "membership_version": membership_version,
        "priority": new_message.priority.value,
        "origin": "" if imported is None else IMPORT,
        "stored_at": now,
        "event": event,
    }
    if numbers.root_seq:
        document["root_seq"] = numbers.root_seq
    if new_message.reply_to_seq:
        document["reply_to_seq"] = new_message.reply_to_seq
    mentioned = mentioned_in(new_message)
    if mentioned:
        document["mentioned"] = mentioned
    if traceparent:
        document["traceparent"] = traceparent
    return document


def mentioned_in(new_message: NewMessage) -> list[str]:
    """Give whom a draft addresses, as unread mentions are counted."""
    everybody = [EVERYBODY] if new_message.mention_all else []
    return [*new_message.mentions, *everybody, *new_message.department_ids]


def change_document(
    *,
    tenant_id: str,
    conversation_id: str,
    kind: EntryKind,
    entity_id: str,
    revision: int,
    numbers: Numbers,
    seals: Seals,
    membership_version: int,
    event: bytes,
    now: datetime,
    traceparent: str,
    origin: str = "",
    about_seq: int = 0,
    actor_id: str = "",
) -> dict[str, Any]:
    """Give the entry of a change that is no message; `about_seq` is the message it changes."""
    about = {"about_seq": about_seq, "actor_id": actor_id} if about_seq else {}
    return {
        **about,
        "_id": entry_id(conversation_id, numbers.change_no),
        "tenant_id": tenant_id,
        "conversation_id": conversation_id,
        "change_no": numbers.change_no,
        "kind": kind.value,
        "entity_id": entity_id,
        "revision": revision,
        "last_seq": numbers.seq,
        "header_hash": seals.header_hash,
        "body_hash": seals.body_hash,
        "chain_hash": seals.chain_hash,
        "membership_version": membership_version,
        "origin": origin,
        "stored_at": now,
        "event": event,
        "traceparent": traceparent,
    }


def message_of(entry: Mapping[str, Any]) -> messages_pb2.Message:
    """Read the present state of a posted entry's message: `current` once it changed."""
    current = entry.get("current")
    if current is not None:
        message = messages_pb2.Message.FromString(current)
    else:
        envelope = Envelope.FromString(entry["event"])
        message = events_pb2.MessagePosted.FromString(envelope.fact).message
    if "reply_to_seq" in entry:  # events of version 1 of the chain do not carry it
        message.reply_to_seq = entry["reply_to_seq"]
    return message


def people_of(mentioned: Iterable[str]) -> Iterator[str]:
    """Yield the people of an entry's `mentioned`: neither everybody nor departments."""
    for word in mentioned:
        if word != EVERYBODY and not word.startswith(_DEPARTMENT):
            yield word


def head_of(entry: Mapping[str, Any]) -> Head:
    """Return the head of the log that ends with an entry, of which `HEAD_FIELDS` were read."""
    return Head(
        entry["change_no"], entry["last_seq"], bytes(entry["chain_hash"]), version_of(entry)
    )


def entries_between(conversation_id: str, first: int, last: int) -> dict[str, str]:
    """Return the condition on `_id` of a stretch of a log."""
    return {"$gte": entry_id(conversation_id, first), "$lte": entry_id(conversation_id, last)}


def seqs_between(first: int, last: int) -> dict[str, int]:
    """Return the condition on `seq` of a range; last 0: no end."""
    return {"$gte": first, "$lte": last} if last else {"$gte": first}


def either(clauses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a filter for documents that fulfil one of the clauses."""
    return clauses[0] if len(clauses) == 1 else {"$or": list(clauses)}


__all__ = [
    "EVERYBODY",
    "EntryStore",
    "change_document",
    "either",
    "entries_between",
    "mentioned_in",
    "message_of",
    "people_of",
    "posted_document",
    "seqs_between",
]
