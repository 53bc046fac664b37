"""One batch of the group commit: decide every item, write once, report every verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from plexuskit import fault
from plexuskit.errors import DependencyDown, Refusal
from plexuskit.mongo import DuplicateKey
from plexuskit.timestamps import timestamp

from messaging.contract.domain import FactTooLarge, MessageTooLarge
from messaging.log.domain.entries import Head, LogState
from messaging.log.domain.refusals import ConversationNotFound, RequestIdReused
from messaging.log.domain.submissions import Submission
from messaging.log.operations.chains import begin_chains, begun
from messaging.log.operations.items import Item, Staged, Stored
from messaging.log.operations.writers import Writer
from messaging.log.store.entries import says_the_same
from messaging.log.store.stores import Store

log = structlog.get_logger()

FRUITLESS_ROUNDS = 12


class Batch:
    """The items of one commit. Refused items never enter the write (MSG-1: no holes)."""

    def __init__(self, items: list[Item[Submission]], *, log: Writer[Store]) -> None:
        self._waiting = items
        self._log = log
        self._log_states: dict[str, LogState] = {}
        # Objects the messages refer to, as returned by `Rules.find`.
        self._found: Any = None
        # Items stored by this batch, to recognise a second copy of one of them.
        self._stored: dict[tuple[str, str, str], tuple[bytes, Stored]] = {}

    async def write(self) -> None:
        """Decide and write until every item has its verdict.

        Raises:
            DependencyDown: the store failed; the tails are forgotten, the rest must be refused.
        """
        fruitless = 0
        while self._waiting and fruitless < FRUITLESS_ROUNDS:
            previous = len(self._waiting)
            await self._load()
            staged, doubtful = self._stage()
            if await self._begin_chains(staged):
                fruitless += 1
                continue
            stale = await self._forget_stale(doubtful) if doubtful else set[str]()
            if stale:
                self._waiting += [item for item, _ in doubtful if item.conversation_id in stale]
                doubtful = [pair for pair in doubtful if pair[0].conversation_id not in stale]
                staged = [each for each in staged if each.item.conversation_id not in stale]
            if doubtful:
                await self._refuse_unless_stored(doubtful)
            if staged:
                await self._insert(staged)
            fruitless = fruitless + 1 if len(self._waiting) == previous else 0
        if self._waiting:
            log.warning("log.contended", items=len(self._waiting))
            self.refuse_rest(DependencyDown())

    async def _begin_chains(self, staged: list[Staged]) -> bool:
        """Begin version 2 of the chain where a log ends in version 1; then decide again."""
        wanted = {each.item.conversation_id for each in staged}
        older = [
            self._log_states.pop(id_) for id_ in sorted(wanted) if not begun(self._log_states[id_])
        ]
        if not older:
            return False
        refused = await begin_chains(self._log, older, now=self._log.clock.now())
        self._refuse(lambda item: refused.get(item.conversation_id))
        return True

    def take_rest(self) -> list[Item[Submission]]:
        """Drop items without a verdict, and the tails: their write may have happened."""
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            self._log.log_states.forget(item.new_message.conversation_id)
        return waiting

    def refuse_rest(self, refusal: Refusal) -> None:
        """Refuse items without a verdict, and drop the tails: their write may have happened."""
        for item in self.take_rest():
            item.on_verdict(refusal)

    async def _load(self) -> None:
        """Load the tails of the batch's conversations, and the objects its messages refer to."""
        missing = {
            item.new_message.conversation_id for item in self._waiting
        } - self._log_states.keys()
        if missing:
            loaded = await self._log.log_states.get_many(missing)
            self._log_states |= loaded
            gone = missing - loaded.keys()
            if gone:
                self._refuse(
                    lambda item: (
                        ConversationNotFound(conversation_id=item.conversation_id)
                        if item.conversation_id in gone
                        else None
                    )
                )
        self._found = await self._log.rules.find(self._waiting, self._found)

    def _refuse(self, verdict: Callable[[Item[Submission]], Refusal | None]) -> None:
        kept = []
        for item in self._waiting:
            refusal = verdict(item)
            if refusal is None:
                kept.append(item)
            else:
                item.on_verdict(refusal)
        self._waiting = kept

    async def _forget_stale(self, doubtful: list[tuple[Item[Submission], Refusal]]) -> set[str]:
        """Drop tails that another process has written past; return their conversations.

        Nothing is refused on an old tail: a person just added by another process may write at once.
        """
        places = {item.new_message.conversation_id for item, _ in doubtful}
        stale = await self._log.log_states.find_stale(self._log_states[place] for place in places)
        for conversation_id in stale:
            self._log.log_states.forget(conversation_id)
            del self._log_states[conversation_id]
        return stale

    async def _refuse_unless_stored(self, doubtful: list[tuple[Item[Submission], Refusal]]) -> None:
        """Refuse items that may not be posted now.

        An item stored while it was still allowed is a retry (MSG-3).
        """
        wanted: dict[str, set[str]] = {}
        for item, _ in doubtful:
            wanted.setdefault(item.conversation_id, set()).add(item.new_message.request_id)
        found = await self._log.store.entries.find_requests(wanted)
        for item, refusal in doubtful:
            original = found.get(item.key)
            item.on_verdict(refusal if original is None else self._retried(item, original))

    def _stage(self) -> tuple[list[Staged], list[tuple[Item[Submission], Refusal]]]:
        """Assign numbers to accepted items; leave repeats of an item for the next round."""
        now = self._log.clock.now()
        stamp = timestamp(now)
        found, decide, compose = self._found, self._log.rules.decide, self._log.rules.compose
        heads: dict[str, Head] = {}
        staged: list[Staged] = []
        doubtful: list[tuple[Item[Submission], Refusal]] = []
        later: list[Item[Submission]] = []
        seen: set[tuple[str, str, str]] = set()
        native: set[str] = set()
        for item in self._waiting:
            new_message, key = item.new_message, item.key
            if key in self._stored:
                item.on_verdict(self._repeated(item))
                continue
            if key in seen or (new_message.imported and new_message.conversation_id in native):
                # An import behind a native message is decided once that is written.
                later.append(item)
                continue
            log_state = self._log_states[new_message.conversation_id]
            try:
                relations = decide(found, log_state, item)
            except Refusal as refusal:
                doubtful.append((item, refusal))
                continue
            head = heads.get(new_message.conversation_id, log_state.head)
            try:
                entry = compose(item, log_state, head, relations, now, stamp)
            except (MessageTooLarge, FactTooLarge) as refusal:
                # A retry of an item stored by an earlier version is answered with its numbers.
                doubtful.append((item, refusal))
                continue
            seen.add(key)
            if new_message.imported is None:
                native.add(new_message.conversation_id)
            heads[new_message.conversation_id] = entry.head
            if item.known is not None:
                item.known[new_message.request_id] = entry.stored.seq
            staged.append(entry)
        self._waiting = [entry.item for entry in staged] + later
        return staged, doubtful

    async def _insert(self, staged: list[Staged]) -> None:
        """Insert the staged entries, resolve their verdicts, and handle the first conflict.

        Imported messages are written before native ones and precede them in each conversation.
        """
        imported = [entry for entry in staged if entry.item.new_message.imported is not None]
        if imported:
            left = await self._insert_imported(imported)
            native = [entry for entry in staged if entry.item.new_message.imported is None]
            staged = [entry for entry in native if entry.item.conversation_id not in left]
            if not staged:
                return
        fault.point("send.before_insert")
        outcome = await self._log.store.entries.append([entry.document for entry in staged])
        fault.point("send.after_insert")
        self._written(staged[: outcome.inserted])
        fault.point("send.after_verdicts")
        if outcome.failure is not None:
            conversation_id = staged[outcome.inserted].item.conversation_id
            await self._settle({conversation_id}, outcome.failure)

    def _written(self, written: list[Staged]) -> None:
        """Resolve the verdicts of entries that are in the log."""
        for entry in written:
            self._advance(entry)
            self._stored[entry.item.key] = (entry.item.new_message.content_hash, entry.stored)
            entry.item.on_verdict(entry.stored)
        done = {id(entry.item) for entry in written}
        self._waiting = [item for item in self._waiting if id(item) not in done]

    async def _insert_imported(self, imported: list[Staged]) -> set[str]:
        """Write imported messages, or none; out: conversations whose other entries must wait."""
        ends = {entry.item.conversation_id: entry.head.seq for entry in imported}
        try:
            refused = await self._log.rules.append_imported(
                [entry.document for entry in imported], ends
            )
        except DuplicateKey as failure:
            await self._settle(set(ends), failure)
            return set(ends)
        if not refused:
            self._written(imported)
            return set()
        for entry in imported:
            if entry.item.known is not None:
                entry.item.known.pop(entry.item.new_message.request_id, None)
        self._refuse(
            lambda item: refused.get(item.conversation_id) if item.new_message.imported else None
        )
        return set(ends)

    def _advance(self, entry: Staged) -> None:
        conversation_id = entry.item.new_message.conversation_id
        self._log_states[conversation_id] = self._log.log_states.advance(
            self._log_states[conversation_id], entry.head, at=entry.stored.at
        )

    async def _settle(self, conversation_ids: set[str], failure: DuplicateKey) -> None:
        """Resolve a duplicate key.

        A taken number means another writer, so the tail is read again. A taken request id means a
        retry, or different content (MSG-3).
        """
        if failure.index != "request":
            fault.point("send.number_taken")
            # Another writer of this conversation may write others too: check the whole batch.
            others = {item.conversation_id for item in self._waiting} - conversation_ids
            stale = await self._log.log_states.find_stale(
                self._log_states[other] for other in others if other in self._log_states
            )
            for each in conversation_ids | stale:
                self._log.log_states.forget(each)
                self._log_states.pop(each, None)
            return
        # Retries come in groups: look up the whole batch at once.
        wanted: dict[str, set[str]] = {}
        for waiting in self._waiting:
            wanted.setdefault(waiting.conversation_id, set()).add(waiting.new_message.request_id)
        found = await self._log.store.entries.find_requests(wanted)
        fault.point("send.request_taken")
        settled: set[int] = set()
        for retry in self._waiting:
            original = found.get(retry.key)
            if original is not None:
                settled.add(id(retry))
                retry.on_verdict(self._retried(retry, original))
        self._waiting = [waiting for waiting in self._waiting if id(waiting) not in settled]

    def _retried(self, item: Item[Submission], original: dict[str, Any]) -> Stored | Refusal:
        """Judge an item that is in the log already; its writer may not have saved the head."""
        self._log.heads.mark_stale([item.conversation_id])
        return repeated(item, original)

    def _repeated(self, item: Item[Submission]) -> Stored | Refusal:
        """Judge the second copy of an item that this batch has stored."""
        content_hash, stored = self._stored[item.key]
        if content_hash != item.new_message.content_hash:
            return RequestIdReused(request_id=item.new_message.request_id)
        return stored._replace(deduplicated=True, event=b"")


def repeated(item: Item[Submission], original: dict[str, Any]) -> Stored | Refusal:
    """Judge a request id that is stored already: the original numbers, or refused (MSG-3).

    Of a message that was recalled nothing is left to compare with: the original numbers.
    """
    if not says_the_same(original, item.new_message.content_hash):
        return RequestIdReused(request_id=item.new_message.request_id)
    if item.known is not None:
        item.known[item.new_message.request_id] = original["seq"]
    return Stored(
        original["entity_id"],
        original["seq"],
        original["change_no"],
        original["stored_at"],
        deduplicated=True,
    )
