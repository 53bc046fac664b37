"""States and reasons of a delivery in the audience ledger."""

import enum


class State(enum.StrEnum):
    """State of a delivery; PENDING and DEFERRED are still to be tried."""

    PENDING = "pending"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    DROPPED = "dropped"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """Return whether it is still to be tried."""
        return self in {State.PENDING, State.DEFERRED}


class Reason(enum.StrEnum):
    """Reason for a delivery's state (NTF-1); every state has one."""

    # In-app: stored is delivered, the badge follows by the event.
    STORED = "STORED"
    # E-mail that is still to be sent.
    QUEUED = "QUEUED"
    QUIET_HOURS = "QUIET_HOURS"
    # Tried, and to be tried again.
    SMTP_UNREACHABLE = "SMTP_UNREACHABLE"
    SMTP_BUSY = "SMTP_BUSY"
    # The connection ended before the server confirmed or refused the mail.
    SMTP_UNANSWERED = "SMTP_UNANSWERED"
    OWNER_UNREACHABLE = "OWNER_UNREACHABLE"
    # Ends.
    ACCEPTED_BY_SERVER = "ACCEPTED_BY_SERVER"
    SMTP_REFUSED = "SMTP_REFUSED"
    ADDRESS_INVALID = "ADDRESS_INVALID"
    SENDER = "SENDER"
    # The sender suppressed notifications (NTF-11).
    SENT_SILENTLY = "SENT_SILENTLY"
    PERSON_DEACTIVATED = "PERSON_DEACTIVATED"
    PREFERENCE_OFF = "PREFERENCE_OFF"
    CONVERSATION_MUTED = "CONVERSATION_MUTED"
    NO_ADDRESS = "NO_ADDRESS"
    ALREADY_READ = "ALREADY_READ"
    ACCESS_LOST = "ACCESS_LOST"
    RECALLED = "RECALLED"
    MENTION_REMOVED = "MENTION_REMOVED"
    TASK_CLOSED = "TASK_CLOSED"
    DUE_CHANGED = "DUE_CHANGED"
