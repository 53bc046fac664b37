"""The entry that begins version 2 of a conversation's chain, before the first write to it (MSG-20).

Logs from before version 2 are bound by one entry: its content is the digest of everything older.
Any number of processes may begin it at once: the entry's number is the fence, as for any entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from plexuskit.timestamps import timestamp

from messaging.log.domain import chain
from messaging.log.domain.entries import EntryKind, LogState, head_after, next_change
from messaging.log.events.seals import chain_begun, seal
from messaging.log.operations.older_logs import ConversationUpgrading
from messaging.log.store.entries import change_document
from messaging.log.store.older_entries import erase_recalled_hashes_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from plexuskit.errors import Refusal

    from messaging.log.operations.writers import Writer
    from messaging.log.store.stores import Store

ACTOR = "messaging"

log = structlog.get_logger()


def begun(log_state: LogState) -> bool:
    """Return whether the next entry can be linked by the current version of the chain."""
    return log_state.head.chain_version == chain.VERSION


async def begin_chain(log_: Writer[Store], log_state: LogState, *, now: datetime) -> None:
    """Write the entry that binds everything older; the caller then decides again on the new tail.

    Nothing is written when another process was faster. A long log is read in the background first.

    Args:
        log_: the writer of the log; the conversation is held meanwhile.
        log_state: of a log that ends with an entry of version 1.
        now: when.

    Raises:
        ConversationUpgrading: the log is long and not read yet; try again.
        DependencyDown: the store failed.
    """
    conversation, previous = log_state.conversation, log_state.head
    older = await log_.older.digest(conversation.id, through=previous.change_no)
    await erase_recalled_hashes_of(log_.store.proofs, conversation.id)
    numbers = next_change(previous)
    salt = chain.new_salt()
    event, seals = seal(
        chain_begun(version=chain.VERSION, through=previous.change_no),
        # Not the link before: with it, a recalled text of version 1 could be guessed from outside.
        previous=chain.GENESIS,
        tenant_id=conversation.tenant_id,
        scope=conversation.id,
        change_no=numbers.change_no,
        entity_id=conversation.id,
        entity_version=numbers.change_no,
        actor_id=ACTOR,
        occurred_at=timestamp(now),
        now=now,
        content_hash=older.digest(),
        content_salt=salt,
        membership_version=conversation.membership_version,
    )
    document = change_document(
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.id,
        kind=EntryKind.CHAIN_BEGUN,
        entity_id=conversation.id,
        revision=numbers.change_no,
        numbers=numbers,
        seals=seals,
        membership_version=conversation.membership_version,
        event=event,
        now=now,
        traceparent="",
    )
    document["content_salt"] = salt
    log_.log_states.forget(conversation.id)
    outcome = await log_.store.entries.append([document])
    if outcome.failure is None:
        head = head_after(numbers, chain_hash=seals.chain_hash)
        log_.log_states.advance(log_state, head, at=now)
        log.info("chain.begun", conversation_id=conversation.id, through=previous.change_no)


async def begin_chains(
    log_: Writer[Store], log_states: Iterable[LogState], *, now: datetime
) -> dict[str, Refusal]:
    """Begin version 2 in several logs; out: refusals for those that must be read first.

    Raises:
        DependencyDown: the store failed.
    """
    refused: dict[str, Refusal] = {}
    for log_state in log_states:
        try:
            await begin_chain(log_, log_state, now=now)
        except ConversationUpgrading as refusal:
            refused[log_state.conversation.id] = refusal
    return refused
