"""Actors and the permissions of their roles: the owner's own decision (GW-1)."""

import enum
from dataclasses import dataclass
from typing import Final

from plexus_access.roles import ADMIN, GUEST, MEMBER, NAMES, holds

from directory.shared.domain.ids import PersonId, SessionId, TenantId
from directory.shared.domain.refusals import PermissionMissing

__all__ = ["ADMIN", "GUEST", "MEMBER", "ROLES", "SERVICE", "Actor", "require"]

ROLES: Final = NAMES
SERVICE: Final = "directory"
"""The actor of facts that the service states by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Signed-in person of a request, from the verified caller context."""

    tenant_id: TenantId
    person_id: PersonId
    session_id: SessionId
    roles: frozenset[str]
    scopes: frozenset[str] = frozenset()
    """Permissions that an API token is limited to; empty for no limit."""

    def lets(self, permission: str) -> bool:
        """Return whether an API token, if one is used, allows the permission at all."""
        return not self.scopes or permission in self.scopes

    @property
    def guest(self) -> bool:
        """True if the actor is a guest: a guest holds that role and no other (GW-5)."""
        return GUEST in self.roles

    @property
    def believed(self) -> frozenset[str]:
        """The role that is trusted from the gateway alone (GW-12): `member`, or `guest`.

        All other grants must be stored (`store.grants`).
        """
        if self.guest:
            return frozenset({GUEST})
        return frozenset({MEMBER}) if self.roles else frozenset()


def require(actor: Actor, permission: str) -> None:
    """Check a permission that everyone, or every guest, has.

    Enough for actions on one's own objects; for all others see `store.grants`.

    Raises:
        PermissionMissing: it is not one of those, or the API token lacks it.
    """
    if not holds(permission, roles=actor.believed, extra=frozenset(), scopes=actor.scopes):
        raise PermissionMissing(permission=permission)


class State(enum.Enum):
    """Sign-in state of a person."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
