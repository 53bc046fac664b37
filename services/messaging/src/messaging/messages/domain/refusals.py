"""Refusals about messages and the policy of the tenant."""

from plexuskit.errors import Kind, Refusal


class MessageNotFound(Refusal):
    """No such message, or the caller may not see it (GW-2, MSG-14)."""

    kind = Kind.NOT_FOUND
    text = "There is no such message in {conversation_id} that you may read."


class TextTooLong(Refusal):
    """MSG-18: at most 150 KB of UTF-8."""

    kind = Kind.INVALID
    text = "The text has {bytes} bytes; at most {limit} fit. Attach it as a file instead."


class MessageEmpty(Refusal):
    """A message needs words or an attachment."""

    kind = Kind.INVALID
    text = "Write something or attach a file."


class TooManyMentions(Refusal):
    """MSG-13: at most 200 named people."""

    kind = Kind.INVALID
    text = "{count} people are mentioned; at most {limit} can be named. Use @all instead."


class MentionAllDenied(Refusal):
    """MSG-13: mentioning all members needs the permission for it."""

    kind = Kind.PERMISSION_DENIED
    text = "Only owners and administrators of {conversation_id} may mention everybody."


class MentionDepartmentDenied(Refusal):
    """MSG-13: mentioning a department needs the same permission as mentioning all members."""

    kind = Kind.PERMISSION_DENIED
    text = "Only owners and administrators of {conversation_id} may mention a department."


class RootNotFound(Refusal):
    """MSG-15: the message answered to is not there or not visible."""

    kind = Kind.NOT_FOUND
    text = "There is no message {seq} to reply to."


class QuotedNotFound(Refusal):
    """The message to quote is not there or not visible (MSG-14)."""

    kind = Kind.NOT_FOUND
    text = "There is no message {seq} to quote."


class NotYourMessage(Refusal):
    """MSG-11, MSG-12: another's words are another's."""

    kind = Kind.PERMISSION_DENIED
    text = "Message {seq} is not yours; its sender or an administrator of the group may do this."


class MessageIsRecalled(Refusal):
    """MSG-12: after a recall there is nothing to change."""

    kind = Kind.FAILED_PRECONDITION
    text = "Message {seq} was recalled."


class EditWindowClosed(Refusal):
    """MSG-11: the tenant allows edits for a time only."""

    kind = Kind.FAILED_PRECONDITION
    text = "Messages can be edited for {window_seconds} s; write a new one."


class RecallWindowClosed(Refusal):
    """MSG-12: the tenant allows recalls for a time only."""

    kind = Kind.FAILED_PRECONDITION
    text = "Messages can be recalled for {window_seconds} s; ask an administrator of the group."


class TooManyEdits(Refusal):
    """MSG-11: at most 20 versions."""

    kind = Kind.FAILED_PRECONDITION
    text = "A message can be edited {limit} times; write a new one."


class TooManyReactions(Refusal):
    """MSG-16: the message has the maximum number of reactions."""

    kind = Kind.FAILED_PRECONDITION
    text = "A message takes at most {limit} of them."


class TooManyPins(Refusal):
    """The conversation has the maximum number of pinned messages."""

    kind = Kind.FAILED_PRECONDITION
    text = "{limit} messages are pinned; take one off first."


class TooManyLabels(Refusal):
    """The message has the maximum number of labels."""

    kind = Kind.FAILED_PRECONDITION
    text = "A message takes at most {limit} labels; take one off first."


class ConversationIsConfidential(Refusal):
    """MSG-16: nothing is forwarded out of a confidential conversation."""

    kind = Kind.FAILED_PRECONDITION
    text = "What is said in {conversation_id} is confidential and cannot be forwarded."


class ForwardNested(Refusal):
    """MSG-16: a merged forward cannot contain a merged forward."""

    kind = Kind.FAILED_PRECONDITION
    text = "Message {seq} holds forwarded messages itself; forward it alone."


class PolicyDenied(Refusal):
    """MSG-10: only administrators set the tenant's message policy."""

    kind = Kind.PERMISSION_DENIED
    text = "Only administrators of the tenant may change what it allows."


class VerificationUnderWay(Refusal):
    """GW-13: verifying reads very much, so each person has one such call at a time."""

    kind = Kind.EXHAUSTED
    text = "Another verification is under way, yours or several others'; try again in a moment."
