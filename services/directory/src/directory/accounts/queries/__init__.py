"""Reads of accounts."""

from directory.accounts.queries.sessions import find_ended_sessions

__all__ = [
    "find_ended_sessions",
]
