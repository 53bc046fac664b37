"""Writes of the directory, one per RPC verb: load, decide, write state and fact together."""

from directory.operations import scim
from directory.operations.departments import create_department
from directory.operations.imports import import_people
from directory.operations.people import create_person, deactivate_person, update_person
from directory.operations.refreshing import refresh_session
from directory.operations.setting_passwords import set_password
from directory.operations.signing_in import sign_in
from directory.operations.signing_out import sign_out
from directory.operations.tenants import init_tenant

__all__ = [
    "create_department",
    "create_person",
    "deactivate_person",
    "import_people",
    "init_tenant",
    "refresh_session",
    "scim",
    "set_password",
    "sign_in",
    "sign_out",
    "update_person",
]
