"""Reads of sign-in."""

from directory.sign_in.queries.second_factors import list_second_factors
from directory.sign_in.queries.sessions import list_sessions
from directory.sign_in.queries.sign_in_policies import get_sign_in_policy, list_sign_in_options

__all__ = [
    "get_sign_in_policy",
    "list_second_factors",
    "list_sessions",
    "list_sign_in_options",
]
