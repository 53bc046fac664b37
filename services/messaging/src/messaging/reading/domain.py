"""Refusals about read cursors and receipts."""

from plexuskit.errors import Kind, Refusal


class CursorBeyondEnd(Refusal):
    """MSG-7: a cursor cannot be beyond the last message."""

    kind = Kind.INVALID
    text = "The last message is {last_seq}; {through_seq} lies beyond it."


class ReceiptsAreOff(Refusal):
    """MSG-10: the tenant has turned read receipts off."""

    kind = Kind.FAILED_PRECONDITION
    text = "Your company does not show who has read messages."
