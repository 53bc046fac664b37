"""Messages in the collection `entries`: the posted entry, and its current state."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2, messages_pb2
from plexuskit.ids import time_of
from plexuskit.mongo import Database, Transaction, UpdateOne

from messaging.contract.events import IMPORT
from messaging.log.domain.chain import Seals
from messaging.log.domain.entries import EntryKind, Numbers, entry_id
from messaging.log.store.entries import either
from messaging.messages.domain.messages import NewMessage
from messaging.messages.domain.posts import MessageRef

SCHEMA_VERSION = 1
EVERYBODY = "*"
_DEPARTMENT = "dep_"


class MessageStore:
    """Messages in the collection `entries`; its indexes are the entry store's."""

    def __init__(self, db: Database) -> None:
        self._entries = db.collection("entries", schema_version=SCHEMA_VERSION)

    async def find_refs(
        self, seqs: Mapping[str, Iterable[int]]
    ) -> dict[str, dict[int, MessageRef]]:
        """Find by number the messages that replies and quotes refer to (MSG-15), in one read.

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

    async def find_about(self, conversation_id: str, seq: int) -> list[dict[str, Any]]:
        """Read the entries of every change of a message, in order, without the posted one."""
        return await self._entries.find_all(
            {"conversation_id": conversation_id, "about_seq": seq}, sort=[("_id", 1)], hint="about"
        )

    async def save_current(
        self, entry_id: str, message: messages_pb2.Message, *, tx: Transaction, **fields: Any
    ) -> None:
        """Write the current state of a message, with the fields that queries use.

        A field that is None is removed.
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
    """Return the entry of a message; the only write of the hot path."""
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
    """Return the addressees of a draft, as counted for unread mentions."""
    everybody = [EVERYBODY] if new_message.mention_all else []
    return [*new_message.mentions, *everybody, *new_message.department_ids]


def message_of(entry: Mapping[str, Any]) -> messages_pb2.Message:
    """Read the current state of a posted entry's message: `current` once it changed."""
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
    """Yield the people of an entry's `mentioned`, without departments and the mark for everyone."""
    for word in mentioned:
        if word != EVERYBODY and not word.startswith(_DEPARTMENT):
            yield word
