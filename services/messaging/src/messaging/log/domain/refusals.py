"""Refusals of the conversation log."""

from plexuskit.errors import Kind, Refusal


class ConversationNotFound(Refusal):
    """No such conversation, or it is not the caller's: the same answer for both (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no conversation {conversation_id} that you are a member of."


class RequestIdReused(Refusal):
    """MSG-3: the same request id with other content."""

    kind = Kind.ALREADY_EXISTS
    text = "Request id {request_id} was used for other content; take a new id for a new message."


class AnchorsDenied(Refusal):
    """MSG-20: links of conversations in which the caller is not a member are a privileged read."""

    kind = Kind.PERMISSION_DENIED
    text = "Only who holds conversations.export_anchors may export anchors."


class SenderTooFast(Refusal):
    """MSG-18: one sender's messages come too fast."""

    kind = Kind.EXHAUSTED
    text = "You send more than {per_second} messages a second; wait a moment."


class ConversationTooBusy(Refusal):
    """MSG-18: one conversation's messages come too fast."""

    kind = Kind.EXHAUSTED
    text = "More than {per_second} messages a second are sent to this conversation; wait a moment."
