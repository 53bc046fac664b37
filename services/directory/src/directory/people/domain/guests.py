"""Guests: people from outside, with an end, no department and no role but their own (GW-5)."""

from datetime import datetime, timedelta
from typing import Final

from plexuskit.errors import InvalidArgument

MAX_STAY: Final = timedelta(days=366)


def expiry(at: datetime | None, *, now: datetime, field: str = "guest_expires_at") -> datetime:
    """Check until when a guest may come: later than now, at most a year ahead.

    Raises:
        InvalidArgument: there is no such instant, it is over, or later than that.
    """
    if at is None:
        raise InvalidArgument(field=field, problem="is needed for a guest")
    if at <= now:
        raise InvalidArgument(field=field, problem="is over; deactivate the guest instead")
    if at > now + MAX_STAY:
        raise InvalidArgument(field=field, problem="is more than a year ahead")
    return at
