"""Entries from before version 2 of the chain: their digest, and erasure in recalled ones."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import messages_pb2
from plexuskit.turns import ITEM_BYTES, Turns

from messaging.log.domain.chain import OlderEntries
from messaging.log.domain.entries import EntryKind
from messaging.log.events.recalls import emptied, emptied_event
from messaging.log.events.seals import OF_MESSAGES, fact_in, header_of, older_state
from messaging.log.store.checkpoints import APART, CheckpointStore
from messaging.log.store.proofs import ProofStore

PAGE: Final = 250


async def digest_of_older(proofs: ProofStore, conversation_id: str, *, through: int) -> bytes:
    """Compute the digest of a log's entries up to a number from them alone, page by page."""
    older = OlderEntries()
    await _take_all(proofs, older, conversation_id, through=through)
    return older.digest()


async def advance_older(
    proofs: ProofStore,
    checkpoints: CheckpointStore,
    conversation_id: str,
    *,
    through: int,
    limit: int,
) -> OlderEntries | None:
    """Compute the digest of a log's entries up to a number, from the last checkpoint on.

    Args:
        proofs: the log.
        checkpoints: progress so far, where the new checkpoint is saved too.
        conversation_id: the conversation of the log.
        through: the number of the last entry.
        limit: maximum number of entries to read.

    Returns:
        The digest of all of them; None if entries remain: call again.
    """
    older = await checkpoints.last(conversation_id, max_number=through)
    target = min(through, older.through + limit)
    passed = await _take_all(proofs, older, conversation_id, through=target)
    await checkpoints.save(conversation_id, passed)
    return older if target == through else None


async def _take_all(
    proofs: ProofStore, older: OlderEntries, conversation_id: str, *, through: int
) -> dict[int, bytes]:
    """Add the entries up to a number; gives the digests at the checkpoints that were passed."""
    passed: dict[int, bytes] = {}
    turns, since = Turns(), older.through
    while since < through:
        limit = min(PAGE, through - since)
        page, _ = await proofs.list_entries(conversation_id, since=since, limit=limit)
        for entry in page:
            if entry["change_no"] > through:
                return passed
            take_older(older, entry)
            if older.through % APART == 0:
                passed[older.through] = older.digest()
            await turns.taken(ITEM_BYTES + len(entry["event"]))
        if not page:
            break
        since = older.through
    return passed


def take_older(older: OlderEntries, entry: Mapping[str, Any]) -> None:
    """Add an entry to the digest; one whose event cannot be read counts with its bytes."""
    event = bytes(entry["event"])
    try:
        envelope = Envelope.FromString(event)
        fact = fact_in(envelope)
        header, state = header_of(envelope, fact), older_state(fact)
    except (DecodeError, AttributeError):
        header, state = event, b""
    older.take(
        int(entry["change_no"]), chain_hash=bytes(entry["chain_hash"]), header=header, state=state
    )


async def erase_recalled_hashes(proofs: ProofStore) -> None:
    """Erase the unsalted hashes of messages recalled before version 2; a second run finds none."""
    while page := await proofs.recalled_with_hash(limit=PAGE):
        await _erase(proofs, page)


async def erase_recalled_hashes_of(proofs: ProofStore, conversation_id: str) -> None:
    """Erase the unsalted hashes of messages recalled in a log of version 1.

    A process of the release before may have recalled it after this one was provisioned.
    """
    while page := await proofs.recalled_with_hash(limit=PAGE, conversation_id=conversation_id):
        await _erase(proofs, page)


async def _erase(proofs: ProofStore, page: Iterable[Mapping[str, Any]]) -> None:
    recalled = [entry for entry in page if entry.get("purged") and "content_hash" in entry]
    if not recalled:
        return
    # The fact of the recall first: the hash erased last allows a restart after a crash.
    seqs: dict[str, set[int]] = {}
    for entry in recalled:
        seq = entry.get("seq") or entry["about_seq"]
        seqs.setdefault(entry["conversation_id"], set()).add(seq)
    for conversation_id, wanted in seqs.items():
        tombstones = [
            entry
            async for entry in proofs.stream_about(conversation_id, wanted)
            if entry["kind"] == EntryKind.RECALLED.value
        ]
        await proofs.save_tombstones(
            {entry["_id"]: without_words_hash(bytes(entry["event"])) for entry in tombstones}
        )
    await proofs.erase_hashes({entry["_id"]: _without_hash(entry) for entry in recalled})


def without_words_hash(event: bytes) -> bytes:
    """Remove the hash of a message's text from a stored event about it."""
    envelope = Envelope.FromString(event)
    fact = fact_in(envelope)
    if not isinstance(fact, OF_MESSAGES):
        return event
    fact.message.ClearField("content_hash")
    envelope.fact = fact.SerializeToString()
    return envelope.SerializeToString()


def _without_hash(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recalled entry that hold its content's hash, with the hash removed."""
    fields: dict[str, Any] = {"event": emptied_event(bytes(entry["event"]))}
    current = entry.get("current")
    if current is not None:
        message = emptied(messages_pb2.Message.FromString(current))
        fields["current"] = message.SerializeToString()
    return fields
