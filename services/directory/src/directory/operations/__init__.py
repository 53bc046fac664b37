"""Writes of the directory, one per RPC verb: load, decide, write state and fact together."""

from directory.operations.bindings import bind_role, end_expired_bindings, unbind_role
from directory.operations.departments import create_department
from directory.operations.imports import import_people
from directory.operations.modules import set_module
from directory.operations.people import create_person, deactivate_person, update_person
from directory.operations.policies import delete_access_policy, put_access_policy
from directory.operations.refreshing import refresh_session
from directory.operations.roles import create_role, delete_role, update_role
from directory.operations.setting_passwords import set_password
from directory.operations.signing_in import sign_in
from directory.operations.signing_out import sign_out
from directory.operations.tenants import init_tenant

__all__ = [
    "bind_role",
    "create_department",
    "create_person",
    "create_role",
    "deactivate_person",
    "delete_access_policy",
    "delete_role",
    "end_expired_bindings",
    "import_people",
    "init_tenant",
    "put_access_policy",
    "refresh_session",
    "set_module",
    "set_password",
    "sign_in",
    "sign_out",
    "unbind_role",
    "update_person",
    "update_role",
]
