"""Changes of a message: one transaction of an entry of the log and the message's present state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message as ProtoMessage
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.messaging.v1.messages_pb2 import Message
from plexuskit import fault
from plexuskit.errors import DependencyDown, Refusal
from plexuskit.grpc import Actor
from plexuskit.mongo import DuplicateKey, Transaction
from plexuskit.requests import Remembered
from plexuskit.telemetry import inject

from messaging.domain import chain
from messaging.domain.conversations import sees
from messaging.domain.log import EntryKind, Head, Numbers, Tail, next_change
from messaging.domain.posted import Posted
from messaging.domain.refusals import ConversationNotFound, MessageNotFound
from messaging.events import timestamp
from messaging.events.sealing import content_of, seal
from messaging.operations.beginning import begin_chain, begun
from messaging.operations.changes import ATTEMPTS
from messaging.operations.log import Log
from messaging.store import message_state
from messaging.store.entries import change_document, message_of
from messaging.store.message_state import stored_hash

ResponseT = TypeVar("ResponseT", bound=ProtoMessage)


@dataclass(frozen=True, slots=True)
class Target:
    """The message that is to be changed, as the newest state has it."""

    tail: Tail
    entry: Mapping[str, Any]
    message: Message
    posted: Posted


@dataclass(frozen=True, slots=True)
class Alteration:
    """What a decision led to.

    Attributes:
        kind: of the entry.
        message: the message after it, given its numbers and time.
        fact: the event of the message after it.
        fields: of the posted entry, as queries look at it; None takes one away.
        empties: whether the content of every event of the message goes.
    """

    kind: EntryKind
    message: Callable[[Numbers, Timestamp], Message]
    fact: Callable[[Message], ProtoMessage]
    fields: Mapping[str, Any] = field(default_factory=dict)
    empties: bool = False


@dataclass(frozen=True, slots=True)
class Once(Generic[ResponseT]):
    """A request that is carried out once, and how its response is made of the message.

    Only that it was carried out is remembered: a retry is answered with the message as it is then.
    """

    remembered: Remembered[ResponseT]
    response: Callable[[Message], ResponseT]


@dataclass(frozen=True, slots=True)
class Asked(Generic[ResponseT]):
    """Who asks to change which message, when, and how that is answered once."""

    actor: Actor
    conversation_id: str
    seq: int
    once: Once[ResponseT]
    now: datetime


async def alter_message(
    log: Log, asked: Asked[ResponseT], decide: Callable[[Target], Alteration | None]
) -> ResponseT:
    """Decide on the present message and write entry and state together.

    All of it is done again if somebody was faster. Nothing is written when `decide` gives None.

    Args:
        log: the way into the log; its lane is held meanwhile.
        asked: who, which message, when.
        decide: re-runnable and pure; raises a refusal, or gives the alteration.

    Raises:
        ConversationNotFound: the caller is no member, or the conversation another tenant's (GW-2).
        MessageNotFound: no such message that the caller may see (MSG-14).
        RequestIdReused: the request id was used for another request.
        DependencyDown: the store failed, or others were faster too often.
    """
    conversation_id, once = asked.conversation_id, asked.once

    async def attempt() -> ResponseT:
        for _ in range(ATTEMPTS):
            done = await once.remembered.answer() is not None
            tail = await log.tail(conversation_id)
            refusal: Refusal | None = None
            alteration: Alteration | None = None
            try:
                target = await _target(log, tail, asked)
                # A retry is answered with the present message: what was told then may be recalled.
                alteration = None if done else decide(target)
            except Refusal as raised:
                refusal = raised
            if alteration is None:
                # Nobody is refused, or shown anything, on a tail that another has written past.
                if not await log.tails.is_current(tail):
                    log.tails.forget(conversation_id)
                    continue
                if refusal is not None:
                    raise refusal
                return once.response(target.message)
            if not begun(tail):
                await begin_chain(log, tail, now=asked.now)
                continue
            answer = await _try(log, asked, target, alteration)
            if answer is not None:
                return answer
        raise DependencyDown

    return await log.exclusive(conversation_id, attempt)


async def _target(log: Log, tail: Tail, asked: Asked[ResponseT]) -> Target:
    actor, seq = asked.actor, asked.seq
    conversation = tail.conversation
    member = tail.members.get(actor.person_id)
    if conversation.tenant_id != actor.tenant_id or member is None:
        raise ConversationNotFound(conversation_id=conversation.id)
    entry = await log.store.entries.find_entry(conversation.id, seq)
    if entry is None or not sees(member, history=conversation.history, seq=seq):
        raise MessageNotFound(conversation_id=conversation.id)
    message = message_of(entry)
    return Target(tail, entry, message, message_state.posted_of(message))


async def _try(
    log: Log, asked: Asked[ResponseT], target: Target, alteration: Alteration
) -> ResponseT | None:
    """Write once; None: somebody else has the number, or has carried out this very request."""
    tail, once, at = target.tail, asked.once, asked.now
    conversation = tail.conversation
    numbers = next_change(tail.head)
    message = alteration.message(numbers, timestamp(at))
    answer = once.response(message)
    document, head = _entry_of(asked, target, alteration, message, numbers)
    emptied = await _emptied_events(log, target) if alteration.empties else {}

    async def work(tx: Transaction) -> None:
        await log.store.entries.insert(document, tx=tx)
        fault.point("alter.in_transaction")
        await log.store.entries.save_current(
            target.entry["_id"], message, tx=tx, **alteration.fields
        )
        if emptied:
            await log.store.entries.save_events(emptied, tx=tx)
            await log.store.emptying.begin(target.entry["_id"], tx=tx)
        await once.remembered.keep(once.remembered.response(), tx=tx)

    try:
        await log.store.transact(work)
    except DuplicateKey:
        log.tails.forget(conversation.id)
        return None
    except BaseException:
        log.tails.forget(conversation.id)
        raise
    fault.point("alter.after_commit")
    log.tails.advance(tail, head, at=at)
    return answer


def _entry_of(
    asked: Asked[ResponseT],
    target: Target,
    alteration: Alteration,
    message: Message,
    numbers: Numbers,
) -> tuple[dict[str, Any], Head]:
    conversation, actor_id, at = target.tail.conversation, asked.actor.person_id, asked.now
    fact = alteration.fact(message)
    event, seals = seal(
        fact,
        previous=target.tail.head.chain_hash,
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
        kind=alteration.kind,
        entity_id=message.id,
        revision=message.revision,
        numbers=numbers,
        seals=seals,
        membership_version=conversation.membership_version,
        event=event,
        now=at,
        traceparent=inject(),
        about_seq=message.seq,
        actor_id=actor_id,
    )
    return document, Head(numbers.change_no, numbers.seq, seals.chain_hash, chain.VERSION)


async def _emptied_events(log: Log, target: Target) -> dict[str, bytes]:
    """Give the stored events with words of the message without them, 21 at the most (MSG-12)."""
    entries = [
        target.entry,
        *await log.store.emptying.find_edits(target.message.conversation_id, target.message.seq),
    ]
    return {entry["_id"]: message_state.emptied_event(bytes(entry["event"])) for entry in entries}
