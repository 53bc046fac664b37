"""Refusals about drafts and scheduled messages."""

from plexuskit.errors import Kind, Refusal


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
    """MSG-17: the time is too far ahead."""

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
    """MSG-17: messages scheduled with an API token are not sent after its end."""

    kind = Kind.PERMISSION_DENIED
    text = "The API token that scheduled this message was revoked or has expired."
