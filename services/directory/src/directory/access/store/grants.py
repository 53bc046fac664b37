"""Grants of people: by their own bindings, those of their departments and of their groups."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from plexus_access.masks import Masks, union
from plexus_access.objects import DEPARTMENT, GROUP, MEMBER, PERSON, TENANT, Subject, object_of
from plexus_access.roles import BUILT_IN, GUEST, NAMES, permissions_of
from plexuskit.mongo import Database, Transaction

from directory.access.domain.grants import Grants, Held
from directory.access.domain.roles import columns
from directory.access.store.documents import mask_from
from directory.access.store.role_bindings import COLLECTION as BINDINGS
from directory.access.store.role_bindings import in_force
from directory.access.store.scopes import Stage, join, open_departments, place_of, scope_stages
from directory.shared.domain.actors import Actor, State
from directory.shared.domain.ids import PersonId, TenantId

_NOBODY: Final = Grants()
_SHOWN: Final = "built_in_roles"
_NO_ROLE: Final[Mapping[str, Any]] = {"permissions": (), "masks": ()}


class GrantReader:
    """Reader of grants; each read is one command, whatever the person holds."""

    def __init__(self, db: Database) -> None:
        # Read only: their own rooms write them.
        self._people = db.collection("people", schema_version=0)
        self._bindings = db.collection(BINDINGS, schema_version=0)

    async def holding(
        self, actor: Actor, permission: str, *, now: datetime, tx: Transaction | None = None
    ) -> Grants:
        """Read the grants of an actor who needs a permission somewhere.

        Permissions that everyone has need no read; a privileged role counts only if it is stored,
        whatever the caller context names (GW-12).

        Raises:
            PermissionMissing: the permission is held nowhere.
        """
        grants = Grants(everywhere=permissions_of(actor.believed), limited_to=actor.scopes)
        if not grants.holds_everywhere(permission):
            grants = await self.of_actor(actor, now=now, tx=tx)
        grants.require(permission)
        return grants

    async def holding_everywhere(
        self, actor: Actor, permission: str, *, now: datetime, tx: Transaction | None = None
    ) -> Grants:
        """Read the grants of an actor who needs a permission for the whole tenant.

        Raises:
            PermissionMissing: the permission is not held for the tenant.
        """
        grants = await self.holding(actor, permission, now=now, tx=tx)
        grants.require_everywhere(permission)
        return grants

    async def of_actor(
        self, actor: Actor, *, now: datetime, tx: Transaction | None = None
    ) -> Grants:
        """Read the current grants of an actor; none for a deactivated one.

        A role for the tenant counts when both the caller context and the stored state name it, so
        that neither an old token nor a narrower session grants more. An API token's limits are part
        of it.
        """
        who = {
            "_id": actor.person_id,
            "tenant_id": actor.tenant_id,
            "state": State.ACTIVE.value,
        }
        found = await self._read(who, tenant_id=actor.tenant_id, now=now, tx=tx)
        return _grants(found, roles=actor.roles, limited_to=actor.scopes) if found else _NOBODY

    async def of_person(
        self, person_id: PersonId, *, tenant_id: TenantId, now: datetime, tx: Transaction
    ) -> Grants:
        """Read the grants of a person, also of a deactivated one, who may be reactivated."""
        who = {"_id": person_id, "tenant_id": tenant_id}
        found = await self._read(who, tenant_id=tenant_id, now=now, tx=tx)
        return _grants(found, roles=frozenset(NAMES)) if found else _NOBODY

    async def of_people(
        self,
        person_ids: Collection[PersonId],
        *,
        tenant_id: TenantId,
        now: datetime,
        tx: Transaction,
    ) -> dict[PersonId, Grants]:
        """Read the grants of each of several people, as `of_person` does, in one command."""
        if not person_ids:
            return {}
        who = {"_id": {"$in": sorted(person_ids)}, "tenant_id": tenant_id}
        found = await self._people.aggregate(_pipeline(who, tenant_id=tenant_id, now=now), tx=tx)
        return {PersonId(each["_id"]): _grants(each, roles=frozenset(NAMES)) for each in found}

    async def of_subjects(
        self, subjects: Iterable[Subject], *, tenant_id: TenantId, now: datetime, tx: Transaction
    ) -> Grants:
        """Read the grants that people gain by joining departments and groups."""
        written = sorted(map(str, subjects))
        found = await self._bindings.aggregate(
            [
                {"$match": {"subject": {"$in": written}, **in_force(tenant_id, now)}},
                {"$group": {"_id": None, "bindings": {"$push": "$$ROOT"}}},
                *_joined(tenant_id),
                {"$set": {"roles": []}},
            ],
            tx=tx,
        )
        return _grants(found[0], roles=frozenset()) if found else _NOBODY

    async def role_ids(
        self, person_id: PersonId, *, tenant_id: TenantId, now: datetime, tx: Transaction
    ) -> frozenset[str]:
        """List the ids of every role that a person holds, for the tenant or for a part of it."""
        who = {"_id": person_id, "tenant_id": tenant_id}
        found = await self._read(who, tenant_id=tenant_id, now=now, tx=tx)
        if found is None:
            return frozenset()
        bound = {binding["role_id"] for binding in found["bindings"]}
        return frozenset(bound.union(found["roles"]))

    async def _read(
        self, who: Mapping[str, str], *, tenant_id: TenantId, now: datetime, tx: Transaction | None
    ) -> Mapping[str, Any] | None:
        found = await self._people.aggregate(_pipeline(who, tenant_id=tenant_id, now=now), tx=tx)
        return found[0] if found else None


def _grants(
    document: Mapping[str, Any],
    *,
    roles: frozenset[str],
    limited_to: frozenset[str] = frozenset(),
) -> Grants:
    """Read an answer; in: the roles for the tenant that may count."""
    shown = {role["name"]: columns(map(mask_from, role["masks"])) for role in document[_SHOWN]}
    counted = roles.intersection(document["roles"])
    whole = permissions_of(frozenset(name for name in counted if not shown.get(name)))
    masked: dict[str, list[Masks]] = {}
    for name in counted:
        if masks := shown.get(name):
            for permission in BUILT_IN[name]:
                masked.setdefault(permission, []).append(masks)
    within: list[Held] = []
    for held in _held(document, shown):
        if held.scope.kind != TENANT:
            within.append(held)
        elif held.masks:
            for permission in held.permissions:
                masked.setdefault(permission, []).append(held.masks)
        else:
            whole |= held.permissions
    return Grants(
        everywhere=whole.union(masked),
        masked={each: union(held) for each, held in masked.items() if each not in whole},
        within=tuple(within),
        limited_to=limited_to,
    )


def _held(document: Mapping[str, Any], shown: Mapping[str, Masks]) -> Iterator[Held]:
    """Read the grants of each binding in a result."""
    own = {role["_id"]: role for role in document["own_roles"]}
    for binding in document["bindings"]:
        role_id = binding["role_id"]
        role = own.get(role_id, _NO_ROLE)
        scope = object_of(binding["scope"])
        yield Held(
            permissions=BUILT_IN.get(role_id) or frozenset(role["permissions"]),
            scope=scope,
            place=place_of(scope, document),
            masks=shown.get(role_id) or columns(map(mask_from, role["masks"])),
        )


def _pipeline(who: Mapping[str, Any], *, tenant_id: TenantId, now: datetime) -> list[Stage]:
    """Join a person with departments, bindings, their roles and the positions of their scopes."""
    return [
        {"$match": who},
        open_departments(tenant_id, local="department_ids", name="departments"),
        # No binding reaches a guest, whatever group or department they are in (GW-5).
        {
            "$project": {
                "roles": 1,
                "subjects": {"$cond": [{"$in": [GUEST, "$roles"]}, [], _subjects()]},
            }
        },
        join(
            BINDINGS,
            local="subjects",
            foreign="subject",
            pipeline=[{"$match": in_force(tenant_id, now)}],
            name="bindings",
        ),
        *_joined(tenant_id),
    ]


def _joined(tenant_id: TenantId) -> list[Stage]:
    """Join `bindings` with the permissions of their roles and the positions of their scopes."""
    return [
        join(
            "roles",
            local="bindings.role_id",
            foreign="_id",
            pipeline=[
                {"$match": {"tenant_id": tenant_id, "removed": False}},
                {"$project": {"permissions": 1, "masks": 1}},
            ],
            name="own_roles",
        ),
        _shown_by_built_in(tenant_id),
        *scope_stages(tenant_id, local="bindings.scope_id"),
    ]


def _shown_by_built_in(tenant_id: TenantId) -> Stage:
    """Look up the built-in roles whose masks the tenant has set."""
    stored = {"tenant_id": tenant_id, "name_key": {"$in": list(NAMES)}, "removed": False}
    return {
        "$lookup": {
            "from": "roles",
            "pipeline": [{"$match": stored}, {"$project": {"name": 1, "masks": 1}}],
            "as": _SHOWN,
        }
    }


def _subjects() -> Stage:
    """Return the stage that lists a person's subjects: themselves, their groups and departments."""
    above = {
        "$reduce": {
            "input": "$departments.path",
            "initialValue": [],
            "in": {"$setUnion": ["$$value", "$$this"]},
        }
    }
    return {
        "$concatArrays": [
            [{"$concat": [f"{PERSON}:", "$_id"]}],
            _members(DEPARTMENT, above),
            _members(GROUP, {"$ifNull": ["$group_ids", []]}),
        ]
    }


def _members(kind: str, ids: Any) -> Stage:
    written = {"$concat": [f"{kind}:", "$$id", f"#{MEMBER}"]}
    return {"$map": {"input": ids, "as": "id", "in": written}}
