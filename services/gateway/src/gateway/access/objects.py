"""Which object a request is about: the field that its method's requirement names."""

from collections.abc import Callable
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus_access.objects import KINDS, Object
from plexuskit import bounds
from plexuskit.grpc import MethodInfo

ObjectOf = Callable[[bytes], Object | None]
"""Reads the object of a request's bytes; None for bytes that are none, which the owner refuses.

Raises FieldOutOfRange for a request outside its declared bounds (GW-8).
"""

_SEPARATOR: Final = "."


def object_of(method: MethodInfo) -> ObjectOf | None:
    """Return what reads the object of a method's requests; None for a method about the tenant.

    Raises LookupError for a requirement that names a kind or a field that does not exist.
    """
    required = method.requirement
    return object_at(method, required.resource, required.id) if required.resource else None


def object_at(method: MethodInfo, resource: str, id_: str) -> ObjectOf:
    """Return what reads an object of a method's requests, by its kind and the path of its field.

    Raises LookupError for a kind or a field that does not exist.
    """
    if resource not in KINDS:
        raise LookupError(f"{method.path}: no object is of the kind {resource!r}")
    path = id_.split(_SEPARATOR)
    descriptor: Any = method.request_class.DESCRIPTOR
    for name in path[:-1]:
        descriptor = descriptor.fields_by_name[name].message_type
    if path[-1] not in descriptor.fields_by_name:
        raise LookupError(f"{method.path}: its request has no field {id_!r}")
    kind, read = resource, method.request_class.FromString

    def of(request: bytes) -> Object | None:
        try:
            found: Any = read(request)
        except DecodeError:
            return None
        bounds.check(found)
        for name in path:
            found = getattr(found, name)
        return Object(kind, found)

    return of
