"""Conversations and members as messages of the contract, and their facts."""

from collections.abc import Iterable

from plexus.authz.v1.authority_pb2 import Interval
from plexus.messaging.v1 import (
    conversations_pb2,
    events_pb2,
)
from plexuskit.timestamps import timestamp

from messaging.log.domain.states import Conversation, History, Kind, Member, Role

_KINDS = {
    Kind.DIRECT: conversations_pb2.Conversation.KIND_DIRECT,
    Kind.GROUP: conversations_pb2.Conversation.KIND_GROUP,
}

_HISTORIES = {
    History.SINCE_JOIN: conversations_pb2.Conversation.HISTORY_SINCE_JOIN,
    History.ALL: conversations_pb2.Conversation.HISTORY_ALL,
}

_ROLES = {
    Role.MEMBER: conversations_pb2.Member.ROLE_MEMBER,
    Role.ADMIN: conversations_pb2.Member.ROLE_ADMIN,
    Role.OWNER: conversations_pb2.Member.ROLE_OWNER,
}


def conversation_to_proto(
    conversation: Conversation, *, change_no: int, seq: int
) -> conversations_pb2.Conversation:
    """Return a conversation as protobuf, with the numbers of its log."""
    return conversations_pb2.Conversation(
        id=conversation.id,
        tenant_id=conversation.tenant_id,
        kind=_KINDS[conversation.kind],
        name=conversation.name,
        topic=conversation.topic,
        history=_HISTORIES[conversation.history],
        archived=conversation.archived,
        created_by=conversation.created_by,
        created_at=timestamp(conversation.created_at),
        change_no=change_no,
        last_seq=seq,
        membership_version=conversation.membership_version,
        member_count=conversation.member_count,
        version=conversation.version,
        external_id=conversation.external_id,
        confidential=conversation.confidential,
    )


def member_to_proto(member: Member) -> conversations_pb2.Member:
    """Return a member as protobuf, with an interval for every stay that is not empty."""
    intervals = [
        Interval(first_seq=stay.first_seq, last_seq=stay.last_seq if stay.left_version else 0)
        for stay in member.stays
        if not stay.empty
    ]
    return conversations_pb2.Member(
        conversation_id=member.conversation_id,
        person_id=member.person_id,
        role=_ROLES[member.role],
        active=member.active,
        intervals=intervals,
        version=member.version,
        joined_at=timestamp(member.stays[-1].joined_at),
    )


def created(
    conversation: Conversation, members: Iterable[Member], *, change_no: int
) -> events_pb2.ConversationCreated:
    """A conversation began."""
    return events_pb2.ConversationCreated(
        conversation=conversation_to_proto(conversation, change_no=change_no, seq=0),
        members=[member_to_proto(member) for member in members],
    )


def changed(
    conversation: Conversation, *, change_no: int, seq: int
) -> events_pb2.ConversationChanged:
    """Return the fact that name, topic or policy changed, or that it was unarchived."""
    return events_pb2.ConversationChanged(
        conversation=conversation_to_proto(conversation, change_no=change_no, seq=seq)
    )


def archived(
    conversation: Conversation, *, change_no: int, seq: int
) -> events_pb2.ConversationArchived:
    """Return the fact that the conversation was archived."""
    return events_pb2.ConversationArchived(
        conversation=conversation_to_proto(conversation, change_no=change_no, seq=seq)
    )


def members_added(members: Iterable[Member], *, version: int) -> events_pb2.MembersAdded:
    """People joined."""
    return events_pb2.MembersAdded(
        members=[member_to_proto(member) for member in members], membership_version=version
    )


def members_removed(
    members: Iterable[Member], *, version: int, by_themselves: bool
) -> events_pb2.MembersRemoved:
    """People left or were removed."""
    return events_pb2.MembersRemoved(
        members=[member_to_proto(member) for member in members],
        membership_version=version,
        left=by_themselves,
    )
