"""The form of a resource for filters and orders: names of fields, folded values."""

import enum
from collections.abc import Iterator
from typing import Any, Final
from unicodedata import normalize

from scim2_models import BaseModel, CaseExact

# Of these the record keeps its own, or nothing can be asked about them.
_ELSEWHERE: Final = frozenset({"schemas", "id", "meta", "password", "groups"})


def match_document(resource: BaseModel) -> dict[str, Any]:
    """Convert a resource to the form that `plexus` queries are made for.

    Out: by Python names of the attributes; strings as the library compares them, in NFC and, where
    case is ignored, in lower case; unassigned attributes are left out, so that they count as
    absent.
    """
    return {name: value for name, value in _members(resource) if name not in _ELSEWHERE}


def folded(value: str, *, case_exact: bool) -> str:
    """Fold a string as `scim2_models.default_comparison_key` does."""
    normal = normalize("NFC", value)
    return normal if case_exact else normalize("NFC", normal.lower())


def _members(model: BaseModel) -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        exact = type(model).get_field_annotation(name, CaseExact) is CaseExact.true
        value = _value(getattr(model, name), case_exact=exact)
        if value is not None:
            yield name, value


def _value(value: Any, *, case_exact: bool) -> Any:
    if isinstance(value, BaseModel):
        # The schemas of an extension are no attribute of it.
        return {name: member for name, member in _members(value) if name != "schemas"} or None
    if isinstance(value, list):
        members = (_value(member, case_exact=case_exact) for member in value)
        return [member for member in members if member is not None] or None
    if isinstance(value, enum.Enum):
        value = value.value
    return folded(value, case_exact=case_exact) if isinstance(value, str) else value
