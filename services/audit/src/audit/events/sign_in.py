"""Facts about signing in: the affected person and the outcome (GW-7)."""

from collections.abc import Mapping
from typing import Any, Final

from plexus.directory.v1 import events_pb2 as facts

from audit.events.reading import instant

_OF_PERSON: Final = (
    facts.SessionRevoked,
    facts.SessionStarted,
    facts.SignInFailed,
    facts.PasswordSet,
    facts.RefreshRepeated,
    facts.SignInEmailSet,
    facts.ApiTokenCreated,
    facts.SecondFactorAdded,
    facts.SecondFactorRemoved,
)


def sign_in_details(fact: Any) -> Mapping[str, str]:
    """Return the details of an entry about signing in; empty for another fact.

    Each names the affected person, if there is one; never a password, a token's secret or an
    unknown handle.
    """
    if not isinstance(fact, _OF_PERSON):
        return {}
    details = {"person": f"person:{fact.person_id}"} if fact.person_id else {}
    return details | _particulars(fact)


def _particulars(fact: Any) -> dict[str, str]:
    match fact:
        case facts.SessionStarted():
            provider = {"provider": fact.single_sign_on} if fact.single_sign_on else {}
            return {"methods": " ".join(fact.methods), "network": fact.network} | provider
        case facts.SignInFailed():
            return {
                "attempts": str(fact.attempts),
                "network": fact.network,
                "minute": instant(fact.minute).isoformat(),
                "failed": "second factor" if fact.second_factor else "password",
            }
        case facts.PasswordSet() | facts.SignInEmailSet() | facts.SessionRevoked():
            why = "cause" if isinstance(fact, facts.SessionRevoked) else "reason"
            given = getattr(fact, why)
            return {why: given} if given else {}
        case facts.ApiTokenCreated():
            return {
                "name": fact.name,
                "scopes": " ".join(fact.scopes),
                "expires_at": instant(fact.expires_at).isoformat(),
            }
        case facts.SecondFactorAdded() | facts.SecondFactorRemoved():
            return {"kind": fact.kind}
    return {}
