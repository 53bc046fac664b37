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
    """MSG-13: addressing a department needs the right to, as addressing everybody does."""

    kind = Kind.PERMISSION_DENIED
    text = "Only owners and administrators of {conversation_id} may mention a department."


class DepartmentNotFound(Refusal):
    """MSG-13: an addressed department is not in the tenant, or not known here yet."""

    kind = Kind.NOT_FOUND
    text = "There is no department {department_id}; look the tree up first."


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


class MessageTooLarge(Refusal):
    """MSG-21: what a message is made of, counted together, as its fact is stored."""

    kind = Kind.INVALID
    text = (
        "The message takes {bytes} bytes with its links, mentions and attachments; at most {limit} "
        "fit. Leave some of them out or send several messages."
    )


class FactTooLarge(Refusal):
    """MSG-21: a change of a conversation, as its fact is stored."""

    kind = Kind.INVALID
    text = "This change takes {bytes} bytes, and at most {limit} fit; make several smaller changes."


class GroupTooLarge(Refusal):
    """SCALE-1: a group has at most 5,000 members."""

    kind = Kind.FAILED_PRECONDITION
    text = "A group has at most {limit} members."


class ImportClosed(Refusal):
    """GW-11: people use the conversation, or its import was finished."""

    kind = Kind.FAILED_PRECONDITION
    text = (
        "People use the conversation {conversation_id}, or its import was finished, so nothing more"
        " is imported into it."
    )


class SenderUnknown(Refusal):
    """GW-11: the sender of an imported message is nobody of the tenant."""

    kind = Kind.FAILED_PRECONDITION
    text = "{person_id} is nobody of this company: import the person first."


class ImportDenied(Refusal):
    """MSG-19: history is brought in by administrators only."""

    kind = Kind.PERMISSION_DENIED
    text = "Only administrators of the tenant may import history."


class AnchorsDenied(Refusal):
    """MSG-20: links of conversations that one is no member of are a privileged read."""

    kind = Kind.PERMISSION_DENIED
    text = "Only who holds conversations.export_anchors may export anchors."


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
    """MSG-16: so many are kept on one message."""

    kind = Kind.FAILED_PRECONDITION
    text = "A message takes at most {limit} of them."


class TooManyPins(Refusal):
    """A conversation keeps so many messages in view."""

    kind = Kind.FAILED_PRECONDITION
    text = "{limit} messages are pinned; take one off first."


class TooManyLabels(Refusal):
    """A message takes so many labels."""

    kind = Kind.FAILED_PRECONDITION
    text = "A message takes at most {limit} labels; take one off first."


class ConversationIsConfidential(Refusal):
    """MSG-16: nothing is forwarded out of a confidential conversation."""

    kind = Kind.FAILED_PRECONDITION
    text = "What is said in {conversation_id} is confidential and cannot be forwarded."


class ForwardNested(Refusal):
    """MSG-16: a merged forward holds no merged forward."""

    kind = Kind.FAILED_PRECONDITION
    text = "Message {seq} holds forwarded messages itself; forward it alone."


class PolicyDenied(Refusal):
    """MSG-10: what the tenant allows is its administrators' to set."""

    kind = Kind.PERMISSION_DENIED
    text = "Only administrators of the tenant may change what it allows."


class ReceiptsAreOff(Refusal):
    """MSG-10: the tenant shows nobody who has read."""

    kind = Kind.FAILED_PRECONDITION
    text = "Your company does not show who has read messages."


class VerificationUnderWay(Refusal):
    """GW-13: verifying reads very much, so each person has one such call at a time."""

    kind = Kind.EXHAUSTED
    text = "Another verification is under way, yours or several others'; try again in a moment."


class SenderTooFast(Refusal):
    """MSG-18: one sender's messages come too fast."""

    kind = Kind.EXHAUSTED
    text = "You send more than {per_second} messages a second; wait a moment."


class ConversationTooBusy(Refusal):
    """MSG-18: one conversation's messages come too fast."""

    kind = Kind.EXHAUSTED
    text = "More than {per_second} messages a second are sent to this conversation; wait a moment."


class TooManyDrafts(Refusal):
    """MSG-18: a person has at most 1,000 drafts."""

    kind = Kind.FAILED_PRECONDITION
    text = "You have {limit} drafts already; send or delete some first."


class TooManyScheduled(Refusal):
    """MSG-18: at most 500 scheduled messages of a person wait."""

    kind = Kind.FAILED_PRECONDITION
    text = "{limit} messages of yours are scheduled already; cancel some first."


class ScheduleInThePast(Refusal):
    """MSG-17: the time is over, or so near that the message could as well be sent now."""

    kind = Kind.INVALID
    text = "Choose a time at least {seconds} seconds from now, or send the message at once."


class ScheduleTooFar(Refusal):
    """MSG-17: nobody knows today what is to be said then."""

    kind = Kind.INVALID
    text = "Choose a time within the next {days} days."


class ScheduledMessageNotFound(Refusal):
    """No such scheduled message, or it is not the caller's (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "You have no scheduled message {id}."


class ScheduledMessageClaimed(Refusal):
    """MSG-17: it is being sent, so it cannot be changed any more."""

    kind = Kind.FAILED_PRECONDITION
    text = "The message {id} is being sent at this moment; edit or recall it once it is there."


class ScheduledMessageEnded(Refusal):
    """MSG-17: it was sent or cancelled."""

    kind = Kind.FAILED_PRECONDITION
    text = "The scheduled message {id} is {state} already; schedule a new one."


class TokenRevoked(Refusal):
    """MSG-17: what an API token has scheduled is not sent after its end."""

    kind = Kind.PERMISSION_DENIED
    text = "The API token that scheduled this message was revoked or has expired."


class PersonDeactivated(Refusal):
    """MSG-17: who may not sign in any more says nothing more either."""

    kind = Kind.PERMISSION_DENIED
    text = "{person_id} is deactivated."
