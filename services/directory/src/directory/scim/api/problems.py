"""Faults of a request in terms on which an administrator of the sending system can act.

The library validates with pydantic, whose texts are about inputs, models and Python types.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError
from scim2_models import Error, SCIMException

MAX_NAMED: Final = 3
_VALUE: Final = "the value"
_DATE: Final = "must be a date and time, for example 2026-11-30T09:00:00Z"
_BY_TYPE: Final[Mapping[str, str]] = {
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "extra_forbidden": "is not an attribute of this message",
    "missing": "is required",
    "value_error": "must be a URI, for example https://example.com/picture.png",
}
_BY_BEGINNING: Final[Mapping[str, str]] = {
    "int_": "must be a whole number",
    "float_": "must be a number",
    "date": _DATE,
    "timezone": _DATE,
    "base64": "must be Base64",
    "bytes": "must be Base64",
}
_OTHERWISE: Final = "has a value that the attribute cannot have"
_CUSTOM: Final[Mapping[str, str]] = {
    "required_error": "{field_name} is required",
    "mutability_error": "{field_name} cannot be set by a client",
    "primary_uniqueness_error": (
        "{field_name} has {count} values marked as primary, and one at most may be"
    ),
    "schema_error": "schemas must contain {schema}",
    "unknown_extension_schema": "schemas contains what is not served here: {schemas}",
}


def of_validation(faults: ValidationError) -> Error:
    """Return the SCIM error of an invalid body: its first three faults."""
    found = faults.errors(include_url=False, include_input=False)
    first = Error.from_validation_error(found[0])
    named = list(dict.fromkeys(map(_problem, found)))[:MAX_NAMED]
    return Error(status=first.status, scim_type=first.scim_type, detail="; ".join(named))


def of_exception(fault: SCIMException) -> Error:
    """Return the SCIM error of a refusal by the library while it applied a request."""
    error = fault.to_error()
    if isinstance(fault.__cause__, ValidationError):
        error.detail = of_validation(fault.__cause__).detail
    return error


def _problem(fault: Mapping[str, Any]) -> str:
    kind = fault["type"]
    place = _path(fault["loc"])
    if kind in _CUSTOM:
        text = _CUSTOM[kind].format_map(fault.get("ctx", {}))
        return f"{place}.{text}" if place and kind != "schema_error" else text
    if kind.startswith("scim_"):
        return _of_library(fault["msg"])
    begins = (text for start, text in _BY_BEGINNING.items() if kind.startswith(start))
    problem = _BY_TYPE.get(kind) or next(begins, _OTHERWISE)
    return f"{place or _VALUE} {problem}"


def _of_library(text: str) -> str:
    """Return a text of the SCIM library, unless it repeats the validator's own report."""
    return text if "\n" not in text and "pydantic" not in text else f"{_VALUE} {_OTHERWISE}"


def _path(place: Sequence[str | int]) -> str:
    """Write the place of a fault as a path: `emails[1].value`, `urn:…:User:manager`."""
    path, previous = "", ""
    for part in place:
        if isinstance(part, int):
            path += f"[{part}]"
        elif "[" in part or "(" in part:
            # The validator's name of a type that it tried.
            continue
        else:
            separator = ":" if previous.lower().startswith("urn:") else "."
            path += f"{separator}{part}" if path else part
            previous = part
    return path
