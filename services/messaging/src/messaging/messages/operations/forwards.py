"""Forwarding: copies with their origin (MSG-16)."""

from collections.abc import Sequence

from plexus.messaging.v1.messages_pb2 import Message
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.grpc import Actor

from messaging.conversations.queries.seats import confirm, seat
from messaging.log.operations.items import Stored
from messaging.log.operations.logs import Log
from messaging.messages.domain.content import MENTIONING
from messaging.messages.domain.messages import NewMessage, new_message
from messaging.messages.domain.refusals import (
    ConversationIsConfidential,
    ForwardNested,
    MessageIsRecalled,
    MessageNotFound,
)
from messaging.messages.events import states
from messaging.messages.operations.messages import send_messages
from messaging.messages.store.stores import Store

MAX_FORWARDS = 100


async def forward_messages(
    log: Log[Store],
    *,
    actor: Actor,
    conversation_id: str,
    seqs: Sequence[int],
    to_conversation_id: str,
    merged: bool,
    comment: str,
    request_id: str,
) -> list[Stored]:
    """Copy messages into another conversation, each alone or all in one.

    A copy keeps its text when the original changes. It mentions no one: people addressed there are
    not addressed here. Each copy is stored once under `request_id` (MSG-3); when one is refused the
    ones before it stay, and the same call again stores the rest.

    Raises:
        InvalidArgument: no message, or more than 100.
        ConversationNotFound, MessageNotFound: absent, or not visible to the caller (GW-2).
        MessageIsRecalled: there is nothing to copy.
        ConversationIsConfidential: nothing is forwarded out of it.
        ForwardNested: a merged forward would hold a merged one.
        Also every refusal of send_message in the target.
    """
    if not 0 < len(seqs) <= MAX_FORWARDS or len(set(seqs)) < len(seqs):
        problem = f"takes 1 to {MAX_FORWARDS} different messages"
        raise InvalidArgument(field="seqs", problem=problem)
    messages = await _readable(log.store, actor, conversation_id, seqs)
    if merged:
        new_messages = [
            _merged(messages, actor, to_conversation_id, request_id=request_id, comment=comment)
        ]
    else:
        new_messages = [
            _single(message, actor, to_conversation_id, request_id=f"{request_id}:{number}")
            for number, message in enumerate(messages)
        ]
        if comment:
            new_messages.insert(
                0,
                new_message(
                    conversation_id=to_conversation_id,
                    sender_id=actor.person_id,
                    request_id=f"{request_id}:comment",
                    text=comment,
                ),
            )
    verdicts = await send_messages(log, new_messages=new_messages)
    stored: list[Stored] = []
    for verdict in verdicts:
        if isinstance(verdict, Refusal):
            raise verdict
        stored.append(verdict)
    return stored


async def _readable(
    store: Store, actor: Actor, conversation_id: str, seqs: Sequence[int]
) -> list[Message]:
    """Read the messages to forward, in the order requested, if they are readable."""
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    if place.conversation.confidential:
        raise ConversationIsConfidential(conversation_id=conversation_id)
    found = await store.messages.find_messages(conversation_id, seqs)
    by_seq = {message.seq: message for message in found if place.sees(message.seq)}
    missing = [seq for seq in seqs if seq not in by_seq]
    if missing:
        raise MessageNotFound(conversation_id=conversation_id)
    await confirm(store, place, through=max(each.change_no for each in by_seq.values()))
    for seq in seqs:
        if by_seq[seq].recalled:
            raise MessageIsRecalled(seq=seq)
    return [by_seq[seq] for seq in seqs]


def _single(
    message: Message, actor: Actor, to_conversation_id: str, *, request_id: str
) -> NewMessage:
    """Make the copy of one message; one that contains others is copied with all of them."""
    carried = states.carried_of(message)
    return new_message(
        conversation_id=to_conversation_id,
        sender_id=actor.person_id,
        request_id=request_id,
        text=message.text,
        spans=tuple(s for s in states.spans_of(message.spans) if s.kind not in MENTIONING),
        attachments=states.attachments_of(message.attachments),
        forwarded=carried or (states.forwarded_of(message, carries=False),),
    )


def _merged(
    messages: Sequence[Message],
    actor: Actor,
    to_conversation_id: str,
    *,
    request_id: str,
    comment: str,
) -> NewMessage:
    for message in messages:
        if states.state_of(message).merged:
            raise ForwardNested(seq=message.seq)
    return new_message(
        conversation_id=to_conversation_id,
        sender_id=actor.person_id,
        request_id=request_id,
        text=comment,
        forwarded=tuple(states.forwarded_of(message, carries=True) for message in messages),
    )
