"""Counting attempts at a password before it is looked at, so that parallel guesses gain nothing."""

from datetime import datetime, timedelta
from typing import Final

from plexuskit.errors import Refusal

from directory.domain import passwords
from directory.store import Store

_MOST_SWAPS: Final = 20
_WHEN_CROWDED: Final = timedelta(seconds=1)


async def count_attempt(
    store: Store, key: str, *, refusal: type[Refusal], now: datetime
) -> timedelta | None:
    """Count an attempt as failed; out: how long the key is locked if it does fail, or None.

    Raises:
        Refusal: of the given type, with `retry_after`, while the key is locked.
    """
    for _ in range(_MOST_SWAPS):
        before = await store.attempts.find(key)
        locked = passwords.locked_for(before, now=now)
        if locked is not None:
            raise refusal(retry_after=locked)
        after = passwords.count(before, now=now)
        if await store.attempts.swap(key, before=before, after=after, now=now):
            return passwords.locked_for(after, now=now)
    # Twenty others were faster: a person at a keyboard never meets this, a guessing machine may
    # wait.
    raise refusal(retry_after=_WHEN_CROWDED)
