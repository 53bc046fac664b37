"""A rare change: one transaction of an entry of the log and the state it leads to."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from plexuskit import fault
from plexuskit.errors import DependencyDown
from plexuskit.grpc import line_of
from plexuskit.mongo import DuplicateKey, Transaction
from plexuskit.telemetry import inject
from plexuskit.timestamps import timestamp

from messaging.log.domain.entries import EntryKind, Head, LogState, Numbers, head_after, next_change
from messaging.log.domain.states import Conversation, Member
from messaging.log.events.seals import seal, state_of
from messaging.log.operations.chains import begin_chain, begun
from messaging.log.operations.logs import Log
from messaging.log.store.entries import change_document
from messaging.log.store.stores import Store

# Against another process that writes the same conversation without a pause, a change loses most
# attempts, because it reads and writes more than a send does; each takes about 10 ms.
ATTEMPTS = 40

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """Result of a decision: the new state, the members it affects, and the fact."""

    kind: EntryKind
    conversation: Conversation
    members: Sequence[Member]
    entity_id: str
    revision: int
    fact: Callable[[Numbers], Message]
    origin: str = ""


async def apply_change(
    log: Log[Store],
    conversation_id: str,
    decide: Callable[[LogState], Awaitable[Change | None]],
    *,
    actor_id: str,
    now: datetime,
    also: Callable[[Transaction, LogState, Change], Awaitable[None]] | None = None,
) -> tuple[LogState, Change | None]:
    """Decide on the current tail and write entry and state together.

    Everything is repeated after a concurrent write. The decision comes before the transaction's
    first write. Nothing is written if `decide` returns None.

    Args:
        log: access to the log; the conversation is locked meanwhile.
        conversation_id: the conversation.
        decide: re-runnable; may read what the pure decision needs, raises a refusal, or returns the
            change. It reads state newer than the tail's head, so that a change in between conflicts
            at the entry's number.
        actor_id: the person who makes the change.
        now: current time.
        also: more to write in the same transaction.

    Returns:
        The tail after the change, and the change.

    Raises:
        DependencyDown: the store failed, or concurrent writers won too often.
    """

    async def attempt() -> tuple[LogState, Change | None]:
        for _ in range(ATTEMPTS):
            log_state = await log.log_states.load(conversation_id)
            change = await decide(log_state)
            if change is None:
                return log_state, None
            if not begun(log_state):
                await begin_chain(log, log_state, now=now)
                continue
            try:
                after = await _write(log, log_state, change, actor_id=actor_id, now=now, also=also)
            except DuplicateKey as taken:
                log.log_states.forget(conversation_id)
                if taken.index != "_id_":
                    raise
            except BaseException:
                log.log_states.forget(conversation_id)
                raise
            else:
                return after, change
        raise DependencyDown

    return await log.exclusive(conversation_id, attempt, person_id=line_of(actor_id))


async def _write(
    log: Log[Store],
    log_state: LogState,
    change: Change,
    *,
    actor_id: str,
    now: datetime,
    also: Callable[[Transaction, LogState, Change], Awaitable[None]] | None,
) -> LogState:
    conversation = change.conversation
    document, head = entry_document(change, log_state.head, actor_id=actor_id, now=now)
    after = after_change(log_state, change, head)

    async def work(tx: Transaction) -> None:
        await log.store.entries.insert(document, tx=tx)
        fault.point("change.in_transaction")
        await log.store.states.save(conversation, change.members, tx=tx)
        if also is not None:
            await also(tx, after, change)

    await log.store.transact(work)
    fault.point("change.after_commit")
    log.log_states.advance(after, after.head, at=now)
    return after


def after_change(log_state: LogState, change: Change, head: Head) -> LogState:
    """Return the tail after the change."""
    members = dict(log_state.members)
    for member in change.members:
        if member.active:
            members[member.person_id] = member
        else:
            members.pop(member.person_id, None)
    return LogState(conversation=change.conversation, head=head, members=members)


def entry_document(
    change: Change, previous: Head, *, actor_id: str, now: datetime
) -> tuple[dict[str, Any], Head]:
    """Return the entry's document with its event, and the resulting head."""
    conversation, numbers = change.conversation, next_change(previous)
    fact = change.fact(numbers)
    event, seals = seal(
        fact,
        previous=previous.chain_hash,
        tenant_id=conversation.tenant_id,
        scope=conversation.id,
        change_no=numbers.change_no,
        entity_id=change.entity_id,
        entity_version=change.revision,
        actor_id=actor_id,
        occurred_at=timestamp(now),
        now=now,
        content_hash=state_of(fact),
        membership_version=conversation.membership_version,
        origin=change.origin,
    )
    document = change_document(
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.id,
        kind=change.kind,
        entity_id=change.entity_id,
        revision=change.revision,
        numbers=numbers,
        seals=seals,
        membership_version=conversation.membership_version,
        event=event,
        now=now,
        traceparent=inject(),
        origin=change.origin,
    )
    return document, head_after(numbers, chain_hash=seals.chain_hash)
