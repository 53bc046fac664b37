"""Everything messaging refuses, by name."""

from plexuskit.errors import Kind, Refusal


class ConversationNotFound(Refusal):
    """No such conversation, or it is not the caller's: the same answer for both (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no conversation {conversation_id} that you are a member of."


class MessageNotFound(Refusal):
    """No such message, or the caller may not see it (GW-2, MSG-14)."""

    kind = Kind.NOT_FOUND
    text = "There is no such message in {conversation_id} that you may read."


class PersonNotFound(Refusal):
    """Somebody named in the request is not in the directory."""

    kind = Kind.NOT_FOUND
    text = "Nobody has the id {person_id}; look people up first."


class ConversationIsArchived(Refusal):
    """Nothing more can be said in an archived conversation."""

    kind = Kind.FAILED_PRECONDITION
    reason = "CONVERSATION_ARCHIVED"
    text = "The conversation {conversation_id} is archived; unarchive it to write in it."


class TextTooLong(Refusal):
    """MSG-18: at most 150 KB of UTF-8."""

    kind = Kind.INVALID
    text = "The text has {bytes} bytes; at most {limit} fit. Attach it as a file instead."


class MessageEmpty(Refusal):
    """A message needs words or an attachment."""

    kind = Kind.INVALID
    text = "Write something or attach a file."


class RequestIdReused(Refusal):
    """MSG-3: the same request id with other content."""

    kind = Kind.ALREADY_EXISTS
    text = "Request id {request_id} was used for other content; take a new id for a new message."


class TooManyMentions(Refusal):
    """MSG-13: at most 200 named people."""

    kind = Kind.INVALID
    text = "{count} people are mentioned; at most {limit} can be named. Use @all instead."


class MentionAllDenied(Refusal):
    """MSG-13: addressing everybody needs the right to."""

    kind = Kind.PERMISSION_DENIED
    text = "Only owners and administrators of {conversation_id} may mention everybody."


class MentionDepartmentDenied(Refusal):
    """MSG-13: addressing a whole department needs the right to."""

    kind = Kind.PERMISSION_DENIED
    text = "Only owners and administrators of {conversation_id} may mention departments."


class RootNotFound(Refusal):
    """MSG-15: the message answered to is not there or not visible."""

    kind = Kind.NOT_FOUND
    text = "There is no message {seq} to reply to."


class CursorBeyondEnd(Refusal):
    """MSG-7: one cannot have read what is not said yet."""

    kind = Kind.INVALID
    text = "The last message is {last_seq}; {through_seq} lies beyond it."


class DirectConversationFixed(Refusal):
    """A direct conversation has its two people for ever."""

    kind = Kind.FAILED_PRECONDITION
    text = "A direct conversation keeps its two people; create a group instead."


class NotGroupAdmin(Refusal):
    """Changing a group or its members takes an owner or administrator of it."""

    kind = Kind.PERMISSION_DENIED
    text = "Only owners and administrators of {conversation_id} may do this."


class LastOwner(Refusal):
    """A group keeps at least one owner while it has members."""

    kind = Kind.FAILED_PRECONDITION
    text = "Make somebody else owner of {conversation_id} first."


class GroupTooLarge(Refusal):
    """SCALE-1: a group has at most 5,000 members."""

    kind = Kind.FAILED_PRECONDITION
    text = "A group has at most {limit} members."


class ImportDenied(Refusal):
    """MSG-19: history is brought in by administrators only."""

    kind = Kind.PERMISSION_DENIED
    text = "Only administrators of the tenant may import history."
