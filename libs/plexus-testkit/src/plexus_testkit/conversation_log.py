"""Invariants of a conversation's log, read directly from the database."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from messaging.log.domain.entries import EntryKind
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexuskit.config import MongoSection
from plexuskit.mongo import connect

from plexus_testkit.linked import Links

DATABASE = "plexus_messaging"
Entries = Sequence[Mapping[str, Any]]


class LogBroken(AssertionError):  # noqa: N818 - names the fact, like a refusal
    """Violated invariant of a log, with its position."""


@dataclass(frozen=True)
class Stored:
    """One message as the log has it."""

    seq: int
    change_no: int
    message_id: str
    sender_id: str
    request_id: str
    text: str


async def entries_of(mongo_url: str, *conversation_ids: str) -> list[list[dict[str, Any]]]:
    """Read conversations' logs as they are stored, each in the order of its numbers."""
    async with connect(MongoSection(url=mongo_url, database=DATABASE)) as db:
        entries = db.collection("entries", schema_version=1)
        return [
            await entries.find_all({"conversation_id": conversation_id}, sort=[("_id", 1)])
            for conversation_id in conversation_ids
        ]


def checked(entries: Entries) -> list[Stored]:
    """Check a log and give the messages in it.

    `change_no` is 1, 2, 3 … over every change, `seq` 1, 2, 3 … over messages, each link of the
    chain follows from the previous one and from the entry's content, and no request id is there
    twice (MSG-1, MSG-3, MSG-20).

    Raises:
        LogBroken: At the first thing that is not so.
    """
    _dense((entry["change_no"] for entry in entries), what="change_no")
    posted = [entry for entry in entries if entry["kind"] == EntryKind.POSTED.value]
    _dense((entry["seq"] for entry in posted), what="seq")
    requests = Counter((entry["sender_id"], entry["request_id"]) for entry in posted)
    repeated = [key for key, times in requests.items() if times > 1]
    if repeated:
        raise LogBroken(f"stored more than once: {repeated[:5]}")

    links = Links()
    for entry in entries:
        problem = links.take(entry)
        if problem:
            raise LogBroken(f"the chain breaks at {entry['_id']}: {problem}")
    return [_stored(entry) for entry in posted]


def _dense(numbers: Iterator[int], *, what: str) -> None:
    for expected, number in enumerate(numbers, start=1):
        if number != expected:
            raise LogBroken(f"{what} is {number} where {expected} should be")


def _stored(entry: Mapping[str, Any]) -> Stored:
    message = MessagePosted.FromString(Envelope.FromString(entry["event"]).fact).message
    if (message.seq, message.request_id) != (entry["seq"], entry["request_id"]):
        raise LogBroken(f"the event of {entry['_id']} is another message's")
    return Stored(
        seq=entry["seq"],
        change_no=entry["change_no"],
        message_id=entry["entity_id"],
        sender_id=entry["sender_id"],
        request_id=entry["request_id"],
        text=message.text,
    )
