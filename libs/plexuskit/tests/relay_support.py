"""Shared parts of the relay's tests: entries and facts to relay, and the published records."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import MESSAGING_CONVERSATION_V1, TASKS_TASK_V1
from plexuskit.config import KafkaSection
from plexuskit.kafka import Record, tail
from plexuskit.mongo import Collection, Database
from plexuskit.relay import FactSource, replay_by_id

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


ENTRIES = FactSource(
    collection="entries",
    topic=lambda _: "messaging.conversation.v1",
    key=lambda entry: entry["conversation_id"],
    scope=lambda entry: entry["conversation_id"],
    number=lambda entry: entry["change_no"],
    event=lambda entry: entry["event"],
    traceparent=lambda entry: entry["traceparent"],
    dense=True,
    mark_published=False,
    replay=replay_by_id("conversation_id", "change_no"),
    recent=lambda since: {"stored_at": {"$gte": since}},
)


@dataclass
class Arrived:
    """Records that reached Kafka, in the order of arrival."""

    records: list[Record] = field(default_factory=list)

    def numbers(self) -> dict[str, list[int]]:
        by_key: dict[str, list[int]] = defaultdict(list)
        for record in self.records:
            by_key[record.key].append(record.envelope.change_no)
        return by_key

    def firsts(self) -> dict[str, list[int]]:
        """The numbers of each key in the order in which each came for the first time."""
        return {key: list(dict.fromkeys(numbers)) for key, numbers in self.numbers().items()}


Relaying = Callable[..., AbstractAsyncContextManager[None]]


@asynccontextmanager
async def arriving(section: KafkaSection) -> AsyncIterator[Arrived]:
    arrived = Arrived()

    async def read() -> None:
        async for records in source:
            arrived.records.extend(records)

    async with tail(section, [MESSAGING_CONVERSATION_V1, TASKS_TASK_V1]) as source:
        reading = asyncio.create_task(read())
        try:
            yield arrived
        finally:
            reading.cancel()
            await asyncio.wait([reading])


def entry(conversation: str, change_no: int) -> dict[str, Any]:
    event = Envelope(
        event_id=f"evt_{conversation}_{change_no}",
        scope=conversation,
        change_no=change_no,
        type="plexus.messaging.v1.MessagePosted",
        fact=b"x" * 200,
    )
    return {
        "_id": f"{conversation}:{change_no:012}",
        "conversation_id": conversation,
        "change_no": change_no,
        "event": event.SerializeToString(),
        "traceparent": TRACE,
        "stored_at": datetime.now(UTC),
    }


async def write(entries: Collection, numbers: Iterable[int], *, conversations: int = 4) -> None:
    for number in numbers:
        await entries.insert_many([entry(f"cnv_{c}", number) for c in range(conversations)])


def complete(last: int, *, conversations: int = 4) -> dict[str, list[int]]:
    return {f"cnv_{c}": list(range(1, last + 1)) for c in range(conversations)}


def have_all(arrived: Arrived, last: int, *, conversations: int = 4) -> Callable[[], bool]:
    def check() -> bool:
        numbers = arrived.numbers()
        return len(numbers) == conversations and all(last in n for n in numbers.values())

    return check


async def progress(db: Database) -> dict[str, int]:
    found = await db.collection("relay_progress", schema_version=1).find_all({})
    return {document["_id"]: document["number"] for document in found}


async def lease(db: Database, name: str = "entries") -> dict[str, Any]:
    return await db.collection("relay_leases", schema_version=1).find_one({"_id": name}) or {}


async def leads(db: Database, name: str = "entries") -> bool:
    """Return whether there is a leader with an open stream."""
    held = await lease(db, name)
    return bool(held.get("owner") and held.get("token") and not held.get("replaying"))


async def skip_stream(db: Database, name: str = "entries") -> None:
    """Move the stored position past everything that is stored now, as if it had been read."""
    async with db.changes(["entries", "outbox"], after=None) as stream:
        token = (await stream.next()).token
    leases = db.collection("relay_leases", schema_version=1)
    assert await leases.update({"_id": name}, {"$set": {"token": token}}) == 1


async def all_published(db: Database, last: int) -> bool:
    return await progress(db) == {f"entries:cnv_{c}": last for c in range(4)}
