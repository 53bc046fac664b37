"""Requests of identity providers, rewritten into the form that RFC 7643 and 7644 describe.

Microsoft Entra ID and Okta depart from the protocol in known ways: null sub-attributes, a manager
as a string, members with a label, attributes that only they know. Each rewriting has one possible
meaning; everything else is left to the protocol's own rules. Attributes that no schema here
declares are left out and reported.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from scim2_models import InvalidPathException, InvalidSyntaxException, InvalidValueException, Path

from directory.scim.domain import attributes
from directory.scim.domain.attributes import Attribute, attribute_of, declares

# Labels and references of an entry, which identify none.
_NOT_IDENTIFYING: Final = frozenset({"primary", "display", "$ref"})
_MEMBERS: Final = "members"
_OPERATION: Final = frozenset({"op", "path", "value"})
_ADD: Final = "add"
_REMOVE: Final = "remove"
_SCHEMAS: Final = "schemas"
MAX_OPERATIONS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A body in the form of the protocol, and the names of the attributes that it leaves out."""

    body: dict[str, Any]
    ignored: tuple[str, ...]


def resource(body: dict[str, Any], *, model: type[Any]) -> Rewritten:
    """Rewrite the resource of a POST or PUT.

    Raises:
        InvalidSyntaxException: a name is none that an attribute can have.
    """
    reading = _Reading(model)
    rewritten = reading.members(body, prefix="")
    for name in [name for name in rewritten if name.lower() == _SCHEMAS]:
        rewritten[name] = reading.schemas(rewritten[name])
    return Rewritten(body=rewritten, ignored=tuple(reading.ignored))


def patch(body: dict[str, Any], *, model: type[Any]) -> Rewritten:
    """Rewrite a PATCH; operations on undeclared attributes are left out.

    Raises:
        InvalidSyntaxException: a name is none that an attribute can have.
        InvalidValueException: a removal does not name the entries that it removes, or there are
            more than 1,000 operations.
    """
    reading = _Reading(model)
    rewritten: dict[str, Any] = {}
    for name, value in body.items():
        match name.lower():
            case "schemas":
                rewritten[_SCHEMAS] = value
            case "operations":
                rewritten["Operations"] = reading.all_operations(value)
    return Rewritten(body=rewritten, ignored=tuple(reading.ignored))


