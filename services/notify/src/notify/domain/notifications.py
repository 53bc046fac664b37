"""A notification and its deliveries, and the steps that they can take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from notify.domain.kinds import MESSAGE, Kind
from notify.domain.outcomes import Reason, State

TAKEN_BACK: Final = "taken_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Subject of a notification; `conversation_id`, `seq`, `root_seq` are of messages only."""

    kind: str
    id: str
    actor_id: str
    conversation_id: str = ""
    seq: int = 0
    root_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Delivery of one notification through one channel, and its outcome (NTF-1).

    `next_attempt_at` is when an open one is due; while a sender holds it (`lease` is its token),
    when it is anybody's again. `first_attempt_at` is when the first attempt was begun. `mail` names
    the mail that the server may have already, by the delivery that its Message-ID is made of.
    """

    id: str
    state: State
    reason: Reason
    at: datetime
    next_attempt_at: datetime | None = None
    attempts: int = 0
    first_attempt_at: datetime | None = None
    lease: str = ""
    mail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Notification of one person; `version` starts at 1 and grows by 1 with every visible change.

    `step` distinguishes several notifications about the same source (NTF-2): a due value, an
    assignment. `event_id` is the fact behind it. `confidential`: its mails carry no content
    (NTF-9). `passes_mute`: it is urgent or names the person, so it is delivered although the
    conversation is muted. `after_reading`: an edit caused it, so only reading after it counts
    (MSG-11).
    """

    id: str
    tenant_id: str
    person_id: str
    kind: Kind
    title: str
    body: str
    source: Source
    step: str
    event_id: str
    created_at: datetime
    read: bool
    in_app: Delivery
    email: Delivery
    confidential: bool = False
    passes_mute: bool = False
    after_reading: bool = False
    version: int = 1

    @property
    def in_inbox(self) -> bool:
        """Return whether the person sees it; own actions and unwanted kinds are only recorded."""
        return self.in_app.state is State.DELIVERED

    @property
    def dedupe_key(self) -> str:
        """Return the key that makes a notification unique (NTF-2)."""
        return dedupe_key(
            tenant_id=self.tenant_id,
            person_id=self.person_id,
            source_id=self.source.id,
            kind=self.kind,
            step=self.step,
        )


def dedupe_key(*, tenant_id: str, person_id: str, source_id: str, kind: Kind, step: str) -> str:
    """Return tenant, person, source, kind and step as one key (NTF-2)."""
    return f"{tenant_id}|{person_id}|{source_id}|{kind.name}|{step}"


def read_on(notification: Notification, *, now: datetime) -> Notification:
    """Return the notification as read; its e-mail is no longer sent (NTF-7).

    A mail that a sender is processing stays: its outcome is the server's response.
    """
    if notification.read:
        return notification
    settled = replace(notification, read=True, version=notification.version + 1)
    if notification.email.lease:
        return settled
    return replace(settled, email=dropped(settled.email, reason=Reason.ALREADY_READ, now=now))


def recalled(notification: Notification, *, body: str, now: datetime) -> Notification:
    """Return the notification of a recalled message: no content, no badge (MSG-12)."""
    email = notification.email
    if not email.lease:
        email = dropped(email, reason=Reason.RECALLED, now=now)
    changed = replace(notification, body=body, read=True, email=email)
    return _next(notification, changed)


def taken_back(notification: Notification, *, reason: Reason, now: datetime) -> Notification:
    """Return a notification that leaves the inbox, because its cause is gone (MSG-12).

    It keeps no content, and its place is free: the same cause notifies again.
    """
    if not notification.in_inbox:
        return notification
    email = notification.email
    if not email.lease:
        email = dropped(email, reason=reason, now=now)
    in_app = replace(notification.in_app, state=State.DROPPED, reason=reason, at=now)
    step = f"{notification.step}|{TAKEN_BACK}|{notification.version}"
    changed = replace(notification, body="", read=True, email=email, in_app=in_app, step=step)
    return _next(notification, changed)


def reworded(notification: Notification, *, body: str) -> Notification:
    """Return the notification with the current text of its message (MSG-11)."""
    return _next(notification, replace(notification, body=body))


def withdrawn(notification: Notification, *, reason: Reason, now: datetime) -> Notification:
    """Return the notification without the e-mail that waits, because it is not true any more."""
    if notification.email.lease:
        return notification
    email = dropped(notification.email, reason=reason, now=now)
    return _next(notification, replace(notification, email=email))


def dropped(delivery: Delivery, *, reason: Reason, now: datetime) -> Delivery:
    """Return an open delivery as deliberately not sent; one that has an end keeps it."""
    if not delivery.state.is_open:
        return delivery
    return replace(
        delivery, state=State.DROPPED, reason=reason, at=now, next_attempt_at=None, lease=""
    )


def with_email(notification: Notification, email: Delivery) -> Notification:
    """Return the notification with the outcome of its e-mail."""
    return _next(notification, replace(notification, email=email))


def _next(previous: Notification, after: Notification) -> Notification:
    return previous if after == previous else replace(after, version=previous.version + 1)


def covers(intervals: Sequence[tuple[int, int]], *, seq: int) -> bool:
    """Return whether a message is in one of the stays, given as first and last seq (MSG-14)."""
    return any(first <= seq and (last == 0 or seq <= last) for first, last in intervals)


def is_read_through(source: Source, *, conversation: int, thread: int) -> bool:
    """Return whether cursors cover a message: the conversation's own, or its thread's (MSG-7)."""
    if source.kind != MESSAGE:
        return False
    return source.seq <= conversation or (source.root_seq > 0 and source.seq <= thread)
