"""Who acts, and what their roles let them do: the owner's own decision (GW-1)."""

from dataclasses import dataclass
from typing import Final

from plexus_access.roles import ADMIN, GUEST, MEMBER, NAMES, permissions_of

from directory.domain.ids import PersonId, SessionId, TenantId
from directory.domain.refusals import PermissionMissing

__all__ = ["ADMIN", "GUEST", "MEMBER", "ROLES", "Actor", "permits", "require"]

ROLES: Final = NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The signed-in person that a request runs for, as the verified caller context says."""

    tenant_id: TenantId
    person_id: PersonId
    session_id: SessionId
    roles: frozenset[str]

    @property
    def guest(self) -> bool:
        """Whether a guest acts: a guest holds that role and no other (GW-5)."""
        return GUEST in self.roles


def permits(actor: Actor, permission: str) -> bool:
    """Whether a role of the actor holds the permission."""
    return permission in permissions_of(actor.roles)


def require(actor: Actor, permission: str) -> None:
    """Check that a role of the actor holds the permission.

    Raises:
        PermissionMissing: no role does.
    """
    if not permits(actor, permission):
        raise PermissionMissing(permission=permission)
