"""Finding sessions and API tokens that have ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from plexuskit.errors import InvalidArgument

from directory.accounts.store import Store

MAX_SESSIONS: Final = 10_000


async def find_ended_sessions(
    store: Store, *, session_ids: Sequence[str], now: datetime
) -> list[str]:
    """Find the sessions and API tokens that have ended: ended, expired, or unknown (GW-4).

    Unknown means ended: a session too old to be stored must not stay open.

    Raises:
        InvalidArgument: more than 10,000 are asked for.
    """
    if len(session_ids) > MAX_SESSIONS:
        raise InvalidArgument(field="session_ids", problem=f"holds more than {MAX_SESSIONS}")
    alive = await store.sessions.find_alive(session_ids, now=now)
    alive |= await store.api_tokens.find_alive(session_ids, now=now)
    return [session_id for session_id in dict.fromkeys(session_ids) if session_id not in alive]
