"""Documents of roles, bindings, policies and modules; removed ones stay for a while."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from plexus_access.objects import object_of, subject_of
from plexus_access.roles import BUILT_IN
from plexuskit.mongo import ASCENDING, Index

from directory.access.domain.access_policies import AccessPolicy
from directory.access.domain.modules import Module
from directory.access.domain.role_bindings import Binding
from directory.access.domain.roles import FieldMask, Role
from directory.shared.domain.ids import (
    BindingId,
    DepartmentId,
    PersonId,
    PolicyId,
    RoleId,
    TenantId,
)
from directory.shared.store.documents import Document

# Time that snapshots include removed documents, for readers that missed the fact.
REMOVED_FOR: Final = timedelta(days=90)


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


def binding_document(binding: Binding) -> Document:
    """Write a binding; `scope_id` joins a scope to the department or group of that id."""
    return {
        "_id": binding.id,
        "tenant_id": binding.tenant_id,
        "role_id": binding.role_id,
        "subject": str(binding.subject),
        "scope": str(binding.scope),
        "scope_id": binding.scope.id,
        "expires_at": binding.expires_at,
        "created_at": binding.created_at,
        "created_by": binding.created_by,
        "version": binding.version,
        "removed": binding.removed,
    }


def binding_from(document: Mapping[str, Any]) -> Binding:
    """Read a binding."""
    return Binding(
        id=BindingId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        role_id=RoleId(document["role_id"]),
        subject=subject_of(document["subject"]),
        scope=object_of(document["scope"]),
        expires_at=document["expires_at"],
        created_at=document["created_at"],
        created_by=PersonId(document["created_by"]),
        version=document["version"],
        removed=document["removed"],
    )


def policy_document(policy: AccessPolicy) -> Document:
    """Write a policy."""
    return {
        "_id": policy.id,
        "tenant_id": policy.tenant_id,
        "name": policy.name,
        "cedar": policy.cedar,
        "enabled": policy.enabled,
        "version": policy.version,
        "removed": policy.removed,
    }


def policy_from(document: Mapping[str, Any]) -> AccessPolicy:
    """Read a policy."""
    return AccessPolicy(
        id=PolicyId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        name=document["name"],
        cedar=document["cedar"],
        enabled=document["enabled"],
        version=document["version"],
        removed=document["removed"],
    )


def module_document(module: Module) -> Document:
    """Write how a module is switched."""
    return {
        "_id": module.key,
        "tenant_id": module.tenant_id,
        "name": module.name,
        "enabled": module.enabled,
        "except_department_ids": list(module.except_department_ids),
        "version": module.version,
    }


def module_from(document: Mapping[str, Any]) -> Module:
    """Read the switch of a module."""
    return Module(
        tenant_id=TenantId(document["tenant_id"]),
        name=document["name"],
        enabled=document["enabled"],
        except_department_ids=tuple(map(DepartmentId, document["except_department_ids"])),
        version=document["version"],
    )


def marked(document: Document, *, now: datetime) -> Document:
    """Set the removal time on a removed document, from which it expires."""
    return document | {"removed_at": now} if document["removed"] else document


def expiry() -> Index:
    """Return the index that forgets removed documents in the end."""
    return Index(keys=[("removed_at", ASCENDING)], expire_after=REMOVED_FOR, name="expiry")
