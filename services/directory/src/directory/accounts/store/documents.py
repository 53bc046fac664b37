"""Sessions, API tokens and failed attempts as documents; the only place that knows both shapes."""

from collections.abc import Mapping
from typing import Any, Final

from plexuskit.mongo import Documents

from directory.accounts.domain.api_tokens import ApiToken
from directory.accounts.domain.passwords import Attempts
from directory.accounts.domain.sessions import (
    PASSWORD,
    Generation,
    Session,
    to_the_minute,
)
from directory.accounts.domain.spread import Spread

SESSIONS: Final = Documents(
    Session,
    names={"id": "_id"},
    # From before there were second factors, sign-in of companies and generations.
    missing={"methods": (PASSWORD,), "single_sign_on": "", "generation": 0},
)
GENERATIONS: Final = Documents(Generation, names={"person_id": "_id"})
API_TOKENS: Final = Documents(ApiToken, names={"id": "_id"})


def session_from(document: Mapping[str, Any]) -> Session:
    """Read a session; an older one was last used when its last refresh token was."""
    used = document.get("last_used_at") or to_the_minute(
        document["spent_at"] or document["started_at"]
    )
    return SESSIONS.from_document({**document, "last_used_at": used})


def spread_from(document: Mapping[str, Any]) -> Spread:
    """Read the failures at a handle over all networks."""
    failures = document["failures"]
    return Spread(
        networks=frozenset(document["networks"]),
        together=attempts_from(document) if failures else None,
        counted=document["counted"],
    )


def attempts_from(document: Mapping[str, Any]) -> Attempts:
    """Read the attempts at a handle."""
    return Attempts(failures=document["failures"], locked_until=document["locked_until"])
