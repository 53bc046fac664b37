"""What a person wants to hear of, by which way, and when not."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from plexuskit.errors import InvalidArgument, VersionConflict

from notify.domain import quiet_hours
from notify.domain.kinds import Channel, Kind
from notify.domain.quiet_hours import QuietHours

Channels = Mapping[Kind, frozenset[Channel]]

_BOTH: Final = frozenset(Channel)
DEFAULTS: Final[Channels] = MappingProxyType(
    {
        Kind.MENTION: _BOTH,
        Kind.DIRECT_MESSAGE: frozenset({Channel.IN_APP}),
        Kind.TASK_ASSIGNED: _BOTH,
        Kind.TASK_DUE: _BOTH,
        Kind.FEED_STOPPED: _BOTH,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """One person's choices; version 0 says that none were made and the defaults hold."""

    person_id: str
    channels: Channels = field(default_factory=lambda: DEFAULTS)
    quiet_hours: QuietHours = field(default_factory=QuietHours)
    version: int = 0

    def wants(self, kind: Kind, channel: Channel) -> bool:
        """Tell whether the person wants to hear of this kind by this way."""
        return channel in self.channels.get(kind, DEFAULTS[kind])


def chosen(
    current: Preferences,
    *,
    channels: Channels,
    hours: QuietHours,
    expected_version: int,
) -> Preferences:
    """Return the next version of somebody's preferences; kinds that are left out get the default.

    Refusals: VersionConflict, QuietHoursInvalid, InvalidArgument for a negative version.
    """
    if expected_version < 0:
        problem = "is negative; send the version you saw, or 0 for whatever it is"
        raise InvalidArgument(field="expected_version", problem=problem)
    if expected_version not in {0, current.version}:
        raise VersionConflict(expected_version=expected_version, current_version=current.version)
    return replace(
        current,
        channels=MappingProxyType({**DEFAULTS, **channels}),
        quiet_hours=quiet_hours.check(hours),
        version=current.version + 1,
    )
