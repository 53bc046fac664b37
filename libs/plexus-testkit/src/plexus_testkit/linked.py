"""Stored entries against their links: computed from the contract's text, not by messaging."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.messages_pb2 import Message
from plexus_cli import chain

_VERSION_2: Final = "header_hash"


class Links:
    """A log's chain, taken entry by entry in order; both versions, and the step between them."""

    def __init__(self) -> None:
        self._link = chain.GENESIS
        self._older = chain.Older()

    def take(self, entry: Mapping[str, Any]) -> str:
        """Check the next entry; return the problem, or an empty string."""
        try:
            problem = self._problem(entry)
            link, event = bytes(entry["chain_hash"]), bytes(entry["event"])
            self._older.take(entry["change_no"], chain_hash=link, event=event)
        except chain.Unproved as unproved:
            return str(unproved)
        self._link = link
        return problem

    def _problem(self, entry: Mapping[str, Any]) -> str:
        computed = self._linked(entry)
        if computed is not None and computed != bytes(entry["chain_hash"]):
            return "the link does not follow from the one before"
        envelope, fact = chain.read(bytes(entry["event"]))
        if not _agrees(entry, envelope):
            return "a column is not what the event says"
        if _VERSION_2 in entry:
            return self._problem_2(entry)
        if entry.get("purged") or entry["kind"] not in {"posted", "edited"}:
            return ""
        fact.message.reply_to_seq = entry.get("reply_to_seq", 0)
        same = chain.words(fact.message) == bytes(entry["content_hash"])
        return "" if same else "the content is not what was said"

    def _linked(self, entry: Mapping[str, Any]) -> bytes | None:
        if _VERSION_2 in entry:
            return chain.link_2(
                chain.GENESIS if entry["kind"] == "chain_begun" else self._link,
                change_no=entry["change_no"],
                header_hash=bytes(entry["header_hash"]),
                body_hash=bytes(entry["body_hash"]),
            )
        if "content_hash" not in entry:
            return None  # recalled: its hash is erased
        return chain.link_1(
            self._link,
            change_no=entry["change_no"],
            kind=entry["kind"],
            entity_id=entry["entity_id"],
            content_hash=bytes(entry["content_hash"]),
        )

    def _problem_2(self, entry: Mapping[str, Any]) -> str:
        proof = chain.prove(bytes(entry["event"]))
        if proof.header_hash != bytes(entry["header_hash"]):
            return "the header is not what was proved"
        body_hash = proof.body_hash
        if entry["kind"] == "chain_begun":
            salted = bytes(entry["content_salt"]) + self._older.digest
            body_hash = hashlib.sha256(salted).digest()
        if entry.get("purged"):
            return "a recalled entry has a salt" if body_hash else ""
        return "" if body_hash == bytes(entry["body_hash"]) else "the content is not what was said"


def _agrees(entry: Mapping[str, Any], envelope: Envelope) -> bool:
    held = (envelope.scope, envelope.change_no, envelope.entity_id, envelope.chain_hash)
    stored = (
        entry["conversation_id"],
        entry["change_no"],
        entry["entity_id"],
        bytes(entry["chain_hash"]),
    )
    if held != stored:
        return False
    if entry["kind"] != "posted":
        return True
    message: Message = chain.read(bytes(entry["event"]))[1].message
    return (message.sender_id, message.seq, message.request_id) == (
        entry["sender_id"],
        entry["seq"],
        entry["request_id"],
    )
