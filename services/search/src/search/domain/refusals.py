"""Every reason for which this service does not do what it was asked."""

from plexuskit.errors import Kind, Refusal


class QueryInvalid(Refusal):
    """The query cannot be searched for."""

    kind = Kind.INVALID
    text = "The query {problem}."


class InvalidPageToken(Refusal):
    """The page token was not made by this search."""

    kind = Kind.INVALID
    text = "The page token does not belong to this search; start again without a token."
