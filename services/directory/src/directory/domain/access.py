"""Who acts, and what their roles let them do: the owner's own decision (GW-1)."""

from dataclasses import dataclass
from typing import Final

from directory.domain.ids import PersonId, SessionId, TenantId
from directory.domain.refusals import PermissionMissing

ADMIN: Final = "admin"
MEMBER: Final = "member"
ROLES: Final = (ADMIN, MEMBER)

_OF_MEMBERS: Final = frozenset(
    {"people.read", "departments.read", "sessions.end", "sessions.set_password", "status.read"}
)
_OF_ADMINS: Final = _OF_MEMBERS | {
    "people.manage",
    "people.import",
    "departments.manage",
}
PERMISSIONS: Final = {ADMIN: _OF_ADMINS, MEMBER: _OF_MEMBERS}


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
    if not any(permission in PERMISSIONS.get(role, frozenset()) for role in actor.roles):
        raise PermissionMissing(permission=permission)
