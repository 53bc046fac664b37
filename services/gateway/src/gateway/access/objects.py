"""Object of a request: the field that its method's requirement names."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus_access.objects import KINDS, Object
from plexus_access.objects import object_of as object_of_text
from plexuskit import bounds
from plexuskit.grpc import MethodInfo

ObjectOf = Callable[[bytes], Object | None]
"""Reads the object of a request's bytes; None for bytes that are none, which the owner refuses.

Raises FieldOutOfRange for a request outside its declared bounds (GW-8).
"""

ObjectsOf = Callable[[bytes], list[Object]]
"""Reads the objects that a field of a request's bytes names; raises as `ObjectOf` does."""

NAMED: Final = "named"
ROLE_BINDING: Final = "role_binding"
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
        resource: kind of the objects; `named` for a field that writes them with their kinds, and
            `role_binding` for bindings.
        id_: path of the field; it and the fields on the way may be repeated.
        empty: a field that is not set gives an object without id; else it gives none.

    Raises LookupError for a kind or a field that does not exist.
    """
    if resource not in KINDS and resource not in {NAMED, ROLE_BINDING}:
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
            message: Any = read(request)
        except DecodeError:
            return []
        bounds.check(message)
        ids = [each for each in _values(message, path) if each or empty]
        if kind == NAMED:
            return [object_ for each in ids if (object_ := _named(each)) is not None]
        return [Object(kind, each) for each in ids]

    return of


def _values(message: Any, path: Sequence[str]) -> Iterator[str]:
    """Yield the values of a field, of every message on the way to it."""
    value = getattr(message, path[0])
    values = value if message.DESCRIPTOR.fields_by_name[path[0]].is_repeated else (value,)
    if len(path) == 1:
        yield from values
        return
    for each in values:
        yield from _values(each, path[1:])


def _named(written: str) -> Object | None:
    """Read `kind:id` or `kind:id#member`; None for anything else, which the owner refuses."""
    try:
        return object_of_text(written.partition("#")[0])
    except ValueError:
        return None
