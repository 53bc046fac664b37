"""Rules for posting to the log: references, permissions and entries."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp
from plexuskit.errors import Refusal
from plexuskit.ids import new_id

from messaging.contract.events import IMPORT
from messaging.conversations.domain.people import Department, department_versions
from messaging.log.domain.entries import Head, LogState, head_after, next_post
from messaging.log.events.seals import seal, with_additions
from messaging.log.operations.items import Item, Staged, Stored
from messaging.log.operations.writers import Rules
from messaging.messages.domain.messages import NewMessage
from messaging.messages.domain.posts import (
    MessageRef,
    check_post,
    check_quote,
    check_root,
    outsiders,
)
from messaging.messages.events.messages import check_content, posted
from messaging.messages.store.messages import posted_document
from messaging.messages.store.stores import Store


class Found(NamedTuple):
    """Earlier messages and departments that the messages of one batch refer to."""

    refs: dict[str, dict[int, MessageRef]]
    departments: dict[str, Department]


class Relations(NamedTuple):
    """Objects that one message refers to, as found."""

    root_seq: int
    quoted: MessageRef | None
    departments: Mapping[str, int]


def message_rules(
    store: Store,
    *,
    append_imported: Callable[
        [Sequence[dict[str, Any]], Mapping[str, int]], Awaitable[Mapping[str, Refusal]]
    ],
) -> Rules:
    """Return the rules of messages for a log over this store; see `Rules`."""
    return Rules(
        find=partial(find, store),
        decide=decide,
        compose=compose,
        append_imported=append_imported,
    )


async def find(store: Store, items: Sequence[Item[NewMessage]], found: Found | None) -> Found:
    """Read the objects that messages refer to, of all conversations together."""
    found = found or Found({}, {})
    await _find_refs(store, items, found.refs)
    await _find_departments(store, items, found.departments)
    return found


async def _find_refs(
    store: Store, items: Sequence[Item[NewMessage]], refs: dict[str, dict[int, MessageRef]]
) -> None:
    """Read the messages that replies and quotes refer to, of all conversations in one read."""
    wanted: dict[str, set[int]] = {}
    for item in items:
        new_message = item.new_message
        if not (new_message.reply_to_seq or new_message.quote_seq):
            continue
        known = refs.get(new_message.conversation_id, {})
        seqs = {new_message.reply_to_seq, new_message.quote_seq} - {0, *known}
        if seqs:
            wanted.setdefault(new_message.conversation_id, set()).update(seqs)
    if not wanted:
        return
    for conversation_id, found in (await store.messages.find_refs(wanted)).items():
        refs.setdefault(conversation_id, {}).update(found)


async def _find_departments(
    store: Store, items: Sequence[Item[NewMessage]], departments: dict[str, Department]
) -> None:
    wanted = {each for item in items for each in item.new_message.department_ids}
    missing = wanted - departments.keys()
    if missing:
        departments |= await store.people.find_departments(missing)


def decide(found: Found, log_state: LogState, item: Item[NewMessage]) -> Relations:
    """Return the references of a message; the hot path, so the plain case calls one check.

    Raises:
        ConversationNotFound, ConversationIsArchived, MentionAllDenied, MentionDepartmentDenied,
            RootNotFound, QuotedNotFound, DepartmentNotFound: it may not be posted now.
    """
    new_message = item.new_message
    check_post(log_state, new_message)
    root_seq = 0
    if item.known is not None:
        root_seq = item.known.get(item.root_request_id, 0) if item.root_request_id else 0
    elif new_message.reply_to_seq:
        ref = found.refs.get(new_message.conversation_id, {}).get(new_message.reply_to_seq)
        root_seq = check_root(log_state, new_message, ref=ref)
    quoted = None
    if new_message.quote_seq:
        ref = found.refs.get(new_message.conversation_id, {}).get(new_message.quote_seq)
        quoted = check_quote(log_state, new_message, ref=ref)
    departments: Mapping[str, int] = {}
    if new_message.department_ids:
        departments = department_versions(
            new_message.department_ids,
            found.departments,
            tenant_id=log_state.conversation.tenant_id,
        )
    return Relations(root_seq, quoted, departments)


def compose(
    item: Item[NewMessage],
    log_state: LogState,
    head: Head,
    relations: Relations,
    now: datetime,
    stamp: Timestamp,
) -> Staged:
    """Return a message with its numbers and its entry.

    Raises:
        MessageTooLarge, FactTooLarge: no record of the topic could carry it (MSG-21).
    """
    new_message = item.new_message
    message_id = new_id("msg", now=now)
    numbers = next_post(head, root_seq=relations.root_seq)
    version = log_state.conversation.membership_version
    fact = posted(
        new_message,
        message_id=message_id,
        numbers=numbers,
        membership_version=version,
        at=stamp,
        quoted=relations.quoted,
        departments=relations.departments,
    )
    check_content(fact.message)
    event, seals = seal(
        fact,
        previous=head.chain_hash,
        tenant_id=log_state.conversation.tenant_id,
        scope=new_message.conversation_id,
        change_no=numbers.change_no,
        entity_id=message_id,
        entity_version=1,
        actor_id=new_message.sender_id,
        occurred_at=stamp,
        now=now,
        content_hash=with_additions(new_message.content_hash, fact),
        membership_version=version,
        origin="" if new_message.imported is None else IMPORT,
    )
    document = posted_document(
        new_message,
        tenant_id=log_state.conversation.tenant_id,
        message_id=message_id,
        numbers=numbers,
        membership_version=version,
        event=event,
        seals=seals,
        now=now,
        traceparent=item.traceparent,
    )
    stored = Stored(
        message_id,
        numbers.seq,
        numbers.change_no,
        now,
        not_in_conversation=outsiders(log_state, new_message),
        event=event,
    )
    head = head_after(numbers, chain_hash=seals.chain_hash)
    return Staged(item, stored, head, document)
