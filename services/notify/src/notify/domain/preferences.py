"""Preferences of a person: channels of each kind, and quiet hours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from plexuskit.errors import InvalidArgument, VersionConflict

from notify.domain import quiet_hours
from notify.domain.kinds import Channel, Kind
from notify.domain.quiet_hours import QuietHours

Channels = Mapping[Kind, frozenset[Channel]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """One person's choices; version 0 if none were made.

    A kind that is not in `channels` has its default channels.
    """

    person_id: str
    channels: Channels = field(default_factory=lambda: MappingProxyType({}))
    quiet_hours: QuietHours = field(default_factory=QuietHours)
    version: int = 0

    def wants(self, kind: Kind, channel: Channel) -> bool:
        """Return whether the person wants this kind of notification through this channel."""
        return channel in self.channels.get(kind, kind.channels)


def chosen(
    current: Preferences,
    *,
    channels: Channels,
    hours: QuietHours,
    kinds: Iterable[Kind],
    expected_version: int,
) -> Preferences:
    """Return the next version of a person's preferences, with every kind.

    A kind that `channels` leaves out gets its default channels.

    Refusals: VersionConflict, QuietHoursInvalid, InvalidArgument for a negative version.
    """
    if expected_version < 0:
        problem = "is negative; send the version you saw, or 0 for whatever it is"
        raise InvalidArgument(field="expected_version", problem=problem)
    if expected_version not in {0, current.version}:
        raise VersionConflict(expected_version=expected_version, current_version=current.version)
    return replace(
        current,
        channels=MappingProxyType({kind: channels.get(kind, kind.channels) for kind in kinds}),
        quiet_hours=quiet_hours.check(hours),
        version=current.version + 1,
    )
