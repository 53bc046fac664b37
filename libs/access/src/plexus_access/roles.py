"""The built-in roles and their permissions: one table for the gateway and the owners (GW-3)."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

ADMIN: Final = "admin"
MEMBER: Final = "member"
GUEST: Final = "guest"
AUDITOR: Final = "auditor"
NAMES: Final = (ADMIN, AUDITOR, MEMBER, GUEST)
"""In the order in which they are listed."""

_OF_GUESTS: Final = frozenset(
    {
        "conversations.arrange",
        "conversations.leave",
        "conversations.read",
        "messages.follow",
        "messages.mark_read",
        "messages.read",
        "messages.send",
        "modules.read",
        "notifications.configure",
        "notifications.mark_read",
        "notifications.read",
        "people.read",
        "people.update_profile",
        "presence.signal",
        "search.query",
        "sessions.end",
        "sessions.open",
        "sessions.read",
        "sessions.set_password",
        "sessions.set_second_factor",
        "tasks.read",
        "tasks.update",
    }
)
_OF_MEMBERS: Final = _OF_GUESTS | {
    "access.explain",
    "api_tokens.create",
    "conversations.add_members",
    "conversations.create",
    "conversations.manage",
    "conversations.remove_members",
    "departments.read",
    "groups.read",
    "people.set_absence",
    "projects.create",
    "projects.read",
    "projects.update",
    "tasks.create",
}
_OF_AUDITORS: Final = _OF_MEMBERS | {
    "access.explain_others",
    "audit.export",
    "audit.read",
    "conversations.export_anchors",
    "policies.read",
    "roles.read",
    "status.read",
}
_OF_ADMINS: Final = _OF_AUDITORS | {
    "api_tokens.manage",
    "departments.manage",
    "groups.manage",
    "messages.configure",
    "messages.import",
    "modules.manage",
    "people.approve_feed",
    "people.import",
    "people.manage",
    "people.provision",
    "policies.manage",
    "records.skip",
    "roles.bind",
    "roles.manage",
    "sessions.manage",
    "sign_in.configure",
    "tasks.reassign",
}
BUILT_IN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {ADMIN: _OF_ADMINS, AUDITOR: _OF_AUDITORS, MEMBER: _OF_MEMBERS, GUEST: _OF_GUESTS}
)

PERMISSIONS: Final = _OF_ADMINS
"""Everything that can be granted."""

TENANT_WIDE: Final = frozenset(
    {
        "access.explain_others",
        "conversations.export_anchors",
        "messages.configure",
        "messages.import",
        "modules.manage",
        "people.approve_feed",
        "people.import",
        "people.provision",
        "policies.manage",
        "policies.read",
        "records.skip",
        "roles.manage",
        "sign_in.configure",
        "status.read",
    }
)
"""Permissions that a call without an object needs for the whole tenant, not only for a part of it.

For all others the owner reads the object from the request, or answers for that part.
"""
READING: Final = frozenset(
    {
        "access.explain",
        "access.explain_others",
        "audit.export",
        "audit.read",
        "conversations.read",
        "departments.read",
        "groups.read",
        "messages.read",
        "modules.read",
        "notifications.read",
        "people.read",
        "policies.read",
        "projects.read",
        "roles.read",
        "search.query",
        "sessions.open",
        "sessions.read",
        "status.read",
        "tasks.read",
    }
)
"""Permissions that change no state, for any method (GW-9)."""
CHANGING: Final = PERMISSIONS - READING
"""Permissions that change state: a token without any of them changes nothing."""
ORDINARY: Final = _OF_MEMBERS
"""Permissions that every member holds; an owner grants the others on its own replica alone."""


def holds(
    permission: str, *, roles: frozenset[str], extra: frozenset[str], scopes: frozenset[str]
) -> bool:
    """Return whether a caller holds a permission for the tenant, by a caller context.

    Args:
        permission: the permission.
        roles: built-in roles.
        extra: permissions from other roles.
        scopes: permissions that an API token is limited to; empty for people.
    """
    if scopes and permission not in scopes:
        return False
    return permission in extra or permission in permissions_of(roles)


@lru_cache(maxsize=1024)
def permissions_of(roles: frozenset[str]) -> frozenset[str]:
    """Return everything that built-in roles grant together; an unknown name grants nothing."""
    return frozenset().union(*(BUILT_IN.get(role, frozenset()) for role in roles))
