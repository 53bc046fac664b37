"""Who acts, and what their roles let them do: the owner's own decision (GW-1)."""

from dataclasses import dataclass
from typing import Final

from plexus_access.roles import ADMIN, MEMBER, NAMES, permissions_of

from directory.domain.ids import PersonId, SessionId, TenantId
from directory.domain.refusals import PermissionMissing

__all__ = ["ADMIN", "MEMBER", "ROLES", "Actor", "require"]

ROLES: Final = NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The signed-in person that a request runs for, as the verified caller context says."""

    tenant_id: TenantId
    person_id: PersonId
    session_id: SessionId
    roles: frozenset[str]


def require(actor: Actor, permission: str) -> None:
    """Check that a role of the actor holds the permission.

    Raises:
        PermissionMissing: no role does.
    """
    if permission not in permissions_of(actor.roles):
        raise PermissionMissing(permission=permission)
