"""Part of a ledger that a caller may read (GW-11)."""

from dataclasses import dataclass

from audit.domain.entries import Occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Entries visible through a caller's roles.

    Attributes:
        everything: true if a role for the tenant shows all.
        departments: ids of departments for which a role is held; each shows the entries about it,
            and about people and objects below it.
    """

    everything: bool = False
    departments: frozenset[str] = frozenset()

    def shows(self, what: Occurrence) -> bool:
        """Return whether an entry may be read; one without departments only with `everything`."""
        return self.everything or not self.departments.isdisjoint(what.departments or ())


WHOLE = Reach(everything=True)
