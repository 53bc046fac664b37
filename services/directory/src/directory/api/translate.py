"""What several servicers translate: the caller, request ids, kinds of people."""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import Message
from plexus.directory.v1 import people_pb2
from plexuskit import grpc as kit_grpc
from plexuskit.errors import InvalidArgument

from directory.domain.access import GUEST, Actor
from directory.domain.ids import PersonId, SessionId, TenantId
from directory.domain.people import Kind
from directory.domain.requests import Request
from directory.domain.working_hours import MAX_WINDOWS, Window, WorkingHours, check

# Repeated days are dropped, so a few more than a week are let through.
MAX_WEEKDAYS: Final = 70

_KINDS: Final = {
    people_pb2.Person.KIND_UNSPECIFIED: Kind.HUMAN,
    people_pb2.Person.KIND_HUMAN: Kind.HUMAN,
    people_pb2.Person.KIND_SERVICE_ACCOUNT: Kind.SERVICE_ACCOUNT,
    people_pb2.Person.KIND_BOOTSTRAP: Kind.BOOTSTRAP,
    people_pb2.Person.KIND_GUEST: Kind.GUEST,
}


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


def hours_of(hours: people_pb2.WorkingHours, *, field: str = "working_hours") -> WorkingHours:
    """Read working hours that a request has set.

    Raises:
        InvalidArgument: days, minutes or windows that cannot be.
    """
    # Counted first: a list of a million is not made into windows.
    if len(hours.windows) > MAX_WINDOWS:
        raise InvalidArgument(field=f"{field}.windows", problem=f"takes 1 to {MAX_WINDOWS}")
    if len(hours.weekdays) > MAX_WEEKDAYS:
        raise InvalidArgument(field=f"{field}.weekdays", problem="takes 1 (Monday) to 7 (Sunday)")
    windows = [Window(each.start_minute, each.end_minute) for each in hours.windows]
    return check(hours.weekdays, windows, field=field)


def kind_of(kind: "people_pb2.Person.Kind.ValueType") -> Kind:
    """Translate what acts under a name; unspecified is a human.

    Raises:
        InvalidArgument: a kind that this version does not know.
    """
    if kind not in _KINDS:
        raise InvalidArgument(field="kind", problem="is unknown")
    return _KINDS[kind]
