"""Attributes that the schemas of a resource declare, by the names that requests use."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from scim2_models import BaseModel, InvalidPathException, Mutability, Path

MAX_NAME: Final = 256
# RFC 7643, 2.1, with the schema's URN or the attribute before it where there is one.
_NAME: Final = re.compile(r"[A-Za-z][\w:./-]*(\.\$ref)?|\$ref", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute or sub-attribute of a resource or of one of its extensions.

    `multiple`: the attribute has several values; `complex`: a value has sub-attributes, of which
    one is named `value` if `has_value`. Of a sub-attribute, `complex` is False.
    """

    name: str
    sub_attribute: str
    multiple: bool
    complex: bool
    has_value: bool
    read_only: bool


def attribute_of(model: type[Any], text: str) -> Attribute | None:
    """Return the attribute of a name without filter; None if no schema declares it.

    In: an attribute (`title`), one of an extension (`urn:…:User:manager`), or a sub-attribute of
    either (`emails.value`); case does not matter.
    """
    hashable: Any = model
    return _found(hashable, text) if len(text) <= MAX_NAME else None


@lru_cache(maxsize=4_096)
def _found(model: Any, text: str) -> Attribute | None:
    try:
        path = Path[model](text)
    except InvalidPathException:
        return None
    binding = path.resolve()
    if binding is None or path.value_filter is not None:
        return None
    kind = binding.field_type
    inner = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return Attribute(
        name=binding.field_name,
        sub_attribute=binding.sub_field_name or "",
        multiple=bool(binding.is_multivalued),
        complex=inner is not None and not binding.sub_field_name,
        has_value=inner is not None and "value" in inner.model_fields,
        read_only=binding.get_annotation(Mutability) is Mutability.read_only,
    )


def declares(model: type[Any], urn: str) -> bool:
    """Return whether a name is the URN of an extension of the resource."""
    return urn.lower() in {str(each).lower() for each in model.get_extension_models()}


def serves(model: type[Any], urn: str) -> bool:
    """Return whether a URN is the schema of the resource or of one of its extensions."""
    return urn.lower() == str(model.__schema__).lower() or declares(model, urn)


def without_filter(path: Path[Any]) -> str:
    """Return the name of the attribute that a path leads to, without its filter."""
    return f"{path.schema}:{path.attr}" if path.schema else path.attr


def is_name(text: str) -> bool:
    """Return whether a text can be the name of an attribute."""
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None
