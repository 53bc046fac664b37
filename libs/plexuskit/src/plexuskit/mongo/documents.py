"""Mapping of frozen dataclasses to documents and back, with cattrs."""

import types
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, NewType, TypeVar, Union, get_args, get_origin

from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from plexuskit.mongo.shapes import Document

T = TypeVar("T")

_ID: Final = "_id"
# BSON has these; a wrong type in a document is not converted silently.
_STORED: Final = (str, int, float, bool, bytes, datetime)


class Computed(NamedTuple):
    """Field of a document that queries and indexes need; it is not read back.

    Attributes:
        value: returns it.
        after: the field that it follows; empty: first.
    """

    value: Callable[[Any], Any]
    after: str = ""


class Codec(NamedTuple):
    """Stored form of a type that has one of its own."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


class Documents(Generic[T]):
    """Documents of one class: its fields in their order, under their names.

    Enumerations are stored as their values, sets as sorted arrays, nested dataclasses as nested
    documents. A field that a document lacks has its default.
    """

    def __init__(
        self,
        model: type[T],
        *,
        names: Mapping[str, str] | None = None,
        computed: Mapping[str, Computed] | None = None,
        omitted: Collection[str] = (),
        missing: Mapping[str, Any] | None = None,
        codecs: Mapping[Any, Codec] | None = None,
    ) -> None:
        """Prepare the mapping.

        Args:
            model: the dataclass.
            names: fields stored under other names, such as `{"id": "_id"}`.
            computed: further fields of the documents, by name.
            omitted: stored fields that are left out if empty, for partial indexes; they come last.
            missing: stored values of fields that older documents lack.
            codecs: stored forms of types, such as of a union.
        """
        converter = _converter(codecs or {})
        renamed: dict[str, Any] = {
            field: override(rename=name) for field, name in (names or {}).items()
        }
        self._write = make_dict_unstructure_fn(model, converter, **renamed)
        self._read = make_dict_structure_fn(model, converter, **renamed)
        self._model = model
        self._computed = {} if computed is None else computed
        self._omitted = tuple(omitted)
        self._missing = {} if missing is None else missing
        self._order: tuple[tuple[str, Callable[[Any], Any] | None], ...] = ()

    def to_document(self, value: T) -> Document:
        """Return the document of a value."""
        stored: Document = self._write(value)
        if not self._computed and not self._omitted:
            return stored
        if not self._order:
            self._order = tuple(self._ordered(stored))
        document = {
            name: stored[name] if compute is None else compute(value)
            for name, compute in self._order
        }
        for name in self._omitted:
            if not document[name]:
                del document[name]
        return document

    def from_document(self, document: Mapping[str, Any]) -> T:
        """Return the value of a document; fields that the class does not have are ignored."""
        if self._missing:
            document = {**self._missing, **document}
        value: T = self._read(document, self._model)
        return value

    def _ordered(self, stored: Document) -> list[tuple[str, Callable[[Any], Any] | None]]:
        """Return the names of a complete document in order, each with its computation."""
        names = [name for name in stored if name not in self._omitted]
        for name, each in self._computed.items():
            if name not in self._omitted:
                names.insert(names.index(each.after) + 1 if each.after else 0, name)
        return [
            (name, self._computed[name].value if name in self._computed else None)
            for name in (*names, *self._omitted)
        ]


def _converter(codecs: Mapping[Any, Codec]) -> Converter:
    converter = Converter(
        detailed_validation=False,
        unstruct_collection_overrides={AbstractSet: sorted, tuple: list},
    )
    converter.register_structure_hook_func(_is_plain, _unchanged)
    converter.register_structure_hook_func(_is_plain_array, _to_tuple)
    for kind, codec in codecs.items():
        converter.register_unstructure_hook(kind, codec.write)
        converter.register_structure_hook(kind, _reader(codec))
    return converter


def _reader(codec: Codec) -> Callable[[Any, Any], Any]:
    return lambda stored, _: codec.read(stored)


def _is_plain(kind: Any) -> bool:
    """Return whether the driver reads values of a type as they are, or None."""
    if isinstance(kind, NewType):
        return _is_plain(kind.__supertype__)
    if isinstance(kind, types.UnionType) or get_origin(kind) is Union:
        return all(part is types.NoneType or _is_plain(part) for part in get_args(kind))
    return kind in _STORED


def _is_plain_array(kind: Any) -> bool:
    parts = get_args(kind)
    return get_origin(kind) is tuple and parts[1:] == (...,) and _is_plain(parts[0])


def _to_tuple(stored: Any, _: Any) -> Any:
    return tuple(stored)


def _unchanged(stored: Any, _: Any) -> Any:
    return stored
