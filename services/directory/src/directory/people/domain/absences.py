"""Absence: a period in which a person is away, and their deputy."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.names import clean_line

from directory.shared.domain.ids import PersonId

MAX_DURATION: Final = timedelta(days=731)
_MAX_NOTE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Period away: `starts_at` belongs to it, `ends_at` does not; `deputy_id` "" for no deputy."""

    starts_at: datetime
    ends_at: datetime
    deputy_id: PersonId
    note: str

    def meets(self, other: "Absence") -> bool:
        """Return whether the two periods overlap."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


def check(absence: Absence, *, of: str, now: datetime) -> Absence:
    """Check the planned absence of a person: it ends after it starts, later than now.

    Out: the same with a clean note.

    Raises:
        InvalidArgument: its times cannot be, it lasts longer than two years, the note is longer
            than 200 characters, or the deputy is the person.
    """
    if absence.ends_at <= absence.starts_at:
        raise InvalidArgument(field="absence.ends_at", problem="is not after starts_at")
    if absence.ends_at <= now:
        raise InvalidArgument(field="absence.ends_at", problem="is over")
    if absence.ends_at - absence.starts_at > MAX_DURATION:
        raise InvalidArgument(field="absence.ends_at", problem="is more than two years later")
    if absence.deputy_id == of:
        raise InvalidArgument(field="absence.deputy_id", problem="is who is away")
    return replace(
        absence, note=clean_line(absence.note, field="absence.note", max_chars=_MAX_NOTE)
    )
