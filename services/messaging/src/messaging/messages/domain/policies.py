"""Message policy of a tenant, within bounds (MSG-10, MSG-11, MSG-12)."""

import enum
from dataclasses import dataclass
from datetime import timedelta

from plexuskit.errors import InvalidArgument

_BOUNDS = {
    "edit_window": (timedelta(), timedelta(days=30)),
    "recall_window": (timedelta(), timedelta(days=7)),
    "admin_recall_window": (timedelta(), timedelta(days=365)),
}
_NAMES_BOUNDS = (2, 5_000)


class Receipts(enum.StrEnum):
    """Visibility of read receipts to the sender (MSG-10)."""

    OFF = "off"
    COUNTS = "counts"
    NAMES = "names"


@dataclass(frozen=True, slots=True)
class Policy:
    """Windows count from the message's time; a group larger than the limit shows counts alone."""

    edit_window: timedelta = timedelta(hours=24)
    recall_window: timedelta = timedelta(minutes=2)
    admin_recall_window: timedelta = timedelta(days=30)
    receipts: Receipts = Receipts.NAMES
    receipt_names_limit: int = 200
    version: int = 0

    def check(self) -> None:
        """Check the bounds.

        Raises:
            InvalidArgument: a window or the limit is outside.
        """
        for name, (minimum, maximum) in _BOUNDS.items():
            if not minimum <= getattr(self, name) <= maximum:
                span = f"takes 0 to {int(maximum.total_seconds())}"
                raise InvalidArgument(field=f"policy.{name}_seconds", problem=span)
        min_names, max_names = _NAMES_BOUNDS
        if not min_names <= self.receipt_names_limit <= max_names:
            raise InvalidArgument(
                field="policy.receipt_names_limit", problem=f"takes {min_names} to {max_names}"
            )


DEFAULT = Policy()
