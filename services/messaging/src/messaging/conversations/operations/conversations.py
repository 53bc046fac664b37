"""Conversations: begin them, change their fields, leave them (MSG-14)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from google.protobuf.message import Message
from plexuskit.errors import InvalidArgument, VersionConflict
from plexuskit.grpc import Actor
from plexuskit.ids import new_id
from plexuskit.mongo import DuplicateKey, Transaction
from plexuskit.request_ids import Request

from messaging.conversations.domain.conversations import (
    MEMBER_LIMIT,
    clean_title,
    clean_topic,
    joined,
)
from messaging.conversations.domain.refusals import GroupTooLarge
from messaging.conversations.events.conversations import archived as archived_fact
from messaging.conversations.events.conversations import changed as changed_fact
from messaging.conversations.events.conversations import created as created_fact
from messaging.conversations.operations.members import (
    MembershipChanged,
    change_membership,
    removed,
    require_group_admin,
    require_member,
    require_membership,
)
from messaging.conversations.operations.people import People, require_people
from messaging.conversations.operations.repeats import (
    Repeated,
    apply_once,
    check_new,
    record_unchanged,
)
from messaging.conversations.store.stores import Store
from messaging.log.domain.entries import EMPTY, EntryKind, LogState, Numbers
from messaging.log.domain.states import Conversation, History, Kind, Member, Role
from messaging.log.operations.changes import Change, entry_document
from messaging.log.operations.logs import Log

FIRST_CHANGE = 1


@dataclass(frozen=True, slots=True)
class Begun:
    """A conversation with the last numbers of its log, and whether it was there or changed."""

    conversation: Conversation
    change_no: int
    seq: int
    deduplicated: bool = False
    changed: bool = False


async def create_conversation(
    store: Store,
    people: People,
    *,
    actor: Actor,
    kind: Kind,
    name: str,
    topic: str,
    history: History,
    member_ids: Sequence[str],
    now: datetime,
    request: Request | None,
) -> Begun:
    """Create a group, or open the direct conversation with one other person.

    Raises:
        InvalidArgument: a direct conversation without exactly one other person.
        Also the refusals of create_group, begin_once and open_direct.
    """
    if kind is Kind.DIRECT:
        if len(member_ids) != 1:
            raise InvalidArgument(field="member_ids", problem="is exactly one other person")
        return await open_direct(
            store, people, actor=actor, peer_id=member_ids[0], now=now, request=request
        )
    write = await create_group(
        store,
        people,
        actor=actor,
        name=name,
        topic=topic,
        history=history,
        member_ids=member_ids,
        now=now,
    )
    return await begin_once(store, write, request=request, actor=actor, now=now)


async def create_group(
    store: Store,
    people: People,
    *,
    actor: Actor,
    name: str,
    topic: str,
    history: History,
    member_ids: Sequence[str],
    now: datetime,
) -> Callable[[Transaction], Awaitable[Begun]]:
    """Check a new group and return the re-runnable closure that writes it and returns Begun.

    Raises:
        InvalidArgument: the name is empty, or name or topic too long.
        PersonNotFound: a person is not in the directory.
        GroupTooLarge: more than 5,000 members.
    """
    name, topic = clean_title(name), clean_topic(topic)
    others = [person for person in dict.fromkeys(member_ids) if person != actor.person_id]
    if len(others) >= MEMBER_LIMIT:
        raise GroupTooLarge(limit=MEMBER_LIMIT)
    if others:
        await require_people(people, actor, others)
    conversation = begin(
        tenant_id=actor.tenant_id,
        kind=Kind.GROUP,
        name=name,
        topic=topic,
        history=history,
        created_by=actor.person_id,
        member_count=len(others) + 1,
        now=now,
    )
    roles = {actor.person_id: Role.OWNER, **dict.fromkeys(others, Role.MEMBER)}

    async def work(tx: Transaction) -> Begun:
        return await write_new(store, conversation, roles, actor_id=actor.person_id, now=now, tx=tx)

    return work


async def begin_once(
    store: Store,
    write: Callable[[Transaction], Awaitable[Begun]],
    *,
    request: Request | None,
    actor: Actor,
    now: datetime,
) -> Begun:
    """Begin a conversation in one transaction, or return the one that the same request began.

    Args:
        store: the service's database.
        write: what `create_group` gave.
        request: the call as its id identifies it; None: carried out every time.
        actor: who asks.
        now: when.

    Raises:
        RequestIdReused: the request id was used for other content.
        ConversationNotFound: the caller has left what the same request began (GW-2).
    """

    async def work(tx: Transaction) -> Begun:
        await check_new(store, request, now=now, tx=tx)
        begun = await write(tx)
        await store.requests.record(request, {"id": begun.conversation.id}, now=now, tx=tx)
        return begun

    try:
        return await store.transact(work)
    except Repeated as repeated:
        conversation, _ = await require_membership(
            store, actor=actor, conversation_id=repeated.answer["id"]
        )
    head = await store.entries.head(conversation.id)
    return Begun(conversation, head.change_no, head.seq, deduplicated=True)


async def open_direct(
    store: Store,
    people: People,
    *,
    actor: Actor,
    peer_id: str,
    now: datetime,
    request: Request | None = None,
) -> Begun:
    """Return the direct conversation of the caller and another person; create it on first use.

    Raises:
        InvalidArgument: with oneself.
        PersonNotFound: no person has that id.
        RequestIdReused: the request id was used for other content.
    """
    if peer_id == actor.person_id:
        raise InvalidArgument(field="member_ids", problem="names yourself")
    first, second = sorted((actor.person_id, peer_id))
    found = await store.conversations.find_pair(actor.tenant_id, (first, second))
    if found is None:
        await require_people(people, actor, [peer_id])
        conversation = begin(
            tenant_id=actor.tenant_id,
            kind=Kind.DIRECT,
            name="",
            topic="",
            history=History.ALL,
            created_by=actor.person_id,
            member_count=2,
            now=now,
            pair=(first, second),
        )
        roles = {first: Role.MEMBER, second: Role.MEMBER}

        async def write(tx: Transaction) -> Begun:
            return await write_new(
                store, conversation, roles, actor_id=actor.person_id, now=now, tx=tx
            )

        try:
            return await begin_once(store, write, request=request, actor=actor, now=now)
        except DuplicateKey:  # the other one opened it at the same moment
            found = await store.conversations.find_pair(actor.tenant_id, (first, second))
            if found is None:
                raise
    # A repeat comes here too: the pair has one conversation for good.
    await record_unchanged(store, request, {"id": found.id}, now=now)
    head = await store.entries.head(found.id)
    return Begun(found, head.change_no, head.seq, deduplicated=True)


def begin(
    *,
    tenant_id: str,
    kind: Kind,
    name: str,
    topic: str,
    history: History,
    created_by: str,
    member_count: int,
    now: datetime,
    pair: tuple[str, str] | None = None,
    external_id: str = "",
    archived: bool = False,
    created_at: datetime | None = None,
) -> Conversation:
    """Make a conversation that is about to begin."""
    return Conversation(
        id=new_id("cnv", now=now),
        tenant_id=tenant_id,
        kind=kind,
        name=name,
        topic=topic,
        history=history,
        archived=archived,
        created_by=created_by,
        created_at=created_at or now,
        membership_version=FIRST_CHANGE,
        member_count=member_count,
        version=1,
        external_id=external_id,
        pair=pair,
    )


async def write_new(
    store: Store,
    conversation: Conversation,
    roles: dict[str, Role],
    *,
    actor_id: str,
    now: datetime,
    tx: Transaction,
    origin: str = "",
) -> Begun:
    """Write a conversation, its members and the first entry of its log."""
    members = first_members(conversation, roles, now=now)
    change = Change(
        kind=EntryKind.CREATED,
        conversation=conversation,
        members=members,
        entity_id=conversation.id,
        revision=FIRST_CHANGE,
        fact=lambda numbers: created_fact(conversation, members, change_no=numbers.change_no),
        origin=origin,
    )
    document, head = entry_document(change, EMPTY, actor_id=actor_id, now=now)
    await store.entries.insert(document, tx=tx)
    await store.conversations.insert(conversation, members, head, tx=tx)
    return Begun(conversation, head.change_no, head.seq)


def first_members(
    conversation: Conversation, roles: dict[str, Role], *, now: datetime
) -> list[Member]:
    """Make the members that a conversation begins with."""
    return [
        joined(
            None,
            conversation_id=conversation.id,
            person_id=person,
            role=role,
            seq=0,
            version=FIRST_CHANGE,
            at=now,
        )
        for person, role in roles.items()
    ]


async def update_conversation(
    log: Log[Store],
    *,
    actor: Actor,
    conversation_id: str,
    name: str | None,
    topic: str | None,
    archived: bool | None,
    confidential: bool | None,
    history: History | None = None,
    expected_version: int,
    now: datetime,
    request: Request | None = None,
) -> Begun:
    """Change a group's fields: name, topic, archived, confidential (MSG-16), history (MSG-14).

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        NotGroupAdmin: a plain member.
        VersionConflict: it was changed since `expected_version`.
        InvalidArgument: the name is empty, or name or topic too long.
        RequestIdReused: the request id was used for other content.
    """
    name = None if name is None else clean_title(name)
    topic = None if topic is None else clean_topic(topic)

    async def decide(log_state: LogState) -> Change | None:
        require_group_admin(log_state, actor)
        await check_new(log.store, request, now=now)
        current = log_state.conversation
        if expected_version and expected_version != current.version:
            raise VersionConflict(
                expected_version=expected_version, current_version=current.version
            )
        after = replace(
            current,
            name=current.name if name is None else name,
            topic=current.topic if topic is None else topic,
            archived=current.archived if archived is None else archived,
            confidential=current.confidential if confidential is None else confidential,
            history=current.history if history is None else history,
        )
        return (
            None
            if after == current
            else changed(replace(after, version=current.version + 1), current)
        )

    log_state, _ = await apply_once(
        log,
        conversation_id,
        decide,
        request=request,
        answer=lambda _: {"id": conversation_id},
        actor_id=actor.person_id,
        now=now,
    )
    return Begun(log_state.conversation, log_state.head.change_no, log_state.head.seq)


def changed(after: Conversation, previous: Conversation) -> Change:
    """Return the change to other fields of a conversation."""
    is_archived = after.archived and not previous.archived
    make = archived_fact if is_archived else changed_fact

    def fact(numbers: Numbers) -> Message:
        return make(after, change_no=numbers.change_no, seq=numbers.seq)

    return Change(
        kind=EntryKind.ARCHIVED if is_archived else EntryKind.CHANGED,
        conversation=after,
        members=(),
        entity_id=after.id,
        revision=after.version,
        fact=fact,
    )


async def leave_conversation(
    log: Log[Store],
    *,
    actor: Actor,
    conversation_id: str,
    now: datetime,
    request: Request | None = None,
) -> MembershipChanged:
    """Leave a group; the repeat of a request is answered though the caller is no member any more.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        LastOwner: another member must become owner first.
        DirectConversationFixed: see domain.
        RequestIdReused: the request id was used for other content.
    """

    async def decide(log_state: LogState) -> Change | None:
        await check_new(log.store, request, now=now)
        return removed(log_state, [require_member(log_state, actor)], by_themselves=True)

    return await change_membership(
        log, conversation_id, decide, request=request, actor=actor, now=now
    )
