"""Page tokens: sealed and bound to their search, so that callers cannot read or make one.

A token holds the position of the last document examined, which may be one hidden from the caller
because its owner denied it. The same position in the same search makes the same token, so that
equal responses are equal to the byte.
"""

import base64
import binascii
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from plexuskit.paging import InvalidPageToken

DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100
KEY_BYTES: Final = 64
_MAX_TOKEN: Final = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Position at which a page ended: score, time (ms since the epoch) and id of its last hit."""

    score: float
    at: int
    id: str


def page_size(asked: int) -> int:
    """Return the number of hits of a page: 20 by default, 1 to 100."""
    return min(max(asked, 1), MAX_PAGE) if asked else DEFAULT_PAGE


class PageTokens:
    """Seals and opens page tokens by AES-SIV.

    Args:
        key: returns the current secret of KEY_BYTES; tokens of an earlier one are refused.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key

    def token(self, place: Place, *, search: str) -> str:
        """Return the token that continues after a position.

        Args:
            place: the position of the last document of the page.
            search: everything that makes this search another one than others, the caller included.
        """
        text = json.dumps([place.score, place.at, place.id], separators=(",", ":"))
        sealed = AESSIV(self._key()).encrypt(text.encode(), [search.encode()])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def place(self, page_token: str, *, search: str) -> Place | None:
        """Return the position in a token, nothing for an empty token.

        Args:
            page_token: the client's token.
            search: as for `token`.

        Raises:
            InvalidPageToken: it was not made by `token` for the same search.
        """
        if not page_token:
            return None
        if len(page_token) > _MAX_TOKEN:
            raise InvalidPageToken
        try:
            padded = page_token + "=" * (-len(page_token) % 4)
            sealed = base64.b64decode(padded, altchars=b"-_", validate=True)
            text = AESSIV(self._key()).decrypt(sealed, [search.encode()])
            score, at, id_ = json.loads(text)
        except (binascii.Error, InvalidTag, ValueError, TypeError):
            raise InvalidPageToken from None
        if not math.isfinite(score):
            raise InvalidPageToken
        return Place(score=float(score), at=int(at), id=str(id_))
