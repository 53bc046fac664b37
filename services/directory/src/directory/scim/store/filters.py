"""SCIM filters as MongoDB queries over the matching form of records (RFC 7644, 3.4.2.2).

Each query finds the same as `scim2_models.ScimFilter.match`; filters that MongoDB cannot decide the
same way are refused, never guessed. Reading is bounded by the tenant's own people.
"""

import re
from inspect import isclass
from typing import Any, Final

from scim2_models import (
    BaseModel,
    Extension,
    InvalidFilterException,
    InvalidValueException,
    Mutability,
    ScimFilter,
)
from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)

from directory.scim.domain import bodies

Query = dict[str, Any]
MATCH: Final = "match"
_NOTHING: Final[Query] = {"_id": {"$in": []}}
_EMPTY: Final = [None, ""]
# Attributes that the record itself carries.
_OWN: Final = {
    ("id", None): "_id",
    ("meta", "created"): "created_at",
    ("meta", "last_modified"): "changed_at",
}
_UNASKED: Final = frozenset({"schemas", "meta", "groups"})
_PATTERNS: Final = {
    CompareOperator.co: "{}",
    CompareOperator.sw: "^{}",
    # `$` would also match before a line's end.
    CompareOperator.ew: "{}\\z",
}
_ORDERS: Final = {
    CompareOperator.gt: "$gt",
    CompareOperator.ge: "$gte",
    CompareOperator.lt: "$lt",
    CompareOperator.le: "$lte",
}


def query_of(asked: ScimFilter[Any]) -> Query:
    """Translate a filter that is bound to one resource type.

    Raises:
        InvalidFilterException: an attribute is unknown, or nothing can be asked about it, or it
            cannot be compared so.
    """
    return _Translator(asked).visit(asked.ast)


def path_of(binding: AttributeBinding) -> str:
    """Name the field of a document that an attribute is found in.

    Raises:
        InvalidFilterException: nothing can be asked about the attribute.
    """
    if own := _OWN.get((binding.field_name, binding.sub_field_name)):
        return own
    secret = binding.get_annotation(Mutability) is Mutability.write_only
    if secret or binding.field_name in _UNASKED:
        raise InvalidFilterException(detail=f"'{binding.urn}' cannot be asked for")
    # An extension hangs off the resource under the name of its class.
    above = [binding.model.__name__] if issubclass(binding.model, Extension) else []
    below = [binding.sub_field_name] if binding.sub_field_name else []
    return ".".join([MATCH, *above, binding.field_name, *below])


class _Translator(FilterVisitor[Query]):
    """Turns each node into a query; in a value selection `of` is the attribute selected from."""

    def __init__(self, asked: ScimFilter[Any], *, of: AttrPath | None = None) -> None:
        self._asked = asked
        self._of = of

    def visit_comparison(self, node: Comparison) -> Query:
        """Compare one attribute, any of its values if there are several."""
        binding = _known(self._asked.resolve_comparison(self._whole(node.attr_path), strict=True))
        if _is_complex(binding.target_type):
            raise InvalidFilterException(
                detail=f"'{binding.urn}' is complex; compare one of its sub-attributes"
            )
        wanted = binding.comparable(coerce_value(binding, node.value, node.op))
        if isinstance(wanted, str):
            _check_text(wanted)
        return _compared(self._path(binding), node.op, wanted, target=binding.target_type)

    def visit_present(self, node: Present) -> Query:
        """Look whether an attribute has a value that is not empty."""
        binding = _known(self._asked.resolve(self._whole(node.attr_path), strict=True))
        path = self._path(binding)
        if self._of is None and binding.is_multivalued and binding.sub_field_name:
            host, _, member = path.rpartition(".")
            return {host: {"$elemMatch": {member: {"$nin": _EMPTY}}}}
        if not _is_complex(binding.target_type):
            return {path: {"$nin": _EMPTY}}
        members = list(binding.target_type.model_fields)  # type: ignore[union-attr]
        if binding.is_multivalued:
            return {path: {"$elemMatch": {"$or": [{name: {"$nin": _EMPTY}} for name in members]}}}
        return {"$or": [{f"{path}.{name}": {"$nin": _EMPTY}} for name in members]}

    def visit_not(self, node: Not) -> Query:
        """Negate."""
        return {"$nor": [self.visit(node.expr)]}

    def visit_logical_expr(self, node: LogicalExpr) -> Query:
        """Join by `and` or `or`."""
        joined = "$and" if node.op is LogicalOperator.and_ else "$or"
        return {joined: [self.visit(term) for term in node.terms]}

    def visit_value_path(self, node: ValuePath) -> Query:
        """Look for one value that fulfils the whole inner filter."""
        binding = _known(self._asked.resolve(node.attr_path, strict=True))
        if not binding.is_multivalued or not _is_complex(binding.target_type):
            raise InvalidFilterException(detail=f"'{binding.urn}' has no values to select from")
        inner = _Translator(self._asked, of=node.attr_path)
        return {path_of(binding): {"$elemMatch": inner.visit(node.val_filter)}}

    def _whole(self, path: AttrPath) -> AttrPath:
        """Return the path from the resource on."""
        if self._of is None:
            return path
        if path.sub_attr is not None or path.uri is not None:
            raise InvalidFilterException(detail=f"'{path}' is no sub-attribute of '{self._of}'")
        return AttrPath(self._of.attr, path.attr, self._of.uri)

    def _path(self, binding: AttributeBinding) -> str:
        path = path_of(binding)
        return path if self._of is None else path.rpartition(".")[2]


def _known(binding: AttributeBinding | None) -> AttributeBinding:
    if binding is None:
        raise InvalidFilterException
    return binding


def _compared(path: str, op: CompareOperator, wanted: Any, *, target: Any) -> Query:
    if op is CompareOperator.eq:
        return {path: wanted}
    if op is CompareOperator.ne:
        return {path: {"$ne": wanted}}
    if wanted is None:
        return _NOTHING
    if op in _PATTERNS:
        textual = isinstance(wanted, str) and isclass(target) and issubclass(target, str)
        pattern = _PATTERNS[op].format(re.escape(wanted)) if textual else ""
        return {path: {"$regex": pattern}} if textual else _NOTHING
    return {path: {_ORDERS[op]: wanted}}


def _check_text(wanted: str) -> None:
    try:
        bodies.text(wanted, where="the filter")
    except InvalidValueException as unusable:
        raise InvalidFilterException(detail=unusable.detail) from None


def _is_complex(target: Any) -> bool:
    return isclass(target) and issubclass(target, BaseModel)
