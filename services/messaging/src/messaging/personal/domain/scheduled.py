"""A message sent once at a later time (MSG-17): its states and the steps between them."""

import enum
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from plexuskit.clock import to_milliseconds
from plexuskit.errors import InvalidArgument, VersionConflict

from messaging.personal.domain.refusals import (
    ScheduledMessageClaimed,
    ScheduledMessageEnded,
    ScheduleInThePast,
    ScheduleTooFar,
)

SCHEDULED_LIMIT = 500
FARTHEST = timedelta(days=366)
# Later than this the author is asked instead: the text may be outdated.
GRACE = timedelta(hours=24)
# Times cluster at full hours, such as 9:00:00, and rarely at 9:00:11.
SPREAD = timedelta(seconds=30)
CROWDED_MINUTES = frozenset((0, 30))


class State(enum.StrEnum):
    """State of a scheduled message."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    CANCELLED = "cancelled"
    FAILED = "failed"
    OVERDUE = "overdue"


ENDED = frozenset((State.SENT, State.CANCELLED))
UNDECIDED = frozenset((State.FAILED, State.OVERDUE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The rights with which a message was scheduled.

    They decide when it is sent: without a call there is no session to ask. The end of a session
    does not stop the message, the end of an API token does.

    Attributes:
        api_token_id: the API token that was used; empty for people who signed in.
        scopes: the permissions that the token is limited to; empty: all of the person's.
        second_factor: one was given in the session.
    """

    api_token_id: str = ""
    scopes: frozenset[str] = frozenset()
    second_factor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """Message scheduled for a later time.

    `words` is the contract's message, serialized: it is read when due, like a message sent then.
    `lease` names the scheduler that is sending it, until `lease_until`; then any may claim it.
    """

    id: str
    tenant_id: str
    person_id: str
    conversation_id: str
    words: bytes
    send_at: datetime
    created_at: datetime
    authority: Authority = Authority()
    state: State = State.WAITING
    failure_reason: str = ""
    seq: int = 0
    version: int = 1
    lease: str = ""
    lease_until: datetime | None = None
    ended_at: datetime | None = None

    @property
    def due_at(self) -> datetime | None:
        """When a scheduler has something to do with it; None: not before its author acts."""
        if self.state is State.WAITING:
            return fires_at(self.id, send_at=self.send_at)
        return self.lease_until


def fires_at(scheduled_id: str, *, send_at: datetime) -> datetime:
    """Return the instant at which it is sent, spread by its id at popular times.

    At a full or half hour of UTC up to 30 seconds later, else at the time itself; never earlier.
    """
    if send_at.minute not in CROWDED_MINUTES or send_at.second or send_at.microsecond:
        return send_at
    digest = hashlib.blake2b(scheduled_id.encode(), digest_size=4).digest()
    return to_milliseconds(send_at + SPREAD * (int.from_bytes(digest) / 2**32))


def check_time(send_at: datetime, *, now: datetime, shortest: timedelta) -> None:
    """Refuse a time that is too near or too far.

    Raises:
        ScheduleInThePast: it is over, or nearer than `shortest`.
        ScheduleTooFar: more than a year ahead.
    """
    if send_at < now + shortest:
        raise ScheduleInThePast(seconds=int(shortest.total_seconds()))
    if send_at > now + FARTHEST:
        raise ScheduleTooFar(days=FARTHEST.days)


def changed(
    current: Scheduled,
    *,
    conversation_id: str,
    words: bytes | None,
    send_at: datetime | None,
    authority: Authority,
    expected_version: int,
    now: datetime,
    shortest: timedelta,
) -> Scheduled:
    """Return it with other content or another time; a new time makes a failed one wait again.

    It is sent with the rights of its last editor.

    Raises:
        ScheduledMessageClaimed: it is being sent.
        ScheduledMessageEnded: it was sent or cancelled.
        VersionConflict: it was changed since `expected_version`.
        InvalidArgument: the content is for another conversation.
        ScheduleInThePast, ScheduleTooFar: see check_time.
    """
    _check_open(current)
    if expected_version and expected_version != current.version:
        raise VersionConflict(expected_version=expected_version, current_version=current.version)
    if words is not None and conversation_id != current.conversation_id:
        raise InvalidArgument(field="message.conversation_id", problem="cannot be changed")
    after = current if words is None else replace(current, words=words)
    if send_at is not None:
        check_time(send_at, now=now, shortest=shortest)
        after = replace(after, send_at=send_at, state=State.WAITING, failure_reason="")
    if after == current:
        return current
    return replace(after, authority=authority, version=current.version + 1)


def cancelled(current: Scheduled, *, now: datetime) -> Scheduled:
    """Return it cancelled; one that is already cancelled stays unchanged.

    Raises:
        ScheduledMessageClaimed: it is being sent.
        ScheduledMessageEnded: it was sent.
    """
    if current.state is State.CANCELLED:
        return current
    _check_open(current)
    return _next(current, state=State.CANCELLED, ended_at=now)


def claimed(current: Scheduled, *, lease: str, until: datetime) -> Scheduled:
    """Return it claimed by a scheduler; claiming it from one that died is not visible."""
    step = int(current.state is State.WAITING)
    return replace(
        current,
        state=State.CLAIMED,
        lease=lease,
        lease_until=until,
        version=current.version + step,
    )


def sent(current: Scheduled, *, seq: int, now: datetime) -> Scheduled:
    """Return it as sent: message `seq` of its conversation."""
    return _next(current, state=State.SENT, seq=seq, ended_at=now)


def failed(current: Scheduled, *, reason: str) -> Scheduled:
    """Return it as refused; it is kept, with the refusal's reason."""
    return _next(current, state=State.FAILED, failure_reason=reason)


def overdue(current: Scheduled) -> Scheduled:
    """Return it as overdue: its author must decide."""
    return _next(current, state=State.OVERDUE)


def is_past_grace(current: Scheduled, *, now: datetime) -> bool:
    """Return whether its time passed more than 24 hours ago."""
    return now - current.send_at > GRACE


def _check_open(current: Scheduled) -> None:
    if current.state is State.CLAIMED:
        raise ScheduledMessageClaimed(id=current.id)
    if current.state in ENDED:
        raise ScheduledMessageEnded(id=current.id, state=current.state.value)


def _next(
    current: Scheduled,
    *,
    state: State,
    seq: int = 0,
    failure_reason: str = "",
    ended_at: datetime | None = None,
) -> Scheduled:
    return replace(
        current,
        state=state,
        seq=seq,
        failure_reason=failure_reason,
        ended_at=ended_at,
        lease="",
        lease_until=None,
        version=current.version + 1,
    )
