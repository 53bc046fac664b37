"""Members: add and remove them, change their roles (MSG-14)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from plexuskit.grpc import Actor
from plexuskit.request_ids import Answer, Request

from messaging.conversations.domain.conversations import (
    check_additions,
    check_removals,
    joined,
    left,
    roles_after,
)
from messaging.conversations.domain.refusals import DirectConversationFixed, NotGroupAdmin
from messaging.conversations.events.conversations import members_added, members_removed
from messaging.conversations.operations.people import People, require_people
from messaging.conversations.operations.repeats import apply_once, check_new
from messaging.conversations.store.stores import Store
from messaging.log.domain.entries import EntryKind, LogState
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import Conversation, Kind, Member, Role
from messaging.log.operations.changes import Change
from messaging.log.operations.logs import Log


@dataclass(frozen=True, slots=True)
class MembershipChanged:
    """The conversation after the change, its last numbers, and the affected members.

    Attributes:
        members: those of `person_ids` who are members after it.
    """

    conversation: Conversation
    change_no: int
    seq: int
    person_ids: tuple[str, ...]
    members: tuple[Member, ...]


async def add_members(
    log: Log[Store],
    people: People,
    *,
    actor: Actor,
    conversation_id: str,
    person_ids: Sequence[str],
    role: Role,
    now: datetime,
    request: Request | None = None,
) -> MembershipChanged:
    """Add people to a group; existing members stay unchanged, also when a request is repeated.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        DirectConversationFixed: a direct conversation keeps its two people.
        NotGroupAdmin: giving a role above one's own.
        PersonNotFound: a person is not in the directory.
        GroupTooLarge: more than 5,000 members.
        TooManyStays: a person has been a member 500 times.
        RequestIdReused: the request id was used for other content.
    """
    wanted = tuple(dict.fromkeys(person_ids))
    log_state = await log.state(conversation_id)
    require_member(log_state, actor)
    if await log.store.requests.answer(request, now=now) is None:
        await require_people(people, actor, wanted)

    async def decide(log_state: LogState) -> Change | None:
        me = require_member(log_state, actor)
        await check_new(log.store, request, now=now)
        if role > me.role:
            raise NotGroupAdmin(conversation_id=conversation_id)
        new = [person for person in wanted if person not in log_state.members]
        check_additions(log_state.conversation, added=len(new))
        if not new:
            return None
        earlier = await log.store.conversations.members(conversation_id, person_ids=new)
        known = {member.person_id: member for member in earlier}
        return added(log_state, new, known=known, role=role, now=now)

    return await change_membership(
        log, conversation_id, decide, request=request, actor=actor, now=now
    )


async def remove_members(
    log: Log[Store],
    *,
    actor: Actor,
    conversation_id: str,
    person_ids: Sequence[str],
    now: datetime,
    request: Request | None = None,
) -> MembershipChanged:
    """Remove people from a group; ids of non-members are ignored.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        NotGroupAdmin: the caller is a plain member, or removes a member with a higher role.
        LastOwner, DirectConversationFixed: see domain.
        RequestIdReused: the request id was used for other content.
    """
    wanted = tuple(dict.fromkeys(person_ids))

    async def decide(log_state: LogState) -> Change | None:
        me = require_member(log_state, actor)
        await check_new(log.store, request, now=now)
        if log_state.conversation.kind is Kind.DIRECT:
            raise DirectConversationFixed
        found = [log_state.members[person] for person in wanted if person in log_state.members]
        if me.role < Role.ADMIN or any(member.role > me.role for member in found):
            raise NotGroupAdmin(conversation_id=conversation_id)
        return removed(log_state, found, by_themselves=False)

    return await change_membership(
        log, conversation_id, decide, request=request, actor=actor, now=now
    )


async def change_member_role(
    log: Log[Store],
    *,
    actor: Actor,
    conversation_id: str,
    person_id: str,
    role: Role,
    transfer: bool,
    now: datetime,
    request: Request | None = None,
) -> MembershipChanged:
    """Change what a member may do; with `transfer` the caller hands the group over.

    A repeat of the request is answered anew.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        DirectConversationFixed, MemberNotFound, NotGroupAdmin, LastOwner: see domain.
    """

    async def decide(log_state: LogState) -> Change | None:
        require_member(log_state, actor)
        await check_new(log.store, request, now=now)
        roles = roles_after(
            log_state.conversation,
            log_state.members,
            actor_id=actor.person_id,
            person_id=person_id,
            role=role,
            transfer=transfer,
            active_ids=await _active(log.store, log_state.members),
        )
        return _with_roles(log_state, roles) if roles else None

    return await change_membership(
        log, conversation_id, decide, request=request, actor=actor, now=now
    )


async def _active(store: Store, members: Mapping[str, Member]) -> set[str]:
    """Return the owners and administrators who can sign in; without them, plain members."""
    leading = {person for person, member in members.items() if member.role >= Role.ADMIN}
    known = await store.people.find(leading)
    active = {person for person in leading if person not in known or known[person].active}
    return active or members.keys() - leading


def _with_roles(log_state: LogState, roles: Mapping[str, Role]) -> Change:
    """Decide on other roles: an entry of its own in the membership."""
    version = log_state.head.change_no + 1
    members = [
        replace(log_state.members[person], role=role, version=version)
        for person, role in sorted(roles.items())
    ]
    conversation = replace(log_state.conversation, membership_version=version)
    return Change(
        kind=EntryKind.MEMBERS_ADDED,
        conversation=conversation,
        members=members,
        entity_id=conversation.id,
        revision=version,
        fact=lambda _: members_added(members, version=version),
    )


def require_member(log_state: LogState, actor: Actor) -> Member:
    """Return the caller's membership.

    Raises:
        ConversationNotFound: there is none, or the conversation is another tenant's (GW-2).
    """
    member = log_state.members.get(actor.person_id)
    if member is None or log_state.conversation.tenant_id != actor.tenant_id:
        raise ConversationNotFound(conversation_id=log_state.conversation.id)
    return member


async def require_membership(
    store: Store, *, actor: Actor, conversation_id: str
) -> tuple[Conversation, Member]:
    """Read the conversation and the caller's membership from the store.

    Raises:
        ConversationNotFound: there is none, or the conversation is another tenant's (GW-2).
    """
    member = await store.conversations.member(conversation_id, actor.person_id)
    if member is not None and member.active:
        conversation = await store.conversations.find(conversation_id)
        if conversation is not None and conversation.tenant_id == actor.tenant_id:
            return conversation, member
    raise ConversationNotFound(conversation_id=conversation_id)


def require_group_admin(log_state: LogState, actor: Actor) -> Member:
    """Return the caller's membership if it may manage the group.

    Both members may manage a direct conversation.

    Raises:
        ConversationNotFound: the caller is no member.
        NotGroupAdmin: a plain member.
    """
    member = require_member(log_state, actor)
    if log_state.conversation.kind is Kind.GROUP and member.role < Role.ADMIN:
        raise NotGroupAdmin(conversation_id=log_state.conversation.id)
    return member


def added(
    log_state: LogState,
    new: Sequence[str],
    *,
    known: Mapping[str, Member],
    role: Role,
    now: datetime,
    origin: str = "",
) -> Change:
    """Decide an addition: new stays begin after the last message."""
    version = log_state.head.change_no + 1
    members = [
        joined(
            known.get(person),
            conversation_id=log_state.conversation.id,
            person_id=person,
            role=role,
            seq=log_state.head.seq,
            version=version,
            at=now,
        )
        for person in new
    ]
    conversation = replace(
        log_state.conversation,
        membership_version=version,
        member_count=log_state.conversation.member_count + len(new),
    )
    return Change(
        kind=EntryKind.MEMBERS_ADDED,
        conversation=conversation,
        members=members,
        entity_id=conversation.id,
        revision=version,
        fact=lambda _: members_added(members, version=version),
        origin=origin,
    )


def removed(log_state: LogState, found: Sequence[Member], *, by_themselves: bool) -> Change | None:
    """Decide a removal: the last message so far is the last one the removed members can see.

    None if no member is affected.
    """
    if not found:
        return None
    gone = [member.person_id for member in found]
    roles = {person: member.role for person, member in log_state.members.items()}
    check_removals(log_state.conversation, roles=roles, removed=gone)
    version = log_state.head.change_no + 1
    members = [left(member, seq=log_state.head.seq, version=version) for member in found]
    conversation = replace(
        log_state.conversation,
        membership_version=version,
        member_count=log_state.conversation.member_count - len(gone),
    )
    return Change(
        kind=EntryKind.MEMBERS_REMOVED,
        conversation=conversation,
        members=members,
        entity_id=conversation.id,
        revision=version,
        fact=lambda _: members_removed(members, version=version, by_themselves=by_themselves),
    )


async def change_membership(
    log: Log[Store],
    conversation_id: str,
    decide: Callable[[LogState], Awaitable[Change | None]],
    *,
    request: Request | None,
    actor: Actor,
    now: datetime,
) -> MembershipChanged:
    """Write a decided change of membership once, and record the request with it."""

    def answer(change: Change | None) -> Answer:
        touched = [] if change is None else [member.person_id for member in change.members]
        return {"id": conversation_id, "person_ids": touched}

    after, answered = await apply_once(
        log,
        conversation_id,
        decide,
        request=request,
        answer=answer,
        actor_id=actor.person_id,
        now=now,
    )
    head, person_ids = after.head, tuple(answered["person_ids"])
    members = tuple(after.members[person] for person in person_ids if person in after.members)
    return MembershipChanged(after.conversation, head.change_no, head.seq, person_ids, members)
