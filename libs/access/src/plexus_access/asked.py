"""Policies that no call would ever ask about, since none is about such an object (GW-10)."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from plexus_access.objects import DEPARTMENT, GROUP, KINDS, PERSON
from plexus_access.policies import NEVER_REFUSED

AskedKinds = Callable[[str], frozenset[str]]
"""Returns the kinds of objects about which policies are asked for a permission."""


def unasked(policy: Mapping[str, Any], *, asked_kinds: AskedKinds) -> str:
    """Return the reason why a policy would never be asked for a permission that it names.

    A policy that names no permission must be about a kind of object that exists.

    Args:
        policy: one policy, in Cedar's JSON.
        asked_kinds: `plexus_access.asked_kinds`.

    Returns nothing if all of it is asked.
    """
    kinds = {each for each in KINDS if _may_concern(policy, each)}
    if not kinds:
        return "it is about no kind of object; there are " + _listed(KINDS)
    for permission in _permissions(policy["action"]):
        if permission in NEVER_REFUSED:
            return f"no policy refuses {permission}"
        asked = asked_kinds(permission)
        if not asked & kinds:
            return f"{permission} is asked for {_listed(asked)} only, never for {_listed(kinds)}"
    return ""


def _listed(kinds: Collection[str]) -> str:
    return ", ".join(sorted(kinds))


def _permissions(scope: Mapping[str, Any]) -> list[str]:
    """Return the permissions that the scope of a policy names; none: it is about all of them."""
    named = scope.get("entities") or [scope[each] for each in ("entity",) if each in scope]
    return [each["id"] for each in named]


def _may_concern(policy: Mapping[str, Any], kind: str) -> bool:
    """Return whether a policy can refuse anything about objects of a kind."""
    scope = policy["resource"]
    named = scope.get("entity") or scope.get("in", {}).get("entity")
    if named is not None and not _is_of(named, kind):
        return False
    never = {"when": False, "unless": True}
    return all(
        _value(each["body"], kind) is not never[each["kind"]] for each in policy["conditions"]
    )


def _is_of(entity: Mapping[str, str], kind: str) -> bool:
    return entity["id"].partition(":")[0] == kind


class _Unknown:
    """A value that does not follow from the kind of the object alone."""


_UNKNOWN: Final = _Unknown()
_RESOURCE: Final = {"Var": "resource"}
_KIND: Final = {"left": _RESOURCE, "attr": "kind"}
_DEPARTMENTS: Final = {".": {"left": _RESOURCE, "attr": "departments"}}
_IN_DEPARTMENTS: Final = frozenset({DEPARTMENT, GROUP, PERSON})


def _value(expression: Mapping[str, Any], kind: str) -> object:
    """Return the value of an expression for objects of a kind, as far as that decides it."""
    [(operator, operands)] = expression.items()
    value: object = _UNKNOWN
    match operator:
        case "Value" if isinstance(operands, str | bool):
            value = operands
        case "." if operands == _KIND:
            value = kind
        case "!":
            value = _not(_value(operands["arg"], kind))
        case "&&" | "||":
            value = _joined(operands, kind, decisive=operator == "||")
        case "==" | "in":
            value = _same(operands["left"], operands["right"], kind)
        case "!=":
            value = _not(_same(operands["left"], operands["right"], kind))
        case "contains" | "containsAny" if operands["left"] == _DEPARTMENTS:
            value = _UNKNOWN if kind in _IN_DEPARTMENTS else False
        case "contains":
            value = _same(operands["right"], operands["left"], kind)
    return value


def _not(value: object) -> object:
    return not value if isinstance(value, bool) else _UNKNOWN


def _joined(operands: Mapping[str, Any], kind: str, *, decisive: bool) -> object:
    values = [_value(operands[side], kind) for side in ("left", "right")]
    if decisive in values:
        return decisive
    return _UNKNOWN if _UNKNOWN in values else not decisive


def _same(one: Mapping[str, Any], other: Mapping[str, Any], kind: str) -> object:
    """Return whether two expressions are equal, or one equals any of a set."""
    if "Set" in other:
        same = [_same(one, each, kind) for each in other["Set"]]
        return True in same or (_UNKNOWN if _UNKNOWN in same else False)
    for left, right in ((one, other), (other, one)):
        entity = right.get("Value")
        if left == _RESOURCE and isinstance(entity, dict):
            return _UNKNOWN if _is_of(entity["__entity"], kind) else False
    values = [_value(one, kind), _value(other, kind)]
    return _UNKNOWN if _UNKNOWN in values else values[0] == values[1]
