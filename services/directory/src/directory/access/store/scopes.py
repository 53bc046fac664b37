"""Join of role bindings with the positions of their scopes, inside one command."""

from collections.abc import Mapping, Sequence
from typing import Any

from plexus_access.objects import DEPARTMENT, GROUP, TENANT, Object

from directory.access.domain.grants import IN_TENANT, Place, place_of_departments, place_of_group
from directory.shared.domain.ids import TenantId

Stage = Mapping[str, Any]


def join(
    collection: str, *, local: str, foreign: str, pipeline: Sequence[Stage], name: str
) -> Stage:
    """Look up documents whose `foreign` field is one of the `local` values, as `name`."""
    return {
        "$lookup": {
            "from": collection,
            "localField": local,
            "foreignField": foreign,
            "pipeline": pipeline,
            "as": name,
        }
    }


def open_departments(tenant_id: TenantId, *, local: str, name: str) -> Stage:
    """Look up the paths of departments that are not closed."""
    kept = {"tenant_id": tenant_id, "closed": {"$ne": True}}
    return join(
        "departments",
        local=local,
        foreign="_id",
        pipeline=[{"$match": kept}, {"$project": {"path": 1}}],
        name=name,
    )


def scope_stages(tenant_id: TenantId, *, local: str) -> list[Stage]:
    """Look up the positions of scopes, for `place_of`; `local` is the field of the scopes' ids."""
    return [
        join(
            "groups",
            local=local,
            foreign="_id",
            pipeline=[{"$match": {"tenant_id": tenant_id}}, {"$project": {"department_id": 1}}],
            name="scope_groups",
        ),
        {"$set": {"above_scopes": {"$concatArrays": [_ids(local), "$scope_groups.department_id"]}}},
        open_departments(tenant_id, local="above_scopes", name="scope_departments"),
    ]


def place_of(scope: Object, joined: Mapping[str, Any]) -> Place:
    """Read the position of a scope from a document that `scope_stages` has joined."""
    paths = {each["_id"]: each["path"] for each in joined["scope_departments"]}
    if scope.kind == TENANT:
        return IN_TENANT
    if scope.kind == DEPARTMENT:
        # A closed department is in no place that can still be managed.
        return place_of_departments([paths.get(scope.id, (scope.id,))])
    if scope.kind == GROUP:
        managed = {each["_id"]: each.get("department_id", "") for each in joined["scope_groups"]}
        return place_of_group(scope.id, path=paths.get(managed.get(scope.id, ""), ()))
    return Place(ways=(frozenset({scope}),))


def _ids(local: str) -> Mapping[str, Any]:
    """Return one id or several as a list."""
    field = f"${local}"
    return {"$cond": [{"$isArray": [field]}, field, [field]]}
