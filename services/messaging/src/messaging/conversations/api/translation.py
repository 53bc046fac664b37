"""Enumerations of conversations and members, read from requests."""

from plexus.messaging.v1 import (
    conversations_pb2,
)
from plexuskit.errors import InvalidArgument

from messaging.log.domain.states import History, Kind, Role

_HISTORIES = {
    conversations_pb2.Conversation.HISTORY_UNSPECIFIED: History.SINCE_JOIN,
    conversations_pb2.Conversation.HISTORY_SINCE_JOIN: History.SINCE_JOIN,
    conversations_pb2.Conversation.HISTORY_ALL: History.ALL,
}

_ROLES = {
    conversations_pb2.Member.ROLE_UNSPECIFIED: Role.MEMBER,
    conversations_pb2.Member.ROLE_MEMBER: Role.MEMBER,
    conversations_pb2.Member.ROLE_ADMIN: Role.ADMIN,
    conversations_pb2.Member.ROLE_OWNER: Role.OWNER,
}

_KINDS = {
    conversations_pb2.Conversation.KIND_DIRECT: Kind.DIRECT,
    conversations_pb2.Conversation.KIND_GROUP: Kind.GROUP,
}


def kind_of(number: conversations_pb2.Conversation.Kind.ValueType) -> Kind:
    """Read the kind of a conversation.

    Raises:
        InvalidArgument: neither direct nor group.
    """
    if number not in _KINDS:
        raise InvalidArgument(field="kind", problem="must be direct or group")
    return _KINDS[number]


def history_of(number: conversations_pb2.Conversation.History.ValueType) -> History:
    """Read the history policy; unspecified: since joining."""
    if number not in _HISTORIES:
        raise InvalidArgument(field="history", problem="is not a known policy")
    return _HISTORIES[number]


def role_of(number: conversations_pb2.Member.Role.ValueType) -> Role:
    """Read a role; unspecified: member."""
    if number not in _ROLES:
        raise InvalidArgument(field="role", problem="is not a known role")
    return _ROLES[number]
