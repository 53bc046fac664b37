"""The log: one document per entry, `_id` = `<conversation>:<change_no>`.

An entry stays as it was written; the current state of its message is stored beside it, and a recall
empties its event.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.mongo import Database, Index, InsertOutcome, Transaction

from messaging.contract.events import IMPORT
from messaging.log.domain import chain
from messaging.log.domain.chain import Seals
from messaging.log.domain.entries import EMPTY, EntryKind, Head, Numbers, entry_id
from messaging.log.events.seals import fact_in, with_additions

SCHEMA_VERSION = 1

HEAD_FIELDS = {"change_no": 1, "last_seq": 1, "chain_hash": 1, "header_hash": 1}
_HIGHEST = 10**12 - 1
# Messages in memory at a time where only an excerpt of each is wanted: 16 MiB at the very most.
STREAMED = 50


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
                # The last replies of a stretch, with any number of threads before it.
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
                # History of one message: its versions, and the events that a recall must empty.
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

    async def find_change(self, conversation_id: str, change_no: int) -> dict[str, Any] | None:
        """Find the entry with this number."""
        return await self._entries.find_one({"_id": entry_id(conversation_id, change_no)})

    async def list_changes(
        self, conversation_id: str, *, since: int, limit: int
    ) -> list[dict[str, Any]]:
        """Read raw entries with a larger change_no, in order (MSG-6)."""
        return await self._entries.find_all(
            {"_id": entries_between(conversation_id, since + 1, _HIGHEST)},
            sort=[("_id", 1)],
            limit=limit,
        )


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
    """Return the entry of a change that is no message; `about_seq` is the message it changes."""
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


def says_the_same(entry: Mapping[str, Any], words_hash: bytes) -> bool:
    """Return whether a posted entry was stored with the content of this hash (MSG-3).

    True for a recalled one: its salt is erased, so nothing can be compared.
    """
    if entry.get("purged"):
        return True
    if version_of(entry) < chain.VERSION:
        return bytes(entry["content_hash"]) == words_hash
    try:
        fact = fact_in(Envelope.FromString(bytes(entry["event"])))
    except (DecodeError, AttributeError):
        return False
    content = with_additions(words_hash, fact)
    return chain.salted(fact.content_salt, content) == bytes(entry["body_hash"])


def version_of(entry: Mapping[str, Any]) -> int:
    """Return the version of the chain that an entry is linked by."""
    return chain.VERSION if "header_hash" in entry else 1


def entry_size(entry: Mapping[str, Any]) -> int:
    """Return the approximate size of an entry in memory and on a page, in bytes."""
    return len(entry["event"]) + len(entry.get("current") or b"")