class _Reading:
    """State of reading one body: rewritten parts, and ignored names, each once."""

    def __init__(self, model: type[Any]) -> None:
        self._model = model
        self.ignored: dict[str, None] = {}

    def members(self, sent: dict[str, Any], *, prefix: str) -> dict[str, Any]:
        """Rewrite the members of a resource, of an extension or of a complex attribute."""
        rewritten: dict[str, Any] = {}
        for name, value in sent.items():
            text = f"{prefix}{name}"
            if not prefix and declares(self._model, name):
                rewritten[name] = self._extension(name, value)
                continue
            found = attribute_of(self._model, text)
            if found is None or (not prefix and found.sub_attribute):
                self._ignore(text, name=name, value=value)
            elif not _only_of_provider(found):
                rewritten[name] = self._value(found, value, text=text)
        return rewritten

    def schemas(self, sent: Any) -> Any:
        """Leave out the schemas that are not served here; their attributes are reported.

        If none is served, all of them are left in place: the body is no such resource.
        """
        if not isinstance(sent, list):
            return sent
        served = [
            each
            for each in sent
            if not isinstance(each, str) or attributes.serves(self._model, each)
        ]
        return served or sent

    def all_operations(self, sent: Any) -> Any:
        """Rewrite the operations of a PATCH, in their order."""
        if not isinstance(sent, list):
            return sent
        if len(sent) > MAX_OPERATIONS:
            raise InvalidValueException(detail=f"a PATCH takes at most {MAX_OPERATIONS} operations")
        return [each for operation in sent for each in self.operations(operation)]

    def operations(self, sent: Any) -> Iterator[Any]:
        """Rewrite one operation of a PATCH; it may become several, or none."""
        if not isinstance(sent, dict):
            yield sent
            return
        operation = {
            name.lower(): value for name, value in sent.items() if name.lower() in _OPERATION
        }
        path = operation.get("path")
        if str(operation.get("op", "")).lower() not in {_ADD, "replace", _REMOVE}:
            yield operation
        elif path is None or path == "":
            operation.pop("path", None)
            yield from self._without_path(operation)
        elif isinstance(path, str):
            yield from self._with_path(operation, path)
        else:
            yield operation

    def _without_path(self, operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
        value = operation.get("value")
        if not isinstance(value, dict) or not value:
            yield operation
            return
        kept: dict[str, Any] = {}
        for name, item in value.items():
            if "[" in name:
                # A path as a name; only an operation of its own can select values.
                yield from self._with_path({**operation, "value": item}, name)
            elif declares(self._model, name):
                kept[name] = self._extension(name, item)
            elif (found := attribute_of(self._model, name)) is None:
                self._ignore(name, name=name, value=item)
            elif found.name != _SCHEMAS and not _only_of_provider(found):
                kept[name] = self._value(found, item, text=name)
        if kept:
            yield {**operation, "value": kept}

    def _with_path(self, operation: dict[str, Any], path: str) -> Iterator[dict[str, Any]]:
        rewritten = {**operation, "path": path}
        try:
            parsed: Any = Path[self._model](path)  # type: ignore[name-defined]
        except InvalidPathException:
            # Refused by the protocol's own rules, with the place of the fault.
            yield rewritten
            return
        plain = attributes.without_filter(parsed)
        found = attribute_of(self._model, plain)
        if parsed.model is None and found is None:
            self._ignore(plain, name=plain, value=operation.get("value", plain))
        elif "value" not in operation:
            yield rewritten
        elif found is None:
            yield {**rewritten, "value": self._extension(path, operation["value"])}
        elif _is(operation, _REMOVE):
            yield _removal(rewritten, found, selects=parsed.value_filter is not None)
        elif found.name != _SCHEMAS and (
            operation["value"] is not None or not _is(operation, _ADD)
        ):
            # Null is an unassigned value (RFC 7643, 2.5): there is nothing to add. A resource's
            # schemas follow from its attributes.
            selects = parsed.value_filter is not None and not found.sub_attribute
            yield {**rewritten, "value": self._written(found, operation, plain, selects=selects)}

    def _written(
        self, found: Attribute, operation: dict[str, Any], text: str, *, selects: bool
    ) -> Any:
        if selects:
            return self._entry(found, operation["value"], text=text)
        return self._value(found, operation["value"], text=text)

    def _extension(self, urn: str, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return self.members(value, prefix=f"{urn}:")

    def _value(self, found: Attribute, value: Any, *, text: str) -> Any:
        if value is None:
            return None
        if found.multiple and not found.sub_attribute:
            entries = value if isinstance(value, list) else [value]
            return [
                _assigned(self._entry(found, each, text=text))
                for each in entries
                if each is not None
            ]
        if not found.complex:
            return _unwrapped(value)
        return self._entry(found, value, text=text) if value != "" else None

    def _entry(self, found: Attribute, value: Any, *, text: str) -> Any:
        """Rewrite one value of a complex attribute; a bare string is its `value`."""
        if not found.complex:
            return value
        if isinstance(value, str) and found.has_value:
            return {"value": value}
        return self.members(value, prefix=f"{text}.") if isinstance(value, dict) else value

    def _ignore(self, text: str, *, name: str, value: Any) -> None:
        if not attributes.is_name(name):
            raise InvalidSyntaxException(detail=f"{name[:60]!r} is not an attribute name")
        if value is not None:
            # Null is no value (RFC 7643, 2.5), so that nothing is lost.
            self.ignored.setdefault(text)


def _is(operation: dict[str, Any], kind: str) -> bool:
    return str(operation.get("op", "")).lower() == kind


def _only_of_provider(found: Attribute) -> bool:
    """Return whether only the provider sets the attribute; a client sends it back as it read it.

    The id is an exception: it is left in place, and another one is refused.
    """
    return found.read_only and found.name != "id"


def _removal(operation: dict[str, Any], found: Attribute, *, selects: bool) -> dict[str, Any]:
    """Rewrite a removal: its value names entries only where the path leads to several of them."""
    value = operation["value"]
    if value is None or selects or found.sub_attribute or not found.multiple or not found.complex:
        return {name: each for name, each in operation.items() if name != "value"}
    entries = value if isinstance(value, list) else [value]
    return {**operation, "value": [_identity(found, each) for each in entries]}


def _identity(found: Attribute, entry: Any) -> dict[str, Any]:
    """Return the identity of an entry among the others: its value, and its type if given.

    Raises:
        InvalidValueException: nothing identifies it.
    """
    if isinstance(entry, str) and found.has_value:
        return {"value": entry}
    sent = _assigned(entry) if isinstance(entry, dict) else {}
    names = {name.lower(): name for name in sent}
    if "value" in names:
        compared = {"value"} if found.name == _MEMBERS else {"value", "type"}
    else:
        compared = names.keys() - _NOT_IDENTIFYING
    identity = {names[each]: sent[names[each]] for each in names if each in compared}
    if not identity:
        raise InvalidValueException(
            detail=f"a removal from {found.name} names the value of each entry that it removes"
        )
    return identity


def _assigned(entry: Any) -> Any:
    """Return a value of an attribute without its unassigned sub-attributes."""
    if not isinstance(entry, dict):
        return entry
    return {name: value for name, value in entry.items() if value is not None}


def _unwrapped(value: Any) -> Any:
    """Return the plain value of a simple attribute that was sent as a list of one, or an object."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        sent = {name.lower(): each for name, each in _assigned(value).items()}
        if sent.keys() == {"value"}:
            return sent["value"]
    return value
