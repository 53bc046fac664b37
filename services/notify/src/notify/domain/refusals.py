"""Refusals of this service."""

from plexuskit.errors import Kind, Refusal


class QuietHoursInvalid(Refusal):
    """The quiet hours cannot be lived by (NTF-3)."""

    kind = Kind.INVALID
    text = "The quiet hours' {field} {problem}; correct it and save again."
