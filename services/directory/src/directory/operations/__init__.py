"""Writes of the directory, one per RPC verb: load, decide, write state and fact together."""

from directory.operations import scim
from directory.operations.absences import set_absence
from directory.operations.bindings import bind_role, end_expired_bindings, unbind_role
from directory.operations.departments import create_department, update_department
from directory.operations.groups import (
    GroupDraft,
    change_group_members,
    create_group,
    delete_group,
    update_group,
)
from directory.operations.imports import import_people
from directory.operations.leaving import deactivate_person, expire_guests, reactivate_person
from directory.operations.modules import set_module
from directory.operations.people import create_person, update_person, update_profile
from directory.operations.policies import delete_access_policy, put_access_policy
from directory.operations.refreshing import refresh_session
from directory.operations.restructuring import (
    merge_department,
    move_department,
    split_department,
)
from directory.operations.roles import create_role, delete_role, update_role
from directory.operations.setting_passwords import set_password
from directory.operations.signing_in import sign_in
from directory.operations.signing_out import sign_out
from directory.operations.tenants import init_tenant

__all__ = [
    "GroupDraft",
    "bind_role",
    "change_group_members",
    "create_department",
    "create_group",
    "create_person",
    "create_role",
    "deactivate_person",
    "delete_access_policy",
    "delete_group",
    "delete_role",
    "end_expired_bindings",
    "expire_guests",
    "import_people",
    "init_tenant",
    "merge_department",
    "move_department",
    "put_access_policy",
    "reactivate_person",
    "refresh_session",
    "scim",
    "set_absence",
    "set_module",
    "set_password",
    "sign_in",
    "sign_out",
    "split_department",
    "unbind_role",
    "update_department",
    "update_group",
    "update_person",
    "update_profile",
    "update_role",
]
