"""Documents of roles, bindings, policies and modules; removed ones stay for a while."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from plexus_access.objects import Object, Subject, object_of, subject_of
from plexus_access.roles import BUILT_IN
from plexuskit.mongo import ASCENDING, Codec, Computed, Documents, Index

from directory.access.domain.access_policies import AccessPolicy
from directory.access.domain.modules import Module
from directory.access.domain.role_bindings import Binding
from directory.access.domain.roles import FieldMask, Role
from directory.shared.domain.ids import (
    RoleId,
    TenantId,
)
from directory.shared.store.documents import Document

# Time that snapshots include removed documents, for readers that missed the fact.
REMOVED_FOR: Final = timedelta(days=90)

ROLE_BINDINGS: Final = Documents(
    Binding,
    names={"id": "_id"},
    # Joins a scope to the department or group of that id.
    computed={"scope_id": Computed(lambda binding: binding.scope.id, after="scope")},
    codecs={Subject: Codec(str, subject_of), Object: Codec(str, object_of)},
)
ACCESS_POLICIES: Final = Documents(AccessPolicy, names={"id": "_id"})
MODULES: Final = Documents(Module, computed={"_id": Computed(lambda module: module.key)})


def role_document(role: Role) -> Document:
    """Write a role; a built-in one, whose masks a tenant has set, without its permissions."""
    return {
        "_id": role.key,
        "tenant_id": role.tenant_id,
        "name": role.name,
        "name_key": role.name_key,
        "description": role.description,
        "permissions": [] if role.built_in else sorted(role.permissions),
        "masks": [{"message": mask.message, "fields": list(mask.fields)} for mask in role.masks],
        "version": role.version,
        "removed": role.removed,
    }


def role_from(document: Mapping[str, Any]) -> Role:
    """Read a role."""
    name = document["name"]
    # No role of a tenant's own has the name of a built-in one.
    role_id = name if name in BUILT_IN else document["_id"]
    return Role(
        id=RoleId(role_id),
        tenant_id=TenantId(document["tenant_id"]),
        name=name,
        description=document["description"],
        permissions=BUILT_IN.get(role_id) or frozenset(document["permissions"]),
        masks=tuple(map(mask_from, document["masks"])),
        version=document["version"],
        removed=document["removed"],
    )


def mask_from(document: Mapping[str, Any]) -> FieldMask:
    """Read which columns of a message a role shows."""
    return FieldMask(message=document["message"], fields=tuple(document["fields"]))


def marked(document: Document, *, now: datetime) -> Document:
    """Set the removal time on a removed document, from which it expires."""
    return document | {"removed_at": now} if document["removed"] else document


def expiry() -> Index:
    """Return the index that forgets removed documents in the end."""
    return Index(keys=[("removed_at", ASCENDING)], expire_after=REMOVED_FOR, name="expiry")
