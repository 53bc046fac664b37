"""Queries that may read more than three times what they return, each with its reason."""

from typing import NamedTuple


class Exceeding(NamedTuple):
    """A query that is allowed to read more.

    Attributes:
        service: whose.
        collection: on which collection.
        fragments: texts that all occur in the JSON of its shape.
        reason: why it may.
    """

    service: str
    collection: str
    fragments: tuple[str, ...]
    reason: str


EXCEPTIONS: tuple[Exceeding, ...] = ()
