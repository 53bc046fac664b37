"""Owner's read access: every active person of a tenant may read its people (SRC-1, SRC-2)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from plexus.topics import (
    DIRECTORY_ACCESS_V1,
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_GROUP_V1,
    DIRECTORY_PERSON_V1,
)
from plexuskit.errors import InvalidArgument
from plexuskit.outbox import Fact

from directory.access.events import binding_changed, module_changed, policy_changed, role_changed
from directory.people import events
from directory.people.domain.people import Kind, Person
from directory.people.store import Store
from directory.shared.domain.actors import SERVICE
from directory.shared.domain.ids import PersonId, TenantId
from directory.shared.domain.refusals import PersonNotFound

MAX_REFS: Final = 500
_NOTHING: Final = "none"
_TOPICS: Final = frozenset(
    {
        DIRECTORY_ACCESS_V1.name,
        DIRECTORY_DEPARTMENT_V1.name,
        DIRECTORY_GROUP_V1.name,
        DIRECTORY_PERSON_V1.name,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """An object of a query: a `person`, `department` or `tenant`."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """The tenants that a person may read as a whole, and a version that changes with them."""

    version: str
    tenant_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """One relation, `object#relation@subject`, at a version of the person that it is read from."""

    tenant_id: TenantId
    object: str
    relation: str
    subject: str
    version: int


async def readable_containers(
    store: Store, *, tenant_id: str, person_id: str, now: datetime
) -> Readable:
    """Find the containers that a person may read now: their tenant while active, else none.

    None for a guest, who sees no directory (GW-5).
    """
    person = await _active(store, tenant_id=tenant_id, person_id=person_id, now=now)
    if person is None or person.kind is Kind.GUEST:
        return Readable(version=_NOTHING, tenant_ids=())
    return Readable(version=person.tenant_id, tenant_ids=(person.tenant_id,))


async def recheck(
    store: Store, *, tenant_id: str, person_id: str, refs: Sequence[Ref], now: datetime
) -> list[int]:
    """Find the current version of each object the person may read, 0 for the others, in order.

    Deactivated people stay readable: their names stay where they took part. A guest may read only
    themselves (GW-5).

    Raises:
        InvalidArgument: more than 500 are asked about.
    """
    if len(refs) > MAX_REFS:
        raise InvalidArgument(field="refs", problem=f"holds more than {MAX_REFS}")
    asking = await _active(store, tenant_id=tenant_id, person_id=person_id, now=now)
    if asking is None:
        return [0] * len(refs)
    if asking.kind is Kind.GUEST:
        own = Ref(kind="person", id=asking.id)
        return [asking.version if ref == own else 0 for ref in refs]

    tenant = asking.tenant_id
    people = [PersonId(ref.id) for ref in refs if ref.kind == "person"]
    departments = [ref.id for ref in refs if ref.kind == "department"]
    versions: dict[str, dict[str, int]] = {
        "person": await store.people.versions(people, tenant_id=tenant) if people else {},
        "department": await store.departments.existing(departments, tenant_id=tenant)
        if departments
        else {},
        # A tenant never changes.
        "tenant": {tenant: 1},
    }
    return [versions.get(ref.kind, {}).get(ref.id, 0) for ref in refs]


async def snapshot(store: Store, *, tenant_id: str) -> AsyncIterator[Related]:
    """Read the relations of all people of a tenant, or of every tenant if empty."""
    async for person in store.people.stream(tenant_id=TenantId(tenant_id) if tenant_id else None):
        for related in relations(person):
            yield related


async def snapshot_facts(
    store: Store, *, tenant_id: str, topics: Sequence[str], now: datetime
) -> AsyncIterator[Fact]:
    """Read the current state behind topics, as the latest facts of each entity carry it.

    For projections that start later than topics reach back (architecture: permission checks).

    Raises:
        InvalidArgument: a topic that carries no state of directory.
    """
    if unknown := set(topics) - _TOPICS:
        raise InvalidArgument(field="topics", problem=f"names {min(unknown)!r}")
    tenant = TenantId(tenant_id) if tenant_id else None
    # Departments first, so that memberships are known before people arrive.
    if DIRECTORY_DEPARTMENT_V1.name in topics:
        async for department in store.departments.stream(tenant_id=tenant):
            yield events.current_department(department, now=now)
    if DIRECTORY_PERSON_V1.name in topics:
        async for person in store.people.stream(tenant_id=tenant):
            yield events.current_person(person, now=now)
    if DIRECTORY_GROUP_V1.name in topics:
        async for fact in _group_facts(store, tenant=tenant, now=now):
            yield fact
    if DIRECTORY_ACCESS_V1.name in topics:
        async for fact in _access_facts(store, tenant=tenant, now=now):
            yield fact


async def _group_facts(
    store: Store, *, tenant: TenantId | None, now: datetime
) -> AsyncIterator[Fact]:
    """Read groups with their members, many in one query."""
    async for part in store.groups.stream_parts(tenant_id=tenant):
        members = await store.members.of_groups(group.id for group in part)
        for group in part:
            yield events.group_changed(
                group, member_ids=members[group.id], actor_id=SERVICE, now=now
            )


async def _access_facts(
    store: Store, *, tenant: TenantId | None, now: datetime
) -> AsyncIterator[Fact]:
    """Read roles before their bindings; recently removed ones are included."""
    owner = SERVICE
    async for role in store.roles.stream(tenant_id=tenant):
        yield role_changed(role, actor_id=owner, now=now)
    async for binding in store.bindings.stream(tenant_id=tenant):
        yield binding_changed(binding, actor_id=owner, now=now)
    async for policy in store.policies.stream(tenant_id=tenant):
        yield policy_changed(policy, actor_id=owner, now=now)
    async for module in store.modules.stream(tenant_id=tenant):
        yield module_changed(module, actor_id=owner, now=now)


def relations(person: Person) -> list[Related]:
    """Return a person's relations to their tenant: membership, and roles while active."""
    subject, tenant = f"person:{person.id}", f"tenant:{person.tenant_id}"
    belongs = [(subject, "tenant", tenant)]
    holds = [(tenant, role, subject) for role in person.roles] if person.active else []
    return [
        Related(
            tenant_id=person.tenant_id,
            object=object_,
            relation=relation,
            subject=whom,
            version=person.version,
        )
        for object_, relation, whom in belongs + holds
    ]


async def _active(store: Store, *, tenant_id: str, person_id: str, now: datetime) -> Person | None:
    try:
        person = await store.people.get(person_id, tenant_id=TenantId(tenant_id))
    except PersonNotFound:
        return None
    return person if person.welcome(now=now) else None
