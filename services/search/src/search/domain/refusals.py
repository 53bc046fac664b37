"""Refusals of this service."""

from plexuskit.errors import Kind, Refusal


class QueryInvalid(Refusal):
    """The query cannot be searched for."""

    kind = Kind.INVALID
    text = "The query {problem}."


class TooManySearches(Refusal):
    """A person has as many searches under way as they may."""

    kind = Kind.EXHAUSTED
    text = "{limit} of your searches are still under way; search again when one is answered."
