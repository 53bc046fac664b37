"""Sample values of dataclasses, made from their types, and their documents as BSON."""

import base64
import dataclasses
import enum
import json
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

import bson
from bson.codec_options import CodecOptions

T = TypeVar("T")

AT: Final = datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
_OPTIONS: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True)


def full(model: type[T], **given: Any) -> T:
    """Make a value whose every field has content; collections have two items."""
    return _instance(model, given, empty=False)


def empty(model: type[T], **given: Any) -> T:
    """Make a value whose fields are empty or absent, as far as their types allow it."""
    return _instance(model, given, empty=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mapped:
    """A class that is stored as documents of a collection.

    Attributes:
        write: returns the document of a value.
        read: returns the value of a document; None if its documents are only written.
        given: fields whose types alone do not give valid values.
        missing: stored fields that older documents lack, with the fields that the value then has.
    """

    model: type[Any]
    write: Callable[[Any], Mapping[str, Any]]
    read: Callable[[dict[str, Any]], Any] | None
    given: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    missing: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    def samples(self) -> dict[str, Any]:
        """Return a value with content in every field, and an empty one."""
        return {
            "full": full(self.model, **self.given),
            "empty": empty(self.model, **self.given),
        }


def differences(path: Path, collections: Mapping[str, Mapped], *, made: Path) -> list[str]:
    """Compare the documents of samples with recorded ones byte by byte, and read them back.

    A difference changes what is stored: older processes and indexes may not expect it. If it is
    intended, replace the recorded file by `made`.

    Args:
        path: the recorded documents.
        collections: the classes by name.
        made: where to write the current documents.
    """
    values = {name: each.samples() for name, each in collections.items()}
    now = {
        name: {kind: encoded(each.write(value)) for kind, value in values[name].items()}
        for name, each in collections.items()
    }
    made.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    recorded = json.loads(path.read_text(encoding="utf-8"))
    if now != recorded:
        return [f"other documents are stored, see {made}"]
    return [
        f"{name}: {problem}"
        for name, each in collections.items()
        if each.read is not None
        for problem in _misread(each.read, each.missing, values[name], recorded[name])
    ]


def _misread(
    read: Callable[[dict[str, Any]], Any],
    missing: Mapping[str, Mapping[str, Any]],
    values: Mapping[str, Any],
    recorded: Mapping[str, str],
) -> Iterator[str]:
    for kind, value in values.items():
        if read(decoded(recorded[kind])) != value:
            yield f"the {kind} document is read as another value"
    for field, older in missing.items():
        document = decoded(recorded["full"])
        del document[field]
        if read(document) != dataclasses.replace(values["full"], **older):
            yield f"a document without {field} is read as another value"


def encoded(document: Mapping[str, Any]) -> str:
    """Return a document as BSON, in Base64."""
    return base64.b64encode(bson.encode(document)).decode()


def decoded(text: str) -> dict[str, Any]:
    """Return a document as the driver reads it from BSON in Base64."""
    return bson.decode(base64.b64decode(text), codec_options=_OPTIONS)


def _instance(model: type[T], given: Mapping[str, Any], *, empty: bool) -> T:
    hints = get_type_hints(model)
    fields = {
        # The number does not depend on the order of the fields.
        field.name: _value(
            hints[field.name], field.name, number=sum(field.name.encode()), empty=empty
        )
        for field in dataclasses.fields(model)  # type: ignore[arg-type]  # a dataclass
        if field.name not in given
    }
    return model(**fields, **given)


def _value(kind: Any, name: str, *, number: int, empty: bool) -> Any:
    if isinstance(kind, NewType):
        kind = kind.__supertype__
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        absent = empty and types.NoneType in parts
        return None if absent else _value(parts[0], name, number=number, empty=empty)
    if origin is not None:
        items = _items(parts, name, number=number, empty=empty)
        return frozenset(items) if origin is frozenset else tuple(items)
    if dataclasses.is_dataclass(kind):
        return _instance(kind, {}, empty=empty)  # type: ignore[arg-type]  # a class
    if issubclass(kind, enum.Enum):
        members = list(kind)
        return members[0] if empty else members[-1]
    made: dict[type, Any] = {
        str: "" if empty else name,
        bytes: b"" if empty else name.encode(),
        bool: not empty,
        int: 0 if empty else number,
        datetime: AT + timedelta(minutes=number),
    }
    return made[kind]


def _items(parts: Sequence[Any], name: str, *, number: int, empty: bool) -> list[Any]:
    if parts[-1] is not Ellipsis and len(parts) > 1:
        kinds = parts
    else:
        kinds = [] if empty else [parts[0]] * 2
    return [
        _value(kind, f"{name}{item}", number=number + item, empty=empty)
        for item, kind in enumerate(kinds)
    ]
