"""The caller and the request id of a call."""

from collections.abc import Sequence

from google.protobuf.message import Message
from plexuskit import grpc as kit_grpc

from directory.shared.domain.actors import GUEST, Actor
from directory.shared.domain.ids import PersonId, SessionId, TenantId
from directory.shared.domain.requests import Request


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


def request_of(
    message: Message, *, actor: Actor, request_id: str, secret: Sequence[str] = ()
) -> Request | None:
    """Recognise a mutating request by its type and content; None without an id.

    `secret` names fields that are left out: a fast hash of a password must not be stored. A repeat
    that differs in them alone counts as the same request and gets the first answer.
    """
    content = type(message)()
    content.CopyFrom(message)
    for field in (*secret, "request_id"):
        content.ClearField(field)
    return Request.of(
        scope=f"{actor.tenant_id}:{actor.person_id}",
        request_id=request_id,
        method=message.DESCRIPTOR.full_name,
        content=content.SerializeToString(deterministic=True),
    )
