"""Writes of the directory, one per RPC verb: load, decide, write state and fact together."""

from directory.access.operations.access_policies import delete_access_policy, put_access_policy
from directory.access.operations.modules import set_module
from directory.access.operations.role_bindings import bind_role, end_expired_bindings, unbind_role
from directory.access.operations.roles import create_role, delete_role, update_role
from directory.people.operations.absences import set_absence
from directory.people.operations.departments import create_department, update_department
from directory.people.operations.groups import (
    GroupDraft,
    change_group_members,
    create_group,
    delete_group,
    update_group,
)
from directory.people.operations.imports import import_people
from directory.people.operations.leaving import deactivate_person, expire_guests, reactivate_person
from directory.people.operations.people import create_person, update_person, update_profile
from directory.people.operations.restructuring import (
    merge_department,
    move_department,
    split_department,
)
from directory.people.operations.tenants import init_tenant
from directory.scim import operations as scim
from directory.sign_in.operations.answering import complete_sign_in
from directory.sign_in.operations.api_tokens import create_api_token, resolve_api_token
from directory.sign_in.operations.openid_providers import (
    delete_openid_provider,
    put_openid_provider,
)
from directory.sign_in.operations.passkeys import begin_passkey, finish_passkey
from directory.sign_in.operations.passwords import set_password
from directory.sign_in.operations.refreshing import refresh_session
from directory.sign_in.operations.revoking import revoke_sessions
from directory.sign_in.operations.second_factors import remove_second_factor
from directory.sign_in.operations.sign_in_policies import update_sign_in_policy
from directory.sign_in.operations.sign_ins import sign_in
from directory.sign_in.operations.signing_out import sign_out
from directory.sign_in.operations.single_sign_on import (
    begin_single_sign_on,
    complete_single_sign_on,
)
from directory.sign_in.operations.totp import confirm_totp, enroll_totp

__all__ = [
    "GroupDraft",
    "begin_passkey",
    "begin_single_sign_on",
    "bind_role",
    "change_group_members",
    "complete_sign_in",
    "complete_single_sign_on",
    "confirm_totp",
    "create_api_token",
    "create_department",
    "create_group",
    "create_person",
    "create_role",
    "deactivate_person",
    "delete_access_policy",
    "delete_group",
    "delete_openid_provider",
    "delete_role",
    "end_expired_bindings",
    "enroll_totp",
    "expire_guests",
    "finish_passkey",
    "import_people",
    "init_tenant",
    "merge_department",
    "move_department",
    "put_access_policy",
    "put_openid_provider",
    "reactivate_person",
    "refresh_session",
    "remove_second_factor",
    "resolve_api_token",
    "revoke_sessions",
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
    "update_sign_in_policy",
]
