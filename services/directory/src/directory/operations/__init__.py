"""Writes of the directory, one per RPC verb: load, decide, write state and fact together."""

from directory.operations.answering import complete_sign_in
from directory.operations.api_tokens import create_api_token, resolve_api_token
from directory.operations.departments import create_department
from directory.operations.imports import import_people
from directory.operations.people import create_person, deactivate_person, update_person
from directory.operations.refreshing import refresh_session
from directory.operations.revoking import revoke_sessions
from directory.operations.second_factors import (
    begin_passkey,
    confirm_totp,
    enroll_totp,
    finish_passkey,
    remove_second_factor,
)
from directory.operations.setting_passwords import set_password
from directory.operations.sign_in_policies import (
    delete_openid_provider,
    put_openid_provider,
    update_sign_in_policy,
)
from directory.operations.signing_in import sign_in
from directory.operations.signing_out import sign_out
from directory.operations.single_sign_on import begin_single_sign_on, complete_single_sign_on
from directory.operations.tenants import init_tenant

__all__ = [
    "begin_passkey",
    "begin_single_sign_on",
    "complete_sign_in",
    "complete_single_sign_on",
    "confirm_totp",
    "create_api_token",
    "create_department",
    "create_person",
    "deactivate_person",
    "delete_openid_provider",
    "enroll_totp",
    "finish_passkey",
    "import_people",
    "init_tenant",
    "put_openid_provider",
    "refresh_session",
    "remove_second_factor",
    "resolve_api_token",
    "revoke_sessions",
    "set_password",
    "sign_in",
    "sign_out",
    "update_person",
    "update_sign_in_policy",
]
