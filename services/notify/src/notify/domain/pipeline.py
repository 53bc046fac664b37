"""The outcome of each channel for one recipient (NTF-1), decided without input or output."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from plexuskit.clock import to_milliseconds

from notify.domain.kinds import Channel, Kind
from notify.domain.notifications import Delivery
from notify.domain.outcomes import Reason, State
from notify.domain.people import Person, zone_of
from notify.domain.preferences import Preferences
from notify.domain.quiet_hours import quiet_until

UNKNOWN_PERSON_WAIT: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryContext:
    """The state of one recipient on which deliveries are decided.

    Attributes:
        person: None while directory's fact has not arrived.
        preferences: of the person.
        own: it is the person's own action.
        readable: the person may read the source.
        read: the person has read it.
        muted: the conversation is muted, and the message neither is urgent nor names the person.
        silent: the sender wants no one disturbed.
    """

    person: Person | None
    preferences: Preferences
    own: bool
    readable: bool
    read: bool
    muted: bool
    silent: bool = False


def decide_in_app(
    delivery_id: str, context: DeliveryContext, *, kind: Kind, now: datetime
) -> Delivery:
    """Return the in-app delivery: stored is delivered, at any hour, unless something forbids it."""
    reason = _obstacle(context, kind=kind, channel=Channel.IN_APP)
    state = State.DROPPED if reason else State.DELIVERED
    return Delivery(id=delivery_id, state=state, reason=reason or Reason.STORED, at=now)


def decide_email(
    delivery_id: str,
    context: DeliveryContext,
    *,
    kind: Kind,
    now: datetime,
    jitter: timedelta,
) -> Delivery:
    """Return the e-mail delivery: due now, deferred to the end of quiet hours, or dropped.

    The mail of a person who is not known yet waits a minute: facts of people and of messages arrive
    on different topics, and the address is looked up when the mail is due.

    Args:
        delivery_id: its id, from which the jitter is derived too.
        context: context of the recipient.
        kind: kind of the notification.
        now: the current time.
        jitter: maximum delay of a deferred mail after the window's end (NTF-4).
    """
    reason = email_obstacle(context, kind=kind)
    if reason:
        return Delivery(id=delivery_id, state=State.DROPPED, reason=reason, at=now)
    release = release_at(delivery_id, context, now=now, jitter=jitter)
    if release:
        return Delivery(
            id=delivery_id,
            state=State.DEFERRED,
            reason=Reason.QUIET_HOURS,
            at=now,
            next_attempt_at=release,
        )
    return Delivery(
        id=delivery_id,
        state=State.PENDING,
        reason=Reason.QUEUED,
        at=now,
        next_attempt_at=now if context.person else now + UNKNOWN_PERSON_WAIT,
    )


def email_obstacle(context: DeliveryContext, *, kind: Kind) -> Reason | None:
    """Return the reason why no e-mail may be sent; None if it may.

    The address of a person who is not known yet does not count as missing.
    """
    reason = _obstacle(context, kind=kind, channel=Channel.EMAIL)
    if reason:
        return reason
    if context.read:
        return Reason.ALREADY_READ
    person = context.person
    return Reason.NO_ADDRESS if person is not None and not person.email else None


def release_at(
    delivery_id: str, context: DeliveryContext, *, now: datetime, jitter: timedelta
) -> datetime | None:
    """Return when a mail may leave that must wait now, None when it need not (NTF-3, NTF-4)."""
    hours = context.preferences.quiet_hours
    zone = zone_of(context.person, chosen=hours.time_zone)
    end = quiet_until(hours, zone=zone, now=now)
    return to_milliseconds(end + jitter * share(delivery_id)) if end else None


def share(delivery_id: str) -> float:
    """Return a number in [0, 1) that is the same for a delivery every time and even over many."""
    digest = hashlib.blake2b(delivery_id.encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32


def _obstacle(context: DeliveryContext, *, kind: Kind, channel: Channel) -> Reason | None:
    person = context.person
    if context.own:
        return Reason.SENDER
    if person is not None and not person.active:
        return Reason.PERSON_DEACTIVATED
    if not context.readable:
        return Reason.ACCESS_LOST
    if context.silent:
        return Reason.SENT_SILENTLY
    if not context.preferences.wants(kind, channel):
        return Reason.PREFERENCE_OFF
    return Reason.CONVERSATION_MUTED if context.muted else None
