"""The part of a ledger that somebody may read (GW-11)."""

from dataclasses import dataclass

from audit.domain.entries import Occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The entries that a caller's roles show.

    Attributes:
        everything: a role for the tenant shows all.
        departments: ids of departments for which a role is held; each shows what was about it, or
            about somebody or something below it.
    """

    everything: bool = False
    departments: frozenset[str] = frozenset()

    def shows(self, what: Occurrence) -> bool:
        """Tell whether an entry may be read; one without departments only with everything."""
        return self.everything or not self.departments.isdisjoint(what.departments or ())


WHOLE = Reach(everything=True)
