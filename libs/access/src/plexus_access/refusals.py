"""Refusals of a decision: the same words at the gateway and at every owner."""

from datetime import timedelta
from typing import Any, Final

from plexuskit.errors import Kind, Refusal

RETRY: Final = timedelta(seconds=1)


class PermissionMissing(Refusal):
    """No role of the caller holds the permission, or the token is limited to others."""

    kind = Kind.PERMISSION_DENIED
    text = "Your roles or this token do not include the permission {permission}."


class ModuleOff(Refusal):
    """The company does not use this part of the product, or not for this person."""

    kind = Kind.PERMISSION_DENIED
    text = "The module {module} is switched off for you; an administrator can switch it on."


class PolicyForbids(Refusal):
    """An attribute policy of the company refuses a permission granted by roles."""

    kind = Kind.PERMISSION_DENIED
    text = "The policy {policy} of your company forbids this; ask an administrator why."


class PersonNotFound(Refusal):
    """No person of that id is within the roles that hold the permission, or exists (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such person. Check the id or the handle."


class FieldMasked(Refusal):
    """A request writes, or asks by, a column that no role shows to the caller (GW-3)."""

    kind = Kind.PERMISSION_DENIED
    text = "Your roles hide {field} from you, so you cannot set it or ask by it; leave it out."


class AccountInactive(Refusal):
    """The person was deactivated, or a guest's time is over."""

    kind = Kind.PERMISSION_DENIED
    text = "This account is not active; ask an administrator to reactivate it."


class AccessNotCurrent(Refusal):
    """The replica of roles and policies is not current, so nothing is decided on it."""

    kind = Kind.UNAVAILABLE
    text = "Roles and policies cannot be checked at the moment; try again in a moment."

    def __init__(self, *, retry_after: timedelta = RETRY, **metadata: Any) -> None:
        """Set the time to wait before the next try."""
        super().__init__(retry_after=retry_after, **metadata)
