"""Caller identity: access tokens, their sessions, and the caller contexts sent to services."""

from gateway.identity.api_tokens import ApiTokens
from gateway.identity.callers import Callers
from gateway.identity.ended import EndedSessions
from gateway.identity.keys import SigningKeys
from gateway.identity.person import Identity, current, enter
from gateway.identity.refusals import SessionEnded, TokenExpired, TokenInvalid, TokenMissing
from gateway.identity.session_watcher import SessionWatcher
from gateway.identity.tokens import Authenticator

__all__ = [
    "ApiTokens",
    "Authenticator",
    "Callers",
    "EndedSessions",
    "Identity",
    "SessionEnded",
    "SessionWatcher",
    "SigningKeys",
    "TokenExpired",
    "TokenInvalid",
    "TokenMissing",
    "current",
    "enter",
]
