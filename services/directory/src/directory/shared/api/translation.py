"""The caller of a call."""

from plexuskit import grpc as kit_grpc

from directory.shared.domain.actors import GUEST, Actor
from directory.shared.domain.ids import PersonId, SessionId, TenantId


def acting() -> Actor:
    """Take the signed-in person from the verified caller context, never from request fields (GW-1).

    Raises:
        Unauthenticated: the caller is no person.
    """
    caller = kit_grpc.actor()
    return Actor(
        tenant_id=TenantId(caller.tenant_id),
        person_id=PersonId(caller.person_id),
        session_id=SessionId(caller.session_id),
        roles=frozenset(caller.roles) | ({GUEST} if kit_grpc.caller().guest else frozenset()),
        scopes=frozenset(kit_grpc.caller().scopes),
    )
