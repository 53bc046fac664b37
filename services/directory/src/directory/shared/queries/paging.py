"""Room of directory's pages."""

from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.paging import PageBudget

DEFAULT_SIZE: Final = 100
MAX_PAGE_SIZE: Final = 1_000


def budget(asked: int) -> PageBudget:
    """Return the room of a page: 2 MiB, and of a page size from 0, which means 100, to 1,000.

    Raises:
        InvalidArgument: it is negative or larger.
    """
    if not 0 <= asked <= MAX_PAGE_SIZE:
        raise InvalidArgument(field="page_size", problem=f"is not between 0 and {MAX_PAGE_SIZE}")
    return PageBudget(items=asked or DEFAULT_SIZE)
