"""Writes of access, one per RPC: load, decide, write state and fact together."""

from directory.access.operations.access_policies import delete_access_policy, put_access_policy
from directory.access.operations.modules import set_module
from directory.access.operations.role_bindings import bind_role, end_expired_bindings, unbind_role
from directory.access.operations.roles import create_role, delete_role, update_role

__all__ = [
    "bind_role",
    "create_role",
    "delete_access_policy",
    "delete_role",
    "end_expired_bindings",
    "put_access_policy",
    "set_module",
    "unbind_role",
    "update_role",
]
