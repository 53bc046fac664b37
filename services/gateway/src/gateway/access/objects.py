"""Object of a request: the field that its method's requirement names."""

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

ObjectsOf = Callable[[bytes], list[Object]]
"""Reads the objects that a field of a request's bytes names; raises as `ObjectOf` does."""

_SEPARATOR: Final = "."


def object_of(method: MethodInfo) -> ObjectOf | None:
    """Return the reader of the object in a method's requests; None for a method about the tenant.

    Raises LookupError for a requirement that names a kind or a field that does not exist.
    """
    required = method.requirement
    return object_at(method, required.resource, required.id) if required.resource else None


def object_at(method: MethodInfo, resource: str, id_: str) -> ObjectOf:
    """Return the reader of an object in a method's requests, by its kind and the path of its field.

    Raises LookupError for a kind or a field that does not exist.
    """
    read = objects_at(method, resource, id_, empty=True)

    def of(request: bytes) -> Object | None:
        return next(iter(read(request)), None)

    return of


def objects_at(method: MethodInfo, resource: str, id_: str, *, empty: bool = False) -> ObjectsOf:
    """Return the reader of the objects that a field of a method's requests names.

    Args:
        method: the method.
        resource: kind of the objects.
        id_: path of the field, which may be repeated.
        empty: a field that is not set gives an object without id; else it gives none.

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

    def of(request: bytes) -> list[Object]:
        try:
            found: Any = read(request)
        except DecodeError:
            return []
        bounds.check(found)
        for name in path:
            found = getattr(found, name)
        ids = [found] if isinstance(found, str) else found
        return [Object(kind, each) for each in ids if each or empty]

    return of
