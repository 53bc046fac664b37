"""Sign-in policy of a company: local accounts or not, and roles that need a second factor."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from plexuskit.errors import InvalidArgument, VersionConflict

from directory.shared.domain.ids import TenantId

MAX_ROLES: Final = 100
_MAX_ROLE_ID: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPolicy:
    """The policy of a tenant; one that was never set has version 0."""

    tenant_id: TenantId
    local_accounts: bool = True
    second_factor_role_ids: tuple[str, ...] = ()
    version: int = 0

    def needs_second_factor(self, roles: frozenset[str]) -> bool:
        """Return whether one of the roles requires a second factor."""
        return not roles.isdisjoint(self.second_factor_role_ids)


def change(
    policy: SignInPolicy,
    *,
    local_accounts: bool,
    second_factor_role_ids: Sequence[str],
    expected_version: int,
) -> SignInPolicy:
    """Change the policy. Out: the same object when nothing differs, else the next version.

    Raises:
        VersionConflict: `expected_version` is not the current one.
        InvalidArgument: too many roles, or an invalid role id.
    """
    if expected_version != policy.version:
        raise VersionConflict(expected_version=expected_version, current_version=policy.version)
    if len(second_factor_role_ids) > MAX_ROLES:
        raise InvalidArgument(
            field="second_factor_role_ids", problem=f"holds more than {MAX_ROLES}"
        )
    for role_id in second_factor_role_ids:
        if not 0 < len(role_id) <= _MAX_ROLE_ID or not role_id.isprintable():
            raise InvalidArgument(field="second_factor_role_ids", problem="holds what is no id")
    changed = replace(
        policy,
        local_accounts=local_accounts,
        second_factor_role_ids=tuple(sorted(set(second_factor_role_ids))),
    )
    return policy if changed == policy else replace(changed, version=policy.version + 1)
