"""Which role holds which permission; the owner decides again, on the very object (GW-1, GW-3)."""

from plexus_access.roles import permissions_of
from plexuskit.errors import Kind, Refusal


class PermissionMissing(Refusal):
    """No role of the caller holds the permission, or the token is limited to others."""

    kind = Kind.PERMISSION_DENIED
    text = "Your roles or this token do not include the permission {permission}."


def may(roles: frozenset[str], permission: str, *, scopes: frozenset[str]) -> bool:
    """Tell whether one of the roles holds a permission that the scopes leave, if there are any."""
    return permission in permissions_of(roles) and (not scopes or permission in scopes)


def require(roles: frozenset[str], permission: str, *, scopes: frozenset[str]) -> None:
    """Check that one of the roles holds a permission and that no scope takes it away.

    Raises PermissionMissing, which names the permission.
    """
    if not may(roles, permission, scopes=scopes):
        raise PermissionMissing(permission=permission)
