"""Page tokens: opaque to clients, checked when they come back; see `Listing`."""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Final

from notify.domain.refusals import InvalidPageToken

_MAX_LENGTH: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is listed for whom: its name and everything that filters it.

    A token holds the id after which to go on and a mark of the listing, so that it cannot be used
    with other filters. Every page is filtered by whose it is, so a token needs no signature.
    """

    name: str
    filters: tuple[str, ...]

    def token(self, last_id: str) -> str:
        """Return the token to go on after an item."""
        text = json.dumps([self._mark(), last_id], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def position(self, token: str) -> str:
        """Return the id in a token, empty for an empty token. Refusals: InvalidPageToken."""
        if not token:
            return ""
        try:
            padded = token[:_MAX_LENGTH] + "=" * (-len(token) % 4)
            mark, last_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (binascii.Error, ValueError, TypeError):
            raise InvalidPageToken from None
        if mark != self._mark() or not isinstance(last_id, str):
            raise InvalidPageToken
        return last_id

    def _mark(self) -> str:
        content = json.dumps([self.name, *self.filters]).encode()
        return hashlib.blake2b(content, digest_size=9).hexdigest()
