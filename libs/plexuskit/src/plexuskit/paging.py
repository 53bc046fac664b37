"""Page tokens: opaque to clients, checked when they come back.

A token holds the position after which to continue and a digest of its listing, so that it cannot be
used with other filters. It contains nothing that its holder may not know, and every page is
filtered by the caller's permissions, so it needs no signature.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from plexuskit.errors import Kind, Refusal

# Half of the default limit of a gRPC client for one message.
MAX_PAGE_BYTES: Final = 2 * 1024 * 1024

_MAX_LENGTH: Final = 1024
T = TypeVar("T")


class InvalidPageToken(Refusal):
    """The page token was not made by this listing, or for other filters."""

    kind = Kind.INVALID
    text = "The page token does not belong to this listing; start again without a token."


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a listing; an empty token marks the last one."""

    items: tuple[T, ...]
    next_page_token: str


class PageBudget:
    """Size of one page: a number of items and a number of bytes (MSG-21).

    The first item always fits, so that a listing continues whatever the size of an item.
    """

    def __init__(self, *, items: int, max_bytes: int = MAX_PAGE_BYTES) -> None:
        """Begin with an empty page.

        Args:
            items: maximum number of items, at least 1.
            max_bytes: maximum number of bytes, unless one item alone takes more.
        """
        self.items = items
        self.max_bytes = max_bytes
        self._taken = 0
        self._bytes = 0

    def takes(self, size: int) -> bool:
        """Reserve room for the next item of `size` bytes; return False when the page is full."""
        if self._taken and (self._taken >= self.items or self._bytes + size > self.max_bytes):
            return False
        self._taken += 1
        self._bytes += size
        return True


def cut(
    items: Sequence[T],
    *,
    limit: int,
    size_of: Callable[[T], int],
    max_bytes: int = MAX_PAGE_BYTES,
) -> tuple[list[T], bool]:
    """Return the first items that fit on a page, and whether some are left."""
    budget = PageBudget(items=limit, max_bytes=max_bytes)
    for number, item in enumerate(items):
        if not budget.takes(size_of(item)):
            return list(items[:number]), True
    return list(items), False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Identity of a listing: its name and all of its filters."""

    name: str
    filters: tuple[str, ...]

    def token(self, *position: str | int) -> str:
        """Return the token for continuing after a position."""
        text = json.dumps([self._mark(), *position], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def position(self, token: str, *, shape: Sequence[type]) -> tuple[str | int, ...] | None:
        """Return the position in a token, nothing for an empty token.

        Refusals: InvalidPageToken, also for a token of another listing or with other filters.
        """
        if not token:
            return None
        if len(token) > _MAX_LENGTH:
            raise InvalidPageToken
        try:
            padded = token + "=" * (-len(token) % 4)
            mark, *position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (binascii.Error, ValueError, TypeError):
            raise InvalidPageToken from None
        # Exact types: `true` is an int to isinstance.
        if mark != self._mark() or [type(part) for part in position] != list(shape):
            raise InvalidPageToken
        return tuple(position)

    def last_id(self, token: str) -> str:
        """Return the id after which a page begins, empty for the first page.

        Refusals: InvalidPageToken, as `position`.
        """
        position = self.position(token, shape=(str,))
        return "" if position is None else str(position[0])

    def _mark(self) -> str:
        content = json.dumps([self.name, *self.filters]).encode()
        return hashlib.blake2b(content, digest_size=9).hexdigest()


def to_milliseconds(at: datetime) -> int:
    """Return an instant as milliseconds since the epoch, as tokens hold it."""
    return int(at.timestamp() * 1000 + 0.5)


def from_milliseconds(value: int) -> datetime:
    """Return the instant of a token. Refusals: InvalidPageToken for an invalid one."""
    try:
        seconds, rest = divmod(value, 1000)
        return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest * 1000)
    except (OverflowError, ValueError, OSError):
        raise InvalidPageToken from None
