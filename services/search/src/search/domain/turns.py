"""Concurrent searches of one person (GW-13)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from search.domain.refusals import TooManySearches

MAX_SEARCHES: Final = 3
"""Searches of one person at once: some windows that search while their user types."""

_RETRY: Final = timedelta(seconds=1)


class Turns:
    """Counter of each person's running searches, so that one person cannot use up the index."""

    def __init__(self) -> None:
        self._count: dict[tuple[str, str], int] = {}

    @contextmanager
    def take(self, *, tenant_id: str, person_id: str) -> Iterator[None]:
        """Count one search of a person for the block.

        Raises:
            TooManySearches: as many as there may be are under way.
        """
        key = (tenant_id, person_id)
        count = self._count.get(key, 0)
        if count >= MAX_SEARCHES:
            raise TooManySearches(limit=MAX_SEARCHES, retry_after=_RETRY)
        self._count[key] = count + 1
        try:
            yield
        finally:
            if self._count[key] == 1:
                del self._count[key]
            else:
                self._count[key] -= 1
