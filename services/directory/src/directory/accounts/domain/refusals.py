"""Refusals about passwords and sessions."""

from plexuskit.errors import Kind, Refusal


class PasswordChecksBusy(Refusal):
    """More password checks are waiting than the service accepts; independent of any account."""

    kind = Kind.EXHAUSTED
    text = "Too many people are signing in at once. Try again in a moment."


class RefreshRefused(Refusal):
    """The refresh token is unknown, expired, or of a session that has ended."""

    kind = Kind.UNAUTHENTICATED
    text = "The session is over. Sign in again."


class RefreshReused(Refusal):
    """A spent refresh token was presented again: it may be stolen, so the session ended."""

    kind = Kind.UNAUTHENTICATED
    text = "The session was ended because its token was used twice. Sign in again."
