"""Reads of access."""

from directory.access.queries.access_policies import list_access_policies
from directory.access.queries.modules import list_modules
from directory.access.queries.roles import list_role_bindings, list_roles

__all__ = [
    "list_access_policies",
    "list_modules",
    "list_role_bindings",
    "list_roles",
]
