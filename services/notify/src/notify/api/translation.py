"""Conversion from protobuf to domain values; the reverse is in `notify.events`."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from plexus.notify.v1 import notifications_pb2 as pb
from plexuskit.errors import InvalidArgument

from notify import events
from notify.domain.definitions import Kinds
from notify.domain.kinds import Channel, Kind
from notify.domain.preferences import Channels
from notify.domain.quiet_hours import EVERY_DAY, QuietHours, clock_time

_CHANNELS: Final[Mapping[int, Channel]] = MappingProxyType(
    {value: channel for channel, value in events.CHANNELS.items()}
)


def channels_of(preferences: Iterable[pb.KindPreference], *, kinds: Kinds) -> Channels:
    """Return the channels of each kind in a request; a kind without channels is switched off.

    Refusals: InvalidArgument for unknown values and for a kind that comes twice.
    """
    channels: dict[Kind, frozenset[Channel]] = {}
    for preference in preferences:
        kind = kinds.numbered(preference.kind)
        if kind is None:
            problem = f"has no value {preference.kind}; use a known kind"
            raise InvalidArgument(field="preferences.kinds", problem=problem)
        if kind in channels:
            problem = f"names {kind.name} twice; send each kind once"
            raise InvalidArgument(field="preferences.kinds", problem=problem)
        unknown = [each for each in preference.channels if each not in _CHANNELS]
        if unknown:
            problem = f"has no value {unknown[0]}; use a known channel"
            raise InvalidArgument(field="preferences.kinds.channels", problem=problem)
        channels[kind] = frozenset(_CHANNELS[each] for each in preference.channels)
    return channels


def quiet_hours_of(message: pb.QuietHours) -> QuietHours:
    """Return quiet hours; those that are off need no times, and no weekday means every day.

    Refusals: QuietHoursInvalid.
    """
    usual = QuietHours()
    untold = not message.enabled and not message.start and not message.end
    return QuietHours(
        enabled=message.enabled,
        start=usual.start if untold else clock_time(message.start, field="start"),
        end=usual.end if untold else clock_time(message.end, field="end"),
        weekdays=frozenset(message.weekdays) or EVERY_DAY,
        time_zone=message.time_zone,
    )
