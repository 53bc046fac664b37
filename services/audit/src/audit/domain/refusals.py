"""Every reason for which this service does not do what it was asked."""

from plexuskit.errors import Kind, Refusal


class InvalidPageToken(Refusal):
    """The page token was not made by this listing, or for other filters."""

    kind = Kind.INVALID
    text = "The page token does not belong to this listing; start again without a token."


class LedgerDamaged(Refusal):
    """An entry of the ledger is missing or cannot be read, so it cannot be shown (GW-7)."""

    kind = Kind.FAILED_PRECONDITION
    text = "Entry {no} of the ledger is missing or damaged; verify it and compare with an export."
