"""Outcome of an attempt to hand a mail to the server (NTF-2, NTF-8)."""

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from plexuskit.backoff import doubled
from plexuskit.clock import to_milliseconds

from notify.domain.notifications import Delivery
from notify.domain.outcomes import Reason, State
from notify.domain.pipeline import share


class Answer(enum.Enum):
    """Response of the mail server, as far as it is known."""

    ACCEPTED = "accepted"
    # Permanent: 5xx, or an address that cannot be written down.
    REFUSED = "refused"
    MALFORMED = "malformed"
    # To be tried again: 4xx, no connection, and a connection that ended without an answer.
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    UNANSWERED = "unanswered"
    # Not the mail server: the text's owner could not confirm that it may still be read.
    OWNER_UNREACHABLE = "owner_unreachable"


_ENDS = {
    Answer.ACCEPTED: (State.DELIVERED, Reason.ACCEPTED_BY_SERVER),
    Answer.REFUSED: (State.FAILED, Reason.SMTP_REFUSED),
    Answer.MALFORMED: (State.FAILED, Reason.ADDRESS_INVALID),
}
_RETRIES = {
    Answer.BUSY: Reason.SMTP_BUSY,
    Answer.UNREACHABLE: Reason.SMTP_UNREACHABLE,
    Answer.UNANSWERED: Reason.SMTP_UNANSWERED,
    Answer.OWNER_UNREACHABLE: Reason.OWNER_UNREACHABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Pauses double from `first` to `max_pause`; no attempt begins after `give_up_after`."""

    first: timedelta
    max_pause: timedelta
    give_up_after: timedelta


def settled(delivery: Delivery, answer: Answer, *, policy: RetryPolicy, now: datetime) -> Delivery:
    """Return a claimed delivery after an attempt: at its end, or due again after a pause."""
    free = replace(delivery, at=now, lease="", next_attempt_at=None)
    if answer in _ENDS:
        state, reason = _ENDS[answer]
        return replace(free, state=state, reason=reason)

    reason = _RETRIES[answer]
    pause = retry_pause(delivery, policy=policy)
    if now + pause - (delivery.first_attempt_at or now) > policy.give_up_after:
        return replace(free, state=State.FAILED, reason=reason)
    return replace(
        free, state=State.PENDING, reason=reason, next_attempt_at=to_milliseconds(now + pause)
    )


def retry_pause(delivery: Delivery, *, policy: RetryPolicy) -> timedelta:
    """Return the pause after the last attempt: half to all of the doubled pause."""
    whole = doubled(max(delivery.attempts - 1, 0), (policy.first, policy.max_pause))
    jittered: timedelta = whole * (0.5 + share(f"{delivery.id}:{delivery.attempts}") / 2)
    return jittered


def postponed(delivery: Delivery, *, release: datetime, now: datetime) -> Delivery:
    """Return a claimed delivery that must wait for the end of quiet hours; no attempt was made."""
    return replace(
        delivery,
        state=State.DEFERRED,
        reason=Reason.QUIET_HOURS,
        at=now,
        next_attempt_at=release,
        attempts=max(delivery.attempts - 1, 0),
        first_attempt_at=None if delivery.attempts <= 1 else delivery.first_attempt_at,
        lease="",
    )


def abandoned(delivery: Delivery, *, reason: Reason, now: datetime) -> Delivery:
    """Return a claimed delivery that turned out not to be wanted; no attempt was made."""
    return replace(
        delivery,
        state=State.DROPPED,
        reason=reason,
        at=now,
        next_attempt_at=None,
        attempts=max(delivery.attempts - 1, 0),
        lease="",
    )
