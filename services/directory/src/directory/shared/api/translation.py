"""The caller of a call."""

from plexuskit import grpc as kit_grpc

from directory.shared.domain.actors import GUEST, Actor
from directory.shared.domain.ids import PersonId, SessionId, TenantId


def acting() -> Actor:
    """Return the signed-in person of the verified caller context, never of request fields (GW-1).

    Raises:
        Unauthenticated: the caller is not a person.
    """
    caller = kit_grpc.actor()
    return Actor(
        tenant_id=TenantId(caller.tenant_id),
        person_id=PersonId(caller.person_id),
        session_id=SessionId(caller.session_id),
        roles=frozenset(caller.roles) | ({GUEST} if kit_grpc.caller().guest else frozenset()),
        scopes=frozenset(kit_grpc.caller().scopes),
    )
