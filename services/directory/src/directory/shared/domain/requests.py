"""Request ids: a change sent again within 7 days gets its first answer (GW-6, MSG-3)."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from plexuskit.errors import InvalidArgument

KEPT_FOR: Final = timedelta(days=7)
MAX_CHARACTERS: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Mutating request that is recognised when repeated.

    `scope` is the owner of the ids (tenant and person), so that ids of different owners cannot
    collide or be probed for.
    """

    scope: str
    request_id: str
    content_hash: bytes

    @classmethod
    def of(cls, *, scope: str, request_id: str, method: str, content: bytes) -> Self | None:
        """Recognise a request by method and content; None for one without an id.

        `content` holds no secret: its fast hash is kept for 7 days.

        Raises:
            InvalidArgument: the id is longer than 128 characters.
        """
        if not request_id:
            return None
        if len(request_id) > MAX_CHARACTERS:
            raise InvalidArgument(
                field="request_id", problem=f"is longer than {MAX_CHARACTERS} characters"
            )
        digest = hashlib.sha256(method.encode() + b"\n" + content).digest()
        return cls(scope=scope, request_id=request_id, content_hash=digest)

    @property
    def key(self) -> str:
        """The one key of the request."""
        return f"{self.scope}:{self.request_id}"
