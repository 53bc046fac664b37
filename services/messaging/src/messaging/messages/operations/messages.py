"""Messages: send (MSG-1 to MSG-3), edit, recall, react, pin, label."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.messaging.v1.messages_pb2 import NOTIFY_NONE, Message
from plexus_access.decisions import Asker, Decisions
from plexus_access.objects import CONVERSATION, Object
from plexuskit.errors import Refusal
from plexuskit.grpc import Actor
from plexuskit.items import item_failed
from plexuskit.mongo import Transaction
from plexuskit.telemetry import inject

from messaging.conversations.domain.people import department_versions
from messaging.conversations.operations.settings import note_mentions
from messaging.log.domain.entries import EntryKind, Numbers
from messaging.log.operations.items import Item, Stored, resolver
from messaging.log.operations.logs import Log
from messaging.messages.domain.content import Content, compose
from messaging.messages.domain.messages import MessageContent, NewMessage, Priority, new_message
from messaging.messages.domain.policies import Policy
from messaging.messages.domain.refusals import TooManyPins
from messaging.messages.domain.states import (
    added_mentions,
    check_addressing,
    check_alterable,
    check_edit,
    check_emoji,
    check_recall,
    labelled,
    reacted,
)
from messaging.messages.events import messages, states
from messaging.messages.operations.changes import (
    ChangeRequest,
    MessageChange,
    Target,
    alter_message,
)
from messaging.messages.operations.recalls import finish_emptying
from messaging.messages.store.messages import mentioned_in
from messaging.messages.store.stores import Store

SEND: Final = "messages.send"

MAX_PINS = 200
# No longer unread, pinned or addressed to anyone (MSG-8); none of its content is left.
RECALLED_FIELDS = {
    "silent": True,
    "recalled": True,
    "pinned_at": None,
    "mentioned": None,
    "imported_reactions": None,
}


async def edit_message(
    log: Log[Store],
    request: ChangeRequest,
    *,
    content: MessageContent,
    expected_version: int | None,
    policy: Policy,
) -> Message:
    """Change the text of one's own message (MSG-11); an edit without a difference changes nothing.

    Raises:
        NotYourMessage, MessageIsRecalled, EditWindowClosed, TooManyEdits, VersionConflict,
            ConversationIsArchived: see domain.states.
        MentionAllDenied, MentionDepartmentDenied: the edit needs a permission to mention so many.
        DepartmentNotFound: no such department is known.
        TextTooLong, MessageEmpty, TooManyMentions, InvalidArgument: see domain.messages.
        MessageTooLarge: all its parts together are too large (MSG-21).
        ConversationNotFound, MessageNotFound, RequestIdReused, DependencyDown: see alter_message.
    """
    content = _settled(content)
    known = await log.store.people.find_departments(content.department_ids)

    def decide(target: Target) -> MessageChange | None:
        state = target.state
        after = _redrafted(target, content, actor=request.actor)
        if after.content_hash == states.stored_hash(target.message) and not state.recalled:
            return None
        check_edit(
            target.log_state,
            state,
            person_id=request.actor.person_id,
            policy=policy,
            expected_version=expected_version,
            now=request.now,
        )
        departments = department_versions(
            after.department_ids, known, tenant_id=target.log_state.conversation.tenant_id
        )
        added = added_mentions(state, after)
        check_addressing(target.log_state, added, person_id=request.actor.person_id)

        def reworded(numbers: Numbers, at: Timestamp) -> Message:
            message = states.edited(
                target.message, after, departments=departments, numbers=numbers, at=at
            )
            messages.check_content(states.without_parts(message))
            return message

        return MessageChange(
            kind=EntryKind.EDITED,
            message=reworded,
            fact=lambda message: messages.edited(message, added, departments=departments),
            fields={"mentioned": mentioned_in(after) or None},
            also=_mentions(
                log,
                target,
                added=added.person_ids,
                gone=[each for each in state.mentions if each not in after.mentions],
                now=request.now,
            ),
        )

    return await alter_message(log, request, decide)


async def recall_message(
    log: Log[Store],
    request: ChangeRequest,
    *,
    policy: Policy,
) -> Message:
    """Recall a message (MSG-12): remove its content, also from every stored event of it.

    The text is removed in the recall's transaction; facts of reactions, pins and labels, whose
    number is unbounded, are emptied in bounded batches after it, by another process if this one
    ends. A message that is already recalled stays unchanged.

    Raises:
        NotYourMessage, RecallWindowClosed: see domain.states.
        ConversationNotFound, MessageNotFound, RequestIdReused, DependencyDown: see alter_message.
    """

    def decide(target: Target) -> MessageChange | None:
        if target.state.recalled:
            return None
        check_recall(
            target.log_state,
            target.state,
            person_id=request.actor.person_id,
            member=target.log_state.members.get(request.actor.person_id),
            policy=policy,
            now=request.now,
        )
        return MessageChange(
            kind=EntryKind.RECALLED,
            message=lambda numbers, at: states.recalled(
                target.message, person_id=request.actor.person_id, numbers=numbers, at=at
            ),
            fact=messages.recalled,
            fields=RECALLED_FIELDS,
            empties=True,
            also=_mentions(log, target, added=(), gone=target.state.mentions, now=request.now),
        )

    recalled = await alter_message(log, request, decide)
    await finish_emptying(log.store, request.conversation_id, request.seq)
    return recalled


async def react_to_message(
    log: Log[Store],
    request: ChangeRequest,
    *,
    emoji: str,
    remove: bool,
) -> Message:
    """Add a reaction to a message or remove one's own; idempotent (MSG-16).

    Raises:
        InvalidArgument: not an emoji.
        TooManyReactions, MessageIsRecalled, ConversationIsArchived: see domain.states.
        ConversationNotFound, MessageNotFound, RequestIdReused, DependencyDown: see alter_message.
    """
    normal = check_emoji(emoji)

    def decide(target: Target) -> MessageChange | None:
        check_alterable(target.log_state, target.state)
        previous = target.state.reactions
        after = reacted(previous, emoji=normal, person_id=request.actor.person_id, remove=remove)
        if after == previous:
            return None
        return MessageChange(
            kind=EntryKind.REACTED,
            message=lambda numbers, _: states.with_reactions(
                target.message, after, numbers=numbers
            ),
            fact=lambda message: messages.reacted(
                message, emoji=normal, person_id=request.actor.person_id, removed=remove
            ),
        )

    return await alter_message(log, request, decide)


async def pin_message(
    log: Log[Store],
    request: ChangeRequest,
    *,
    unpin: bool,
) -> Message:
    """Pin or unpin a message; the first person who pinned it stays named (MSG-16).

    Raises:
        TooManyPins: 200 are pinned.
        MessageIsRecalled, ConversationIsArchived: see domain.states.
        ConversationNotFound, MessageNotFound, RequestIdReused, DependencyDown: see alter_message.
    """
    pinned = await log.store.messages.count_pinned(request.conversation_id)

    def decide(target: Target) -> MessageChange | None:
        check_alterable(target.log_state, target.state)
        if target.state.pinned is not unpin:
            return None
        if not unpin and pinned >= MAX_PINS:
            raise TooManyPins(limit=MAX_PINS)
        if unpin:
            return MessageChange(
                kind=EntryKind.PINNED,
                message=lambda numbers, _: states.without_pin(target.message, numbers=numbers),
                fact=messages.pinned,
                fields={"pinned_at": None},
            )
        return MessageChange(
            kind=EntryKind.PINNED,
            message=lambda numbers, at: states.with_pin(
                target.message, person_id=request.actor.person_id, numbers=numbers, at=at
            ),
            fact=messages.pinned,
            fields={"pinned_at": request.now},
        )

    return await alter_message(log, request, decide)


async def label_message(
    log: Log[Store],
    request: ChangeRequest,
    *,
    add: Sequence[str],
    remove: Sequence[str],
) -> Message:
    """Add labels to a message and remove labels from it.

    Raises:
        TooManyLabels, InvalidArgument, MessageIsRecalled, ConversationIsArchived: see
            domain.message_state.
        ConversationNotFound, MessageNotFound, RequestIdReused, DependencyDown: see alter_message.
    """

    def decide(target: Target) -> MessageChange | None:
        check_alterable(target.log_state, target.state)
        after = labelled(target.state, add=add, remove=remove)
        if after == target.state.labels:
            return None
        return MessageChange(
            kind=EntryKind.LABELED,
            message=lambda numbers, _: states.with_labels(target.message, after, numbers=numbers),
            fact=messages.labeled,
        )

    return await alter_message(log, request, decide)


def _mentions(
    log: Log[Store],
    target: Target,
    *,
    added: Iterable[str],
    gone: Iterable[str],
    now: datetime,
) -> Callable[[Transaction], Awaitable[None]]:
    """Return the closure that notes which members a change mentions, or mentions no more."""
    members, sender = target.log_state.members, target.state.sender_id
    joined = [person for person in added if person in members and person != sender]

    async def work(tx: Transaction) -> None:
        await note_mentions(
            log.store,
            tenant_id=target.log_state.conversation.tenant_id,
            conversation_id=target.log_state.conversation.id,
            seq=target.state.seq,
            added=joined,
            gone=gone,
            now=now,
            tx=tx,
        )

    return work


def _settled(content: MessageContent) -> MessageContent:
    """Return the content in stored form."""
    composed = Content(
        content.text, content.spans, content.mentions, content.mention_all, content.department_ids
    )
    text, spans, mentions, mention_all, departments = compose(composed, markdown=content.markdown)
    return replace(
        content,
        text=text,
        spans=spans,
        mentions=mentions,
        mention_all=mention_all,
        department_ids=departments,
        markdown=False,
    )


def _redrafted(target: Target, content: MessageContent, *, actor: Actor) -> NewMessage:
    """Make the draft that the message would be with these words; the rest of it stays."""
    message = target.message
    return new_message(
        conversation_id=message.conversation_id,
        sender_id=actor.person_id,
        request_id=message.request_id,
        text=content.text,
        spans=content.spans,
        mentions=content.mentions,
        mention_all=content.mention_all,
        department_ids=content.department_ids,
        attachments=content.attachments,
        priority=Priority(message.priority),
        reply_to_seq=message.reply_to_seq,
        quote_seq=message.quote.seq,
        quiet=message.notify == NOTIFY_NONE,
        forwarded=states.carried_of(message),
    )


def permitted(
    decisions: Decisions, asker: Asker, new_messages: Sequence[NewMessage | Refusal]
) -> list[NewMessage | Refusal]:
    """Return each draft, or its refusal by roles and policies (GW-10)."""
    return [
        new_message
        if isinstance(new_message, Refusal)
        else decisions.refusal(asker, SEND, Object(CONVERSATION, new_message.conversation_id))
        or new_message
        for new_message in new_messages
    ]


async def send_message(log: Log[Store], *, new_message: NewMessage) -> Stored:
    """Store one message and give its numbers after the majority has it.

    Raises:
        ConversationNotFound, ConversationIsArchived, MentionAllDenied, RootNotFound,
            RequestIdReused: see domain.
        DependencyDown: the outcome is unknown; try again with the same request id.
    """
    (verdict,) = await send_messages(log, new_messages=[new_message])
    if isinstance(verdict, Refusal):
        raise verdict
    return verdict


async def send_messages(
    log: Log[Store], *, new_messages: Sequence[NewMessage | Refusal]
) -> list[Stored | Refusal]:
    """Store several messages; each has its own verdict, in the order given.

    A refusal among the drafts (a message that could not even be made) is its own verdict.
    """
    loop = asyncio.get_running_loop()
    traceparent = inject()
    waiting: list[asyncio.Future[Stored | Refusal]] = []
    for message in new_messages:
        future: asyncio.Future[Stored | Refusal] = loop.create_future()
        waiting.append(future)
        if isinstance(message, Refusal):
            future.set_result(message)
            continue
        try:
            log.submit(Item(message, on_verdict=resolver(future), traceparent=traceparent))
        except Refusal as refusal:
            future.set_result(refusal)
        except Exception as error:  # noqa: BLE001 - one item fails alone (GW-8)
            future.set_result(item_failed(error, of="messaging.send_messages"))
    return list(await asyncio.gather(*waiting))
