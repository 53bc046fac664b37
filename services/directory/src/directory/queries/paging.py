"""Page tokens: opaque to the client, bound to the query they continue."""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.paging import PageBudget

DEFAULT_SIZE: Final = 100
MAX_PAGE_SIZE: Final = 1_000
_BOUND: Final = 8


def budget(asked: int) -> PageBudget:
    """Return the room of a page: 2 MiB, and of a page size from 0, which means 100, to 1,000.

    Raises:
        InvalidArgument: it is negative or larger.
    """
    if not 0 <= asked <= MAX_PAGE_SIZE:
        raise InvalidArgument(field="page_size", problem=f"is not between 0 and {MAX_PAGE_SIZE}")
    return PageBudget(items=asked or DEFAULT_SIZE)


def token(place: Sequence[str | int], *, query: Sequence[str | int]) -> str:
    """Make the token of the page that begins after `place`."""
    content = json.dumps([_bound(query), *place], ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(content).decode("ascii")


def place(
    value: str, *, query: Sequence[str | int], start: tuple[str | int, ...]
) -> tuple[str | int, ...]:
    """Read where a page begins; `start` for the first one, whose shape every token must have.

    Raises:
        InvalidArgument: it is no token, or of another query.
    """
    if not value:
        return start
    problem = unknown()
    try:
        bound, *found = json.loads(base64.b64decode(value, altchars=b"-_", validate=True))
    except (ValueError, TypeError) as error:
        raise problem from error
    if bound != _bound(query) or list(map(type, found)) != list(map(type, start)):
        raise problem
    return tuple(found)


def unknown() -> InvalidArgument:
    """Return the refusal of a token that names nothing of this query."""
    return InvalidArgument(field="page_token", problem="is not one of this query")


def _bound(query: Sequence[str | int]) -> str:
    return hashlib.sha256(json.dumps(list(query)).encode()).hexdigest()[:_BOUND]
