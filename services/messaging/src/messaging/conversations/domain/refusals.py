"""Refusals about conversations and their members."""

from plexuskit.errors import Kind, Refusal


class PersonNotFound(Refusal):
    """A person named in the request is not in the directory."""

    kind = Kind.NOT_FOUND
    text = "Nobody has the id {person_id}; look people up first."


class ConversationIsArchived(Refusal):
    """An archived conversation accepts no more messages."""

    kind = Kind.FAILED_PRECONDITION
    reason = "CONVERSATION_ARCHIVED"
    text = "The conversation {conversation_id} is archived; unarchive it to write in it."


class DepartmentNotFound(Refusal):
    """MSG-13: an addressed department is not in the tenant, or not known here yet."""

    kind = Kind.NOT_FOUND
    text = "There is no department {department_id}; look the tree up first."


class DirectConversationFixed(Refusal):
    """A direct conversation always has the same two people."""

    kind = Kind.FAILED_PRECONDITION
    text = "A direct conversation keeps its two people; create a group instead."


class NotGroupAdmin(Refusal):
    """Changing a group or its members takes an owner or administrator of it."""

    kind = Kind.PERMISSION_DENIED
    text = "Only owners and administrators of {conversation_id} may do this."


class MemberNotFound(Refusal):
    """A role is a member's."""

    kind = Kind.NOT_FOUND
    text = "{person_id} is not a member of {conversation_id}; add them first."


class LastOwner(Refusal):
    """A group keeps at least one owner while it has members."""

    kind = Kind.FAILED_PRECONDITION
    text = "Make somebody else owner of {conversation_id} first."


class GroupTooLarge(Refusal):
    """SCALE-1: a group has at most 5,000 members."""

    kind = Kind.FAILED_PRECONDITION
    text = "A group has at most {limit} members."


class TooManyStays(Refusal):
    """A person has left a group and come back too often to be added again."""

    kind = Kind.FAILED_PRECONDITION
    text = "{person_id} has been in {conversation_id} {limit} times; create another group."


class PersonDeactivated(Refusal):
    """MSG-17: a deactivated person cannot send."""

    kind = Kind.PERMISSION_DENIED
    text = "{person_id} is deactivated."
