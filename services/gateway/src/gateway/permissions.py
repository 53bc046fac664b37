"""Which role holds which permission; the owner decides again, on the very object (GW-1, GW-3)."""

from plexus_access.roles import permissions_of
from plexuskit.errors import Kind, Refusal


class PermissionMissing(Refusal):
    """No role of the caller holds the permission that the method requires."""

    kind = Kind.PERMISSION_DENIED
    text = "Your roles do not include the permission {permission}; ask an administrator for it."


def may(roles: frozenset[str], permission: str) -> bool:
    """Tell whether one of the roles holds a permission."""
    return permission in permissions_of(roles)


def require(roles: frozenset[str], permission: str) -> None:
    """Check that one of the roles holds a permission.

    Raises PermissionMissing, which names the permission.
    """
    if not may(roles, permission):
        raise PermissionMissing(permission=permission)
