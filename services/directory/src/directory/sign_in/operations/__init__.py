"""Writes of sign-in, one per RPC: load, decide, write state and fact together."""

from directory.sign_in.operations.api_tokens import create_api_token, resolve_api_token
from directory.sign_in.operations.openid_providers import (
    delete_openid_provider,
    put_openid_provider,
)
from directory.sign_in.operations.passkeys import begin_passkey, finish_passkey
from directory.sign_in.operations.passwords import set_password
from directory.sign_in.operations.second_factors import remove_second_factor
from directory.sign_in.operations.sessions import refresh_session, revoke_sessions, sign_out
from directory.sign_in.operations.sign_in_policies import update_sign_in_policy
from directory.sign_in.operations.sign_ins import complete_sign_in, sign_in
from directory.sign_in.operations.single_sign_on import (
    begin_single_sign_on,
    complete_single_sign_on,
)
from directory.sign_in.operations.totp import confirm_totp, enroll_totp

__all__ = [
    "begin_passkey",
    "begin_single_sign_on",
    "complete_sign_in",
    "complete_single_sign_on",
    "confirm_totp",
    "create_api_token",
    "delete_openid_provider",
    "enroll_totp",
    "finish_passkey",
    "put_openid_provider",
    "refresh_session",
    "remove_second_factor",
    "resolve_api_token",
    "revoke_sessions",
    "set_password",
    "sign_in",
    "sign_out",
    "update_sign_in_policy",
]
