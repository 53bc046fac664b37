"""Roles, bindings, policies and modules as protobuf, and the facts about them."""

from datetime import datetime

from google.protobuf.message import Message
from plexus.directory.v1 import access_pb2, events_pb2
from plexus.topics import DIRECTORY_ACCESS_V1
from plexuskit.outbox import Fact, envelope
from plexuskit.timestamps import timestamp

from directory.access.domain.access_policies import AccessPolicy
from directory.access.domain.modules import Module
from directory.access.domain.role_bindings import Binding
from directory.access.domain.roles import Role


def role_to_proto(role: Role) -> access_pb2.Role:
    """Show a role."""
    return access_pb2.Role(
        id=role.id,
        tenant_id=role.tenant_id,
        name=role.name,
        description=role.description,
        permissions=sorted(role.permissions),
        masks=[
            access_pb2.FieldMask(message=mask.message, fields=mask.fields) for mask in role.masks
        ],
        built_in=role.built_in,
        version=role.version,
        removed=role.removed,
    )


def binding_to_proto(binding: Binding) -> access_pb2.RoleBinding:
    """Show a role binding."""
    return access_pb2.RoleBinding(
        id=binding.id,
        tenant_id=binding.tenant_id,
        role_id=binding.role_id,
        subject=str(binding.subject),
        scope=str(binding.scope),
        expires_at=timestamp(binding.expires_at) if binding.expires_at else None,
        created_at=timestamp(binding.created_at),
        created_by=binding.created_by,
        version=binding.version,
        removed=binding.removed,
    )


def policy_to_proto(policy: AccessPolicy) -> access_pb2.AccessPolicy:
    """Show an attribute policy."""
    return access_pb2.AccessPolicy(
        id=policy.id,
        tenant_id=policy.tenant_id,
        name=policy.name,
        cedar=policy.cedar,
        enabled=policy.enabled,
        version=policy.version,
        removed=policy.removed,
    )


def module_to_proto(module: Module) -> access_pb2.Module:
    """Return the contract's form of a module's switch."""
    return access_pb2.Module(
        name=module.name,
        tenant_id=module.tenant_id,
        enabled=module.enabled,
        except_department_ids=module.except_department_ids,
        version=module.version,
    )


def role_changed(role: Role, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact of a role's current state, also of its removal."""
    fact = events_pb2.RoleChanged(role=role_to_proto(role))
    return _of_entity(fact, role.key, role, actor_id=actor_id, now=now)


def binding_changed(binding: Binding, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact of a binding with its role and scope, or of its end."""
    fact = events_pb2.RoleBindingChanged(binding=binding_to_proto(binding))
    return _of_entity(fact, binding.id, binding, actor_id=actor_id, now=now)


def policy_changed(policy: AccessPolicy, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact of an attribute policy's current state, also of its removal."""
    fact = events_pb2.AccessPolicyChanged(policy=policy_to_proto(policy))
    return _of_entity(fact, policy.id, policy, actor_id=actor_id, now=now)


def module_changed(module: Module, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact of a module's current switch."""
    fact = events_pb2.ModuleChanged(module=module_to_proto(module))
    return _of_entity(fact, module.key, module, actor_id=actor_id, now=now)


def of_access(
    fact: Message, scope: str, *, tenant_id: str, version: int, actor_id: str, now: datetime
) -> Fact:
    """Return a fact of the tenant's access; `scope` orders the versions of one entity."""
    return Fact(
        topic=DIRECTORY_ACCESS_V1.name,
        key=tenant_id,
        event=envelope(
            fact=fact,
            tenant_id=tenant_id,
            scope=scope,
            change_no=version,
            entity_id=scope,
            entity_version=version,
            actor_id=actor_id,
            now=now,
        ),
    )


def _of_entity(
    fact: Message,
    scope: str,
    entity: Role | Binding | AccessPolicy | Module,
    *,
    actor_id: str,
    now: datetime,
) -> Fact:
    return of_access(
        fact,
        scope,
        tenant_id=entity.tenant_id,
        version=entity.version,
        actor_id=actor_id,
        now=now,
    )
