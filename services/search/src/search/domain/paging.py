"""Page tokens: opaque to clients, checked when they come back.

A token holds the place after which to go on and a mark of the search it belongs to. It holds
nothing that its bearer may not know, and every page is filtered anew, so it needs no signature.
"""

import base64
import binascii
import hashlib
import json
import math
from dataclasses import dataclass
from typing import Final

from search.domain.refusals import InvalidPageToken

PAGE_DEFAULT: Final = 20
PAGE_MOST: Final = 100
_LONGEST: Final = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: score, instant (milliseconds since the epoch) and id of its last hit."""

    score: float
    at: int
    id: str


def page_size(asked: int) -> int:
    """Return how many hits a page has: 20 unless asked otherwise, 1 to 100."""
    return min(max(asked, 1), PAGE_MOST) if asked else PAGE_DEFAULT


def token(place: Place, *, search: str) -> str:
    """Return the token to go on after a place of a search."""
    text = json.dumps([_mark(search), place.score, place.at, place.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place(page_token: str, *, search: str) -> Place | None:
    """Return the place in a token, nothing for an empty one.

    Args:
        page_token: what the client sent.
        search: everything that makes this search another one than others.

    Raises:
        InvalidPageToken: it was not made by `token` for the same search.
    """
    if not page_token:
        return None
    if len(page_token) > _LONGEST:
        raise InvalidPageToken
    try:
        padded = page_token + "=" * (-len(page_token) % 4)
        mark, score, at, id_ = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise InvalidPageToken from None
    # exact types: `true` is an int to isinstance
    if mark != _mark(search) or [type(score), type(at), type(id_)] != [float, int, str]:
        raise InvalidPageToken
    if not math.isfinite(score) or abs(at) >= 1 << 62:
        raise InvalidPageToken
    return Place(score=score, at=at, id=id_)


def _mark(search: str) -> str:
    return hashlib.blake2b(search.encode(), digest_size=9).hexdigest()
