"""Refusals of this service."""

from plexuskit.errors import Kind, Refusal


class ObjectNotFound(Refusal):
    """There is no such object, or the caller may not ask about it; both look the same (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no {object} that you may ask about; check how it is written."


class SubjectNotFound(Refusal):
    """There is no such person, or the caller may not ask about them; both look the same (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no {subject} that you may ask about; only auditors ask about others."


class PermissionMissing(Refusal):
    """No role of the caller shows any part of the ledger."""

    kind = Kind.PERMISSION_DENIED
    text = "You need the permission {permission}, for the company or for a department."


class TimeTooEarly(Refusal):
    """The history begins later."""

    kind = Kind.OUT_OF_RANGE
    text = "What was before {begins_at} is not known; ask about that time or later."


class HistoryNotBegun(Refusal):
    """The owners' snapshots are not loaded yet, so no answer would be reliable."""

    kind = Kind.UNAVAILABLE
    text = "The history is being built; try again in a moment."


class LedgerDamaged(Refusal):
    """An entry of the ledger is missing or cannot be read, so it cannot be shown (GW-7)."""

    kind = Kind.FAILED_PRECONDITION
    text = "Entry {no} of the ledger is missing or damaged; verify it and compare with an export."
