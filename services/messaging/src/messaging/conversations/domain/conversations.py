"""Rules on conversations and their members."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from plexuskit.names import clean_line, clean_name

from messaging.conversations.domain.refusals import (
    DirectConversationFixed,
    GroupTooLarge,
    LastOwner,
    MemberNotFound,
    NotGroupAdmin,
    TooManyStays,
)
from messaging.log.domain.states import Conversation, Kind, Member, Role, Stay

MEMBER_LIMIT = 5_000
NAME_LIMIT = 200
TOPIC_LIMIT = 1_000
# About 50 KB of one member's document, which every read of that member loads.
MAX_STAYS = 500


def clean_title(name: str) -> str:
    """Return the name of a group: 1 to 200 characters on one line, without tricks.

    Raises:
        InvalidArgument: nothing visible is left, or it is longer.
    """
    return clean_name(name, field="name", max_chars=NAME_LIMIT)


def clean_topic(topic: str) -> str:
    """Return a group's topic: at most 1,000 characters on one line, without control characters.

    Raises:
        InvalidArgument: it is longer.
    """
    return clean_line(topic, field="topic", max_chars=TOPIC_LIMIT)


def joined(
    member: Member | None,
    *,
    conversation_id: str,
    person_id: str,
    role: Role,
    seq: int,
    version: int,
    at: datetime,
) -> Member:
    """Begin a stay after message `seq`, under membership version `version`.

    Earlier stays without a message are dropped: nothing was shown to the member in them (MSG-14),
    and no message has them in its audience (MSG-9).

    Raises:
        TooManyStays: 500 others have messages.
    """
    stay = Stay(first_seq=seq + 1, joined_version=version, joined_at=at)
    earlier = tuple(each for each in member.stays if not each.empty) if member else ()
    if len(earlier) >= MAX_STAYS:
        raise TooManyStays(person_id=person_id, conversation_id=conversation_id, limit=MAX_STAYS)
    return Member(
        conversation_id=conversation_id,
        person_id=person_id,
        role=role,
        stays=(*earlier, stay),
        version=version,
    )


def left(member: Member, *, seq: int, version: int) -> Member:
    """End the current stay with message `seq` as the last visible one."""
    closed = replace(member.stays[-1], last_seq=seq, left_version=version)
    return replace(member, stays=(*member.stays[:-1], closed), version=version)


def check_member_count(count: int) -> None:
    """Refuse a group beyond the limit of members.

    Raises:
        GroupTooLarge: more than 5,000 members (SCALE-1).
    """
    if count > MEMBER_LIMIT:
        raise GroupTooLarge(limit=MEMBER_LIMIT)


def check_additions(conversation: Conversation, *, added: int) -> None:
    """Refuse additions to a direct conversation or beyond the limit of members.

    Raises:
        DirectConversationFixed: the conversation belongs to its two people.
        GroupTooLarge: more than 5,000 members (SCALE-1).
    """
    if conversation.kind is Kind.DIRECT:
        raise DirectConversationFixed
    check_member_count(conversation.member_count + added)


def check_removals(
    conversation: Conversation, *, roles: dict[str, Role], removed: Sequence[str]
) -> None:
    """Refuse removals from a direct conversation, or of the last owner while others stay.

    Raises:
        DirectConversationFixed: the conversation belongs to its two people.
        LastOwner: no remaining member is an owner.
    """
    if conversation.kind is Kind.DIRECT:
        raise DirectConversationFixed
    staying = {person: role for person, role in roles.items() if person not in set(removed)}
    if staying and Role.OWNER not in staying.values():
        raise LastOwner(conversation_id=conversation.id)


def roles_after(
    conversation: Conversation,
    members: Mapping[str, Member],
    *,
    actor_id: str,
    person_id: str,
    role: Role,
    transfer: bool,
    active_ids: Collection[str],
) -> dict[str, Role]:
    """Return the roles that change, by person; empty when the role is theirs already.

    Administrators give roles up to their own to members who have none above it. Where no owner is
    active any more, the highest active role counts as an owner's, so that no group is left without
    one.

    Args:
        conversation: a group.
        members: present members, by person.
        actor_id: the member who changes it.
        person_id: the member whose role it is.
        role: the new one.
        transfer: whether the actor becomes an administrator when the other one becomes owner.
        active_ids: members who can sign in.

    Raises:
        DirectConversationFixed: a direct conversation has no roles.
        MemberNotFound: the person is no member.
        NotGroupAdmin: the actor is a plain member, or one of the roles is above the actor's own.
        LastOwner: the group would have no owner.
    """
    if conversation.kind is Kind.DIRECT:
        raise DirectConversationFixed
    target = members.get(person_id)
    if target is None:
        raise MemberNotFound(person_id=person_id, conversation_id=conversation.id)
    own = _authority(members, actor_id=actor_id, active_ids=active_ids)
    if own < Role.ADMIN or role > own or target.role > own:
        raise NotGroupAdmin(conversation_id=conversation.id)
    wanted = {person_id: role}
    hands_over = transfer and role is Role.OWNER and actor_id != person_id
    if hands_over and members[actor_id].role is Role.OWNER:
        wanted[actor_id] = Role.ADMIN
    after = {person: member.role for person, member in members.items()} | wanted
    if Role.OWNER not in after.values():
        raise LastOwner(conversation_id=conversation.id)
    return {person: new for person, new in wanted.items() if members[person].role is not new}


def _authority(
    members: Mapping[str, Member], *, actor_id: str, active_ids: Collection[str]
) -> Role:
    """Return the role that counts for a member who changes roles."""
    role = members[actor_id].role
    highest = max(
        (members[person].role for person in active_ids if person in members), default=role
    )
    return Role.OWNER if role is highest else role
