"""Changes of a message: one transaction of an entry of the log and the message's current state."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.protobuf.message import Message as ProtoMessage
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.messaging.v1.messages_pb2 import Message
from plexuskit import fault
from plexuskit.errors import DependencyDown, Refusal
from plexuskit.grpc import Actor, line_of
from plexuskit.mongo import DuplicateKey, Transaction
from plexuskit.request_ids import Answer, Request
from plexuskit.telemetry import inject
from plexuskit.timestamps import timestamp

from messaging.contract.events import IMPORT
from messaging.conversations.operations.repeats import Repeated, check_new, record_unchanged
from messaging.log.domain.entries import EntryKind, Head, LogState, Numbers, head_after, next_change
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import sees
from messaging.log.events.recalls import emptied_event
from messaging.log.events.seals import content_of, seal
from messaging.log.operations.chains import begin_chain, begun
from messaging.log.operations.changes import ATTEMPTS
from messaging.log.operations.logs import Log
from messaging.log.store.entries import change_document
from messaging.messages.domain.refusals import MessageNotFound
from messaging.messages.domain.states import MessageState
from messaging.messages.events.states import state_of, stored_hash
from messaging.messages.store.messages import message_of
from messaging.messages.store.stores import Store


@dataclass(frozen=True, slots=True)
class Target:
    """The message to change, in its newest state."""

    log_state: LogState
    entry: Mapping[str, Any]
    message: Message
    state: MessageState


@dataclass(frozen=True, slots=True)
class MessageChange:
    """Result of a decision.

    Attributes:
        kind: kind of the entry.
        message: the message after it, with its numbers and time.
        fact: the event of the message after it.
        fields: fields of the posted entry for queries; None removes one.
        empties: whether the content of every event of the message goes.
        also: more to write in the same transaction; re-runnable.
    """

    kind: EntryKind
    message: Callable[[Numbers, Timestamp], Message]
    fact: Callable[[Message], ProtoMessage]
    fields: Mapping[str, Any] = field(default_factory=dict)
    empties: bool = False
    also: Callable[[Transaction], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """Request to change a message.

    `request` is the call as its id identifies it; None: carried out every time.
    """

    actor: Actor
    conversation_id: str
    seq: int
    request: Request | None
    now: datetime

    @property
    def answer(self) -> Answer:
        """The ids to record: a repeat is answered with the message as it is then."""
        return {"id": self.conversation_id, "seq": self.seq}


@dataclass(frozen=True, slots=True)
class ImportedChange:
    """A change that an import makes.

    Attributes:
        check: called first in the transaction; refuses when the conversation follows no export.
    """

    check: Callable[[Transaction], Awaitable[None]]


async def alter_message(
    log: Log[Store],
    request: ChangeRequest,
    decide: Callable[[Target], MessageChange | None],
    *,
    imports: ImportedChange | None = None,
) -> Message:
    """Decide on the current message, write entry, state and request together, and return it.

    All of it is done again if another writer was faster. When `decide` gives None, only the request
    is recorded.

    Args:
        log: access to the log; the conversation is locked meanwhile.
        request: caller, message and time.
        decide: re-runnable and pure; raises a refusal, or returns the change.
        imports: true for a change by an import, whose caller need not be a member.

    Raises:
        ConversationNotFound: the caller is no member, or the conversation another tenant's (GW-2).
        MessageNotFound: no such message that the caller may see (MSG-14).
        RequestIdReused: the request id was used for another request.
        DependencyDown: the store failed, or concurrent writers won too often.
    """
    conversation_id, now = request.conversation_id, request.now
    requests = log.store.requests

    async def attempt() -> Message:
        for _ in range(ATTEMPTS):
            done = await requests.answer(request.request, now=now) is not None
            log_state = await log.state(conversation_id)
            refusal: Refusal | None = None
            change: MessageChange | None = None
            try:
                target = await _target(log, log_state, request, imports)
                # A retry is answered with the current message: the one returned then may be
                # recalled by now.
                change = None if done else decide(target)
            except Refusal as raised:
                refusal = raised
            if change is None:
                # No caller is refused, or shown anything, based on a stale tail.
                if not await log.log_states.is_current(log_state):
                    log.log_states.forget(conversation_id)
                    continue
                if refusal is not None:
                    raise refusal
                if not done:
                    await record_unchanged(log.store, request.request, request.answer, now=now)
                return target.message
            if not begun(log_state):
                await begin_chain(log, log_state, now=now)
                continue
            changed = await _try(log, request, target, change, imports)
            if changed is not None:
                return changed
        raise DependencyDown

    return await log.exclusive(conversation_id, attempt, person_id=line_of(request.actor.person_id))


async def _target(
    log: Log[Store],
    log_state: LogState,
    request: ChangeRequest,
    imports: ImportedChange | None,
) -> Target:
    actor, seq = request.actor, request.seq
    conversation = log_state.conversation
    member = log_state.members.get(actor.person_id)
    if conversation.tenant_id != actor.tenant_id or (member is None and imports is None):
        raise ConversationNotFound(conversation_id=conversation.id)
    entry = await log.store.messages.find_entry(conversation.id, seq)
    visible = imports is not None or sees(member, history=conversation.history, seq=seq)
    if entry is None or not visible:
        raise MessageNotFound(conversation_id=conversation.id)
    message = message_of(entry)
    return Target(log_state, entry, message, state_of(message))


async def _try(
    log: Log[Store],
    request: ChangeRequest,
    target: Target,
    change: MessageChange,
    imports: ImportedChange | None,
) -> Message | None:
    """Write once; None: the number is taken, or a copy of the request was carried out."""
    log_state, at = target.log_state, request.now
    conversation = log_state.conversation
    numbers = next_change(log_state.head)
    message = change.message(numbers, timestamp(at))
    origin = "" if imports is None else IMPORT
    document, head = _entry_of(request, target, change, message, numbers, origin)
    emptied = await _emptied_events(log, target) if change.empties else {}

    async def work(tx: Transaction) -> None:
        await check_new(log.store, request.request, now=at, tx=tx)
        if imports is not None:
            await imports.check(tx)
        await log.store.entries.insert(document, tx=tx)
        fault.point("alter.in_transaction")
        await log.store.messages.save_current(target.entry["_id"], message, tx=tx, **change.fields)
        if change.also is not None:
            await change.also(tx)
        if emptied:
            await log.store.messages.save_events(emptied, tx=tx)
            await log.store.emptying.begin(target.entry["_id"], tx=tx)
        await log.store.requests.record(request.request, request.answer, now=at, tx=tx)

    try:
        await log.store.transact(work)
    except (DuplicateKey, Repeated):
        log.log_states.forget(conversation.id)
        return None
    except BaseException:
        log.log_states.forget(conversation.id)
        raise
    fault.point("alter.after_commit")
    log.log_states.advance(log_state, head, at=at)
    return message


def _entry_of(
    request: ChangeRequest,
    target: Target,
    change: MessageChange,
    message: Message,
    numbers: Numbers,
    origin: str,
) -> tuple[dict[str, Any], Head]:
    conversation, actor_id, at = target.log_state.conversation, request.actor.person_id, request.now
    fact = change.fact(message)
    event, seals = seal(
        fact,
        previous=target.log_state.head.chain_hash,
        tenant_id=conversation.tenant_id,
        scope=conversation.id,
        change_no=numbers.change_no,
        entity_id=message.id,
        entity_version=message.revision,
        actor_id=actor_id,
        occurred_at=timestamp(at),
        now=at,
        content_hash=content_of(fact, words_hash=stored_hash),
        membership_version=conversation.membership_version,
        origin=message.origin,
    )
    document = change_document(
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.id,
        kind=change.kind,
        entity_id=message.id,
        revision=message.revision,
        numbers=numbers,
        seals=seals,
        membership_version=conversation.membership_version,
        event=event,
        now=at,
        traceparent=inject(),
        origin=origin,
        about_seq=message.seq,
        actor_id=actor_id,
    )
    return document, head_after(numbers, chain_hash=seals.chain_hash)


async def _emptied_events(log: Log[Store], target: Target) -> dict[str, bytes]:
    """Return the message's stored events without their content, 21 at most (MSG-12)."""
    entries = [
        target.entry,
        *await log.store.emptying.find_edits(target.message.conversation_id, target.message.seq),
    ]
    return {entry["_id"]: emptied_event(bytes(entry["event"])) for entry in entries}
