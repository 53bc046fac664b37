"""Attribute policies of a tenant in Cedar: they refuse what roles and relations grant.

A policy that cannot be parsed or fails during evaluation refuses everything it could be about: an
uncertain result denies. Parsed policies and the attributes of people are cached, because parsing
costs more than deciding. So are verdicts, unless a policy distinguishes two objects of the same
kind and departments.
"""

import json
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import cedarpy

from plexus_access.records import Policy

NEVER_REFUSED: Final = frozenset({"policies.manage", "policies.read"})
"""Permissions that no policy refuses: people who may repair policies can always reach them."""

_PEOPLE_KEPT: Final = 20_000
# One for each minute of a week in one zone, and as many again.
_CIRCUMSTANCES_KEPT: Final = 20_000
_VERDICTS_KEPT: Final = 20_000
_PERSON: Final = "Plexus::Person"
_ACTION: Final = "Plexus::Action"
_OBJECT: Final = "Plexus::Object"
_ID: Final = "id"
_PERMIT: Final = "permit(principal, action, resource);\n"

SCHEMA: Final = """\
namespace Plexus {
  entity Person = {
    kind: String, departments: Set<String>, groups: Set<String>, roles: Set<String>,
    title: String, locale: String, guest: Bool
  };
  entity Object = { kind: String, id: String, departments: Set<String> };
  action %s appliesTo {
    principal: [Person], resource: [Object],
    context: { app: Bool, second_factor: Bool, weekday: Long, minute: Long }
  };
}
"""
"""Schema of policies; `%s` stands for the names of all permissions."""


class PolicyInvalid(ValueError):  # noqa: N818 - named after the fact that prevents
    """Text that is not a usable policy; the message names position and reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Circumstances of a request.

    Attributes:
        app: true for an API token.
        second_factor: true if the session used one.
        weekday: 1 Monday to 7 Sunday, in the person's zone.
        minute: of the day, in the person's zone.
    """

    app: bool = False
    second_factor: bool = False
    weekday: int = 1
    minute: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Attributes of the caller; departments with those above."""

    id: str
    kind: str
    departments: frozenset[str]
    groups: frozenset[str]
    roles: frozenset[str]
    title: str
    locale: str
    guest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Attributes of the requested object."""

    kind: str
    id: str
    departments: frozenset[str]


def check(cedar: str, *, permissions: frozenset[str]) -> None:
    """Check that a text holds policies that only forbid, of attributes that exist.

    Raises:
        PolicyInvalid: it does not parse, permits something, or refers to unknown names.
    """
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(cedar))
    except ValueError as error:
        raise PolicyInvalid(str(error)) from None
    every = parsed.get("staticPolicies", {})
    if parsed.get("templates"):
        raise PolicyInvalid("holds a template; write policies without ?principal and ?resource")
    if not every:
        raise PolicyInvalid("holds no policy")
    if any(each["effect"] != "forbid" for each in every.values()):
        raise PolicyInvalid("permits something; policies only forbid what roles would grant")
    actions = ", ".join(json.dumps(each) for each in sorted(permissions))
    found = cedarpy.validate_policies(cedar, SCHEMA % actions)
    if not found.validation_passed:
        raise PolicyInvalid("; ".join(str(each.error) for each in found.errors))


