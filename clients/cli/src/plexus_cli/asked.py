"""The options of every command."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(slots=True)
class Asked:
    """The options of every command, as typed, and the zone of the caller.

    Attributes:
        url: address of the gateway in place of the profile's.
        profile: name of the profile to act as.
        zone: the caller's time zone, once a command has fetched it; times are shown in it.
        zone_refusal: the reason why it is unknown.
    """

    url: str | None = None
    profile: str | None = None
    zone: ZoneInfo | None = None
    zone_refusal: Exception | None = None


asked = Asked()
