"""Sessions, API tokens and failed attempts as documents; the only place that knows both shapes."""

from collections.abc import Mapping
from typing import Any

from directory.accounts.domain.api_tokens import ApiToken
from directory.accounts.domain.passwords import Attempts
from directory.accounts.domain.sessions import (
    PASSWORD,
    EndCause,
    Generation,
    Session,
    to_the_minute,
)
from directory.accounts.domain.spread import Spread
from directory.shared.domain.ids import ApiTokenId, PersonId, SessionId, TenantId
from directory.shared.store.documents import Document


def session_document(session: Session) -> Document:
    """Write a session; hashes only, never a token."""
    return {
        "_id": session.id,
        "tenant_id": session.tenant_id,
        "person_id": session.person_id,
        "device": session.device,
        "methods": list(session.methods),
        "single_sign_on": session.single_sign_on,
        "started_at": session.started_at,
        "last_used_at": session.last_used_at,
        "expires_at": session.expires_at,
        "family_hash": session.family_hash,
        "live": list(session.live),
        "spent": session.spent,
        "spent_at": session.spent_at,
        "ended_at": session.ended_at,
        "end_cause": session.end_cause.value if session.end_cause else None,
        "generation": session.generation,
        "version": session.version,
    }


def session_from(document: Mapping[str, Any]) -> Session:
    """Read a session; one from before there were second factors was opened with a password."""
    cause = document["end_cause"]
    return Session(
        id=SessionId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        person_id=PersonId(document["person_id"]),
        device=document["device"],
        methods=tuple(document.get("methods", (PASSWORD,))),
        single_sign_on=document.get("single_sign_on", ""),
        started_at=document["started_at"],
        last_used_at=document.get("last_used_at")
        or to_the_minute(document["spent_at"] or document["started_at"]),
        expires_at=document["expires_at"],
        family_hash=bytes(document["family_hash"]),
        live=tuple(map(bytes, document["live"])),
        spent=bytes(document["spent"]),
        spent_at=document["spent_at"],
        ended_at=document["ended_at"],
        end_cause=EndCause(cause) if cause else None,
        generation=document.get("generation", 0),
        version=document["version"],
    )


def generation_from(document: Mapping[str, Any]) -> Generation:
    """Read the generation of a person's sessions."""
    cause = document.get("cause")
    return Generation(
        tenant_id=TenantId(document["tenant_id"]),
        person_id=PersonId(document["_id"]),
        number=document["number"],
        ended_at=document.get("ended_at"),
        actor_id=document.get("actor_id", ""),
        cause=EndCause(cause) if cause else None,
    )


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


def api_token_document(token: ApiToken) -> Document:
    """Write an API token; its hash only."""
    return {
        "_id": token.id,
        "tenant_id": token.tenant_id,
        "person_id": token.person_id,
        "name": token.name,
        "scopes": list(token.scopes),
        "token_hash": token.token_hash,
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "made_with": list(token.made_with),
        "last_used_at": token.last_used_at,
        "ended_at": token.ended_at,
        "end_cause": token.end_cause.value if token.end_cause else None,
        "version": token.version,
    }


def api_token_from(document: Mapping[str, Any]) -> ApiToken:
    """Read an API token."""
    cause = document["end_cause"]
    return ApiToken(
        id=ApiTokenId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        person_id=PersonId(document["person_id"]),
        name=document["name"],
        scopes=tuple(document["scopes"]),
        token_hash=bytes(document["token_hash"]),
        created_at=document["created_at"],
        created_by=PersonId(document["created_by"]),
        expires_at=document["expires_at"],
        made_with=tuple(map(ApiTokenId, document.get("made_with", ()))),
        last_used_at=document["last_used_at"],
        ended_at=document["ended_at"],
        end_cause=EndCause(cause) if cause else None,
        version=document["version"],
    )