class Policies:
    """The policies of a tenant, ready to be asked."""

    __slots__ = (
        "_actions",
        "_any",
        "_broken",
        "_named",
        "_people",
        "_policies",
        "_set",
        "_timed",
        "_verdicts",
    )

    def __init__(self) -> None:
        self._policies: dict[str, Policy] = {}
        self._people: OrderedDict[str, tuple[Principal, cedarpy.Entities]] = OrderedDict()
        self._verdicts: OrderedDict[tuple[Hashable, ...], tuple[Principal, str]] = OrderedDict()
        self._rebuild()

    def put(self, policy: Policy) -> bool:
        """Apply a policy; return whether it was new."""
        previous = self._policies.get(policy.id)
        if previous is not None and policy.version <= previous.version:
            return False
        self._policies[policy.id] = policy
        self._rebuild()
        return True

    @property
    def by_id(self) -> Mapping[str, Policy]:
        """Return every known policy, disabled and removed ones included."""
        return self._policies

    def __len__(self) -> int:
        """Return the number of policies in force."""
        return len(self._in_force())

    def concern(self, permission: str) -> bool:
        """Return whether a policy could refuse a permission; if not, evaluation can be skipped."""
        if permission in NEVER_REFUSED:
            return False
        return self._any or permission in self._actions

    def timed(self, permission: str) -> bool:
        """Return whether a verdict on a permission may change from one minute to the next.

        A policy that reads the time counts for every permission that any policy concerns.
        """
        return self._timed and self.concern(permission)

    def refusing(
        self,
        permission: str,
        *,
        principal: Principal,
        resource: Resource,
        circumstances: Circumstances,
    ) -> str:
        """Return the name of the policy that refuses, or nothing.

        Args:
            permission: the requested permission.
            principal: the caller; passing the same object while it is unchanged is faster.
            resource: the object.
            circumstances: circumstances of the request.
        """
        if self._broken:
            return self._broken
        if self._named:
            return self._refusing(permission, principal, resource, circumstances)
        key = (principal.id, permission, resource.kind, resource.departments, circumstances)
        kept = self._verdicts.get(key)
        if kept is None or kept[0] is not principal:
            verdict = self._refusing(permission, principal, resource, circumstances)
            kept = self._verdicts[key] = (principal, verdict)
            if len(self._verdicts) > _VERDICTS_KEPT:
                self._verdicts.popitem(last=False)
        return kept[1]

    def _refusing(
        self,
        permission: str,
        principal: Principal,
        resource: Resource,
        circumstances: Circumstances,
    ) -> str:
        answer = cedarpy.is_authorized(
            {
                "principal": {"type": _PERSON, "id": principal.id},
                "action": {"type": _ACTION, "id": permission},
                "resource": {"type": _OBJECT, "id": f"{resource.kind}:{resource.id}"},
                "context": _context(circumstances),
            },
            self._set,
            self._of(principal).with_added_json_str(_object(resource)),
        )
        if answer.allowed and not answer.diagnostics.errors:
            return ""
        names = answer.diagnostics.id_annotations_by_reason.values()
        return min((name for name in names if name), default="unreadable")

    def _of(self, principal: Principal) -> cedarpy.Entities:
        """Return a person as an entity, parsed once for as long as the person stays the same."""
        kept = self._people.get(principal.id)
        if kept is not None and kept[0] is principal:
            return kept[1]
        entities = cedarpy.Entities.from_json_str(_person(principal))
        self._people[principal.id] = (principal, entities)
        if len(self._people) > _PEOPLE_KEPT:
            self._people.popitem(last=False)
        return entities

    def _in_force(self) -> list[Policy]:
        return [each for each in self._policies.values() if each.enabled and not each.removed]

    def _rebuild(self) -> None:
        self._any, self._actions, self._broken = False, set[str](), ""
        self._timed = self._named = False
        self._verdicts.clear()
        nodes: list[str] = [_PERMIT]
        for policy in self._in_force():
            try:
                parsed = json.loads(cedarpy.policies_to_json_str(policy.cedar))
            except ValueError:
                # It came from its owner, which has validated it: everything it could refuse is
                # refused.
                self._any, self._broken = True, policy.name
                continue
            for each in parsed.get("staticPolicies", {}).values():
                self._note_action(each["action"])
                self._timed = self._timed or _reads_time(each.get("conditions"))
                self._named = self._named or _reads_id(each)
                each.setdefault("annotations", {})["id"] = policy.name
            nodes.append(cedarpy.policies_from_json_str(json.dumps(parsed)))
        self._set = cedarpy.PolicySet.from_str("\n".join(nodes))

    def _note_action(self, scope: Mapping[str, Any]) -> None:
        """Remember which permissions a policy is about, by its scope."""
        if scope["op"] == "==":
            self._actions.add(scope["entity"]["id"])
        elif scope["op"] == "in" and "entities" in scope:
            self._actions.update(each["id"] for each in scope["entities"])
        else:
            self._any = True


def _reads_time(conditions: Any) -> bool:
    """Return whether conditions name the time of day or the day of the week."""
    written = json.dumps(conditions)
    return any(f'"{name}"' in written for name in ("weekday", "minute"))


def _reads_id(policy: Any) -> bool:
    """Return whether a policy may distinguish two objects of the same kind and departments.

    It does so by naming an object in its scope or conditions, or by reading the attribute `id`.
    """
    if isinstance(policy, Mapping):
        if policy.get("attr") == _ID or policy.get("type") == _OBJECT:
            return True
        return any(_reads_id(each) for each in policy.values())
    return isinstance(policy, list) and any(_reads_id(each) for each in policy)


@lru_cache(maxsize=_CIRCUMSTANCES_KEPT)
def _context(circumstances: Circumstances) -> str:
    return json.dumps(
        {
            "app": circumstances.app,
            "second_factor": circumstances.second_factor,
            "weekday": circumstances.weekday,
            "minute": circumstances.minute,
        }
    )


def _person(principal: Principal) -> str:
    return _entity(
        _PERSON,
        principal.id,
        {
            "kind": principal.kind,
            "departments": sorted(principal.departments),
            "groups": sorted(principal.groups),
            "roles": sorted(principal.roles),
            "title": principal.title,
            "locale": principal.locale,
            "guest": principal.guest,
        },
    )


def _object(resource: Resource) -> str:
    return _entity(
        _OBJECT,
        f"{resource.kind}:{resource.id}",
        {
            "kind": resource.kind,
            "id": resource.id,
            "departments": sorted(resource.departments),
        },
    )


def _entity(kind: str, id_: str, attributes: Mapping[str, Any]) -> str:
    """Write one entity without parents, as the only one of a set."""
    return json.dumps([{"uid": {"type": kind, "id": id_}, "attrs": attributes, "parents": []}])
