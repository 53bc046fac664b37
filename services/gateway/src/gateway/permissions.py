"""Which role holds which permission; the owner decides again, on the very object (GW-1, GW-3)."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from plexuskit.errors import Kind, Refusal

MEMBER: Final = "member"
ADMIN: Final = "admin"

_OF_MEMBERS: Final = frozenset(
    {
        "conversations.add_members",
        "conversations.create",
        "conversations.manage",
        "conversations.read",
        "conversations.remove_members",
        "departments.read",
        "messages.read",
        "messages.send",
        "notifications.configure",
        "notifications.read",
        "people.read",
        "projects.create",
        "projects.read",
        "search.query",
        "sessions.end",
        "sessions.open",
        "sessions.set_password",
        "status.read",
        "tasks.create",
        "tasks.read",
        "tasks.update",
    }
)
_OF_ADMINS: Final = _OF_MEMBERS | {
    "departments.manage",
    "messages.configure",
    "messages.import",
    "people.import",
    "people.manage",
}
PERMISSIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {MEMBER: _OF_MEMBERS, ADMIN: _OF_ADMINS}
)


class PermissionMissing(Refusal):
    """No role of the caller holds the permission that the method requires."""

    kind = Kind.PERMISSION_DENIED
    text = "Your roles do not include the permission {permission}; ask an administrator for it."


@lru_cache(maxsize=1024)
def permissions_of(roles: frozenset[str]) -> frozenset[str]:
    """Return everything that the roles grant together; an unknown role grants nothing."""
    return frozenset().union(*(PERMISSIONS.get(role, frozenset()) for role in roles))


def may(roles: frozenset[str], permission: str) -> bool:
    """Tell whether one of the roles holds a permission."""
    return permission in permissions_of(roles)


def require(roles: frozenset[str], permission: str) -> None:
    """Check that one of the roles holds a permission.

    Raises PermissionMissing, which names the permission.
    """
    if not may(roles, permission):
        raise PermissionMissing(permission=permission)
