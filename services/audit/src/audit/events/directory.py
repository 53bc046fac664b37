"""Facts of directory: people, memberships and grants."""

import json
from collections.abc import Iterator
from typing import Any, Final

from plexus.directory.v1 import access_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope

from audit.domain.history import Relation, State
from audit.events.reading import instant, marks, state

_COUNTED: Final = frozenset({"id", "tenant_id", "version", "created_at"})
_OF_PERSON: Final = _COUNTED | {"state", "kind", "department_ids", "roles", "manager_id"}
_OF_DEPARTMENT: Final = _COUNTED | {"parent_id", "leader_id", "closed"}
_OF_GROUP: Final = _COUNTED | {"department_id", "removed", "size"}
_OF_ROLE: Final = _COUNTED | {"permissions", "removed", "built_in"}
_OF_BINDING: Final = _COUNTED | {"role_id", "subject", "scope", "removed", "created_by"}
_STATES: Final = {
    people_pb2.Person.STATE_ACTIVE: "active",
    people_pb2.Person.STATE_DEACTIVATED: "deactivated",
}
_KINDS: Final = {
    people_pb2.Person.KIND_HUMAN: "human",
    people_pb2.Person.KIND_SERVICE_ACCOUNT: "app",
    people_pb2.Person.KIND_BOOTSTRAP: "bootstrap",
    people_pb2.Person.KIND_GUEST: "guest",
}


def person_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read a person's state: active or not, kind, departments and roles."""
    person: people_pb2.Person = fact.person
    part = f"person:{person.id}"
    return [
        state(
            envelope,
            part=part,
            version=person.version,
            relations=_of_person(person, part),
            marked=marks(person, part=part, without=_OF_PERSON),
        )
    ]


def _of_person(person: people_pb2.Person, part: str) -> Iterator[Relation]:
    yield Relation(part, "state", _STATES.get(person.state, "unknown"))
    yield Relation(part, "kind", _KINDS.get(person.kind, "unknown"))
    for department_id in person.department_ids:
        yield Relation(part, "department", f"department:{department_id}")
    for role in person.roles:
        yield Relation(part, "role", f"role:{role}")
    if person.manager_id:
        yield Relation(part, "manager", f"person:{person.manager_id}")
    if person.HasField("guest_expires_at"):
        yield Relation(part, "expires", instant(person.guest_expires_at).isoformat())
    # Attributes that policies use; it has no subject, so no entry shows it.
    attributes = _data(title=person.title, locale=person.locale, time_zone=person.time_zone)
    yield Relation(part, "attributes", "", attributes)


def department_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read the position of a department in the tree, and its leader."""
    department: people_pb2.Department = fact.department
    part = f"department:{department.id}"
    return [
        state(
            envelope,
            part=part,
            version=department.version,
            relations=_of_department(department, part),
            marked=marks(department, part=part, without=_OF_DEPARTMENT),
        )
    ]


def _of_department(department: people_pb2.Department, part: str) -> Iterator[Relation]:
    yield Relation(part, "state", "closed" if department.closed else "open")
    if department.parent_id:
        yield Relation(part, "parent", f"department:{department.parent_id}")
    yield Relation(part, "path", "", _data(path=list(department.path)))
    if department.leader_id:
        yield Relation(part, "leader", f"person:{department.leader_id}")


def group_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read the members of a group."""
    group: people_pb2.Group = fact.group
    part = f"group:{group.id}"
    relations = {Relation(part, "state", "removed" if group.removed else "present")}
    if group.department_id:
        relations.add(Relation(part, "department", f"department:{group.department_id}"))
    if not group.removed:
        relations |= {Relation(part, "member", f"person:{each}") for each in fact.member_ids}
    return [
        state(
            envelope,
            part=part,
            version=group.version,
            relations=relations,
            marked=marks(group, part=part, without=_OF_GROUP),
        )
    ]


def role_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read the grants of a role; nothing when it was removed."""
    role: access_pb2.Role = fact.role
    permissions = [] if role.removed else role.permissions
    # Built-in roles have the same names in every tenant, so a part carries the tenant's too.
    part = f"role:{envelope.tenant_id}/{role.id}"
    return [
        state(
            envelope,
            part=part,
            version=role.version,
            relations=[Relation(f"role:{role.id}", "permission", each) for each in permissions],
            marked=marks(role, part=part, without=_OF_ROLE),
        )
    ]


def binding_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read the holder, role and scope of a binding; nothing when it ended."""
    binding: access_pb2.RoleBinding = fact.binding
    part = f"role_binding:{binding.id}"
    relations = []
    if not binding.removed:
        expires = instant(binding.expires_at) if binding.HasField("expires_at") else None
        data = _data(binding=binding.id, expires_at=expires.isoformat() if expires else "")
        relations = [
            Relation(binding.scope, f"role:{binding.role_id}", binding.subject, data),
        ]
    return [
        state(
            envelope,
            part=part,
            version=binding.version,
            relations=relations,
            marked=marks(binding, part=part, without=_OF_BINDING),
        )
    ]


def policy_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read an attribute policy; nothing while it is disabled or removed."""
    policy: access_pb2.AccessPolicy = fact.policy
    part = f"policy:{policy.id}"
    relations = []
    if policy.enabled and not policy.removed:
        data = _data(name=policy.name, cedar=policy.cedar)
        relations = [Relation(f"tenant:{envelope.tenant_id}", "policy", part, data)]
    return [
        state(
            envelope,
            part=part,
            version=policy.version,
            relations=relations,
            marked=marks(policy, part=part, without=_COUNTED | {"removed"}),
        )
    ]


def module_states(envelope: Envelope, fact: Any) -> list[State]:
    """Read whether a module is on, and the departments with the opposite setting."""
    module: access_pb2.Module = fact.module
    object_ = f"module:{module.name}"
    relations = [
        Relation(object_, "state", "on" if module.enabled else "off"),
        *(
            Relation(object_, "except", f"department:{each}")
            for each in module.except_department_ids
        ),
    ]
    part = f"module:{envelope.tenant_id}/{module.name}"
    return [state(envelope, part=part, version=module.version, relations=relations)]


def _data(**values: object) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
