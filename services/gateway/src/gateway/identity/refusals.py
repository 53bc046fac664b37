"""Refusals of requests without an identity."""

from plexuskit.errors import Kind, Refusal


class TokenMissing(Refusal):
    """The request carries no access token."""

    kind = Kind.UNAUTHENTICATED
    text = "Sign in first: the request carries no access token."


class TokenInvalid(Refusal):
    """The access token was not issued by this deployment.

    It has no metadata: naming the failed check would help an attacker.
    """

    kind = Kind.UNAUTHENTICATED
    text = "The access token is not valid here; sign in again."


class TokenExpired(Refusal):
    """The access token is past its life."""

    kind = Kind.UNAUTHENTICATED
    text = "The access token has expired; refresh the session and try again."


class SessionEnded(Refusal):
    """The session was signed out or revoked, or its person was deactivated (GW-4)."""

    kind = Kind.UNAUTHENTICATED
    text = "This session has ended; sign in again."
