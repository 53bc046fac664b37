"""Domain values as the messages of the contract, and notifications as the facts of the topic.

A fact's scope is the notification and its number there is the version, so both are dense.
Notifications outside the inbox have no facts: facts are for clients that show the inbox.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from google.protobuf.message import Message
from plexus.notify.v1 import events_pb2, notifications_pb2
from plexus.topics import NOTIFY_NOTIFICATION_V1
from plexuskit.outbox import Fact, envelope
from plexuskit.timestamps import optional_timestamp, timestamp

from notify.domain.kinds import Channel, Kind
from notify.domain.notifications import Delivery, Notification
from notify.domain.outcomes import State
from notify.domain.preferences import Preferences
from notify.domain.quiet_hours import EVERY_DAY, QuietHours

pb = notifications_pb2

SERVICE: Final = "notify"
CHANNELS: Final[Mapping[Channel, pb.Channel.ValueType]] = MappingProxyType(
    {Channel.IN_APP: pb.CHANNEL_IN_APP, Channel.EMAIL: pb.CHANNEL_EMAIL}
)
_STATES: Final[Mapping[State, pb.Delivery.State.ValueType]] = MappingProxyType(
    {
        State.PENDING: pb.Delivery.STATE_PENDING,
        State.DEFERRED: pb.Delivery.STATE_DEFERRED,
        State.DELIVERED: pb.Delivery.STATE_DELIVERED,
        State.DROPPED: pb.Delivery.STATE_DROPPED,
        State.FAILED: pb.Delivery.STATE_FAILED,
    }
)


def raised(notification: Notification, *, now: datetime) -> Fact:
    """Return the fact that a person has a new notification in the inbox."""
    shown = notification_message(notification)
    return _fact(events_pb2.NotificationRaised(notification=shown), notification, now=now)


def changed(notification: Notification, *, now: datetime) -> Fact:
    """Return the fact that a delivery reached an outcome, or that it was read."""
    shown = notification_message(notification)
    return _fact(events_pb2.NotificationChanged(notification=shown), notification, now=now)


def _fact(fact: Message, notification: Notification, *, now: datetime) -> Fact:
    return Fact(
        topic=NOTIFY_NOTIFICATION_V1.name,
        key=notification.person_id,
        event=envelope(
            fact=fact,
            tenant_id=notification.tenant_id,
            scope=notification.id,
            change_no=notification.version,
            entity_id=notification.id,
            entity_version=notification.version,
            actor_id=notification.source.actor_id or SERVICE,
            now=now,
        ),
    )


def notification_message(notification: Notification) -> pb.Notification:
    """Return a notification as the contract shows it."""
    source = notification.source
    return pb.Notification(
        id=notification.id,
        person_id=notification.person_id,
        kind=notification.kind.number,
        title=notification.title,
        body=notification.body,
        source=pb.Source(
            kind=source.kind,
            id=source.id,
            conversation_id=source.conversation_id,
            seq=source.seq,
            actor_id=source.actor_id,
        ),
        created_at=timestamp(notification.created_at),
        read=notification.read,
        deliveries=[
            _delivery_message(notification.in_app, channel=Channel.IN_APP),
            _delivery_message(notification.email, channel=Channel.EMAIL),
        ],
    )


def preferences_message(preferences: Preferences, *, kinds: Iterable[Kind]) -> pb.Preferences:
    """Return preferences as the contract shows them, with every kind."""
    return pb.Preferences(
        person_id=preferences.person_id,
        kinds=[
            pb.KindPreference(
                kind=kind.number,
                channels=[
                    CHANNELS[channel] for channel in Channel if preferences.wants(kind, channel)
                ],
            )
            for kind in kinds
        ],
        quiet_hours=_quiet_hours_message(preferences.quiet_hours),
        version=preferences.version,
    )


def _quiet_hours_message(hours: QuietHours) -> pb.QuietHours:
    every_day = hours.weekdays == EVERY_DAY
    return pb.QuietHours(
        enabled=hours.enabled,
        start=hours.start.isoformat(timespec="minutes"),
        end=hours.end.isoformat(timespec="minutes"),
        weekdays=() if every_day else sorted(hours.weekdays),
        time_zone=hours.time_zone,
    )


def _delivery_message(delivery: Delivery, *, channel: Channel) -> pb.Delivery:
    following = delivery.next_attempt_at
    return pb.Delivery(
        id=delivery.id,
        channel=CHANNELS[channel],
        state=_STATES[delivery.state],
        reason=delivery.reason.value,
        at=timestamp(delivery.at),
        next_attempt_at=optional_timestamp(following),
        attempts=delivery.attempts,
    )
