"""plexus.directory.v1.AccessService."""

from collections.abc import Iterable
from typing import Any

from google.protobuf import descriptor_pool
from plexus.directory.v1 import access_pb2
from plexus.directory.v1 import access_service_pb2 as pb
from plexus.directory.v1.access_service_pb2_grpc import AccessServiceServicer
from plexuskit.clock import Clock
from plexuskit.errors import InvalidArgument
from plexuskit.grpc.methods import requirements
from plexuskit.request_ids import request_of
from plexuskit.timestamps import requested_field

from directory.access import operations, queries
from directory.access.domain.roles import FieldMask, RoleChanges
from directory.access.events import (
    binding_to_proto,
    module_to_proto,
    policy_to_proto,
    role_to_proto,
)
from directory.access.store import Store
from directory.shared.api.translation import acting


class AccessApi(AccessServiceServicer):
    """Roles, their bindings, attribute policies and modules."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def CreateRole(
        self, request: pb.CreateRoleRequest, context: Any
    ) -> pb.CreateRoleResponse:
        """Make a role of the tenant's own."""
        actor = acting()
        role = await operations.create_role(
            self._store,
            actor=actor,
            name=request.name,
            description=request.description,
            permissions=request.permissions,
            masks=masks_of(request.masks),
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.CreateRoleResponse(role=role_to_proto(role))

    async def UpdateRole(
        self, request: pb.UpdateRoleRequest, context: Any
    ) -> pb.UpdateRoleResponse:
        """Change the set fields of a role."""
        actor = acting()
        role = await operations.update_role(
            self._store,
            actor=actor,
            role_id=request.role_id,
            changes=RoleChanges(
                name=request.name if request.HasField("name") else None,
                description=request.description if request.HasField("description") else None,
                permissions=request.permissions if request.set_permissions else None,
                masks=masks_of(request.masks) if request.set_masks else None,
            ),
            expected_version=request.expected_version,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.UpdateRoleResponse(role=role_to_proto(role))

    async def DeleteRole(
        self, request: pb.DeleteRoleRequest, context: Any
    ) -> pb.DeleteRoleResponse:
        """Remove a role with its bindings."""
        actor = acting()
        await operations.delete_role(
            self._store,
            actor=actor,
            role_id=request.role_id,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.DeleteRoleResponse()

    async def ListRoles(self, request: pb.ListRolesRequest, context: Any) -> pb.ListRolesResponse:
        """List roles."""
        roles, token = await queries.list_roles(
            self._store,
            actor=acting(),
            page_size=request.page_size,
            page_token=request.page_token,
            now=self._clock.now(),
        )
        return pb.ListRolesResponse(roles=map(role_to_proto, roles), next_page_token=token)

    async def BindRole(self, request: pb.BindRoleRequest, context: Any) -> pb.BindRoleResponse:
        """Bind a role to a subject for a scope."""
        actor = acting()
        binding = await operations.bind_role(
            self._store,
            actor=actor,
            role_id=request.role_id,
            subject=request.subject,
            scope=request.scope,
            expires_at=requested_field(request, "expires_at"),
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.BindRoleResponse(binding=binding_to_proto(binding))

    async def UnbindRole(
        self, request: pb.UnbindRoleRequest, context: Any
    ) -> pb.UnbindRoleResponse:
        """Remove a role binding."""
        actor = acting()
        await operations.unbind_role(
            self._store,
            actor=actor,
            binding_id=request.binding_id,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.UnbindRoleResponse()

    async def ListRoleBindings(
        self, request: pb.ListRoleBindingsRequest, context: Any
    ) -> pb.ListRoleBindingsResponse:
        """List bindings, the oldest first."""
        bindings, next_page_token = await queries.list_role_bindings(
            self._store,
            actor=acting(),
            subject=request.subject,
            scope=request.scope,
            page_size=request.page_size,
            page_token=request.page_token,
            now=self._clock.now(),
        )
        return pb.ListRoleBindingsResponse(
            bindings=map(binding_to_proto, bindings), next_page_token=next_page_token
        )

    async def PutAccessPolicy(
        self, request: pb.PutAccessPolicyRequest, context: Any
    ) -> pb.PutAccessPolicyResponse:
        """Store an attribute policy by its name."""
        actor = acting()
        policy = await operations.put_access_policy(
            self._store,
            actor=actor,
            name=request.name,
            cedar=request.cedar,
            enabled=request.enabled,
            expected_version=request.expected_version,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.PutAccessPolicyResponse(policy=policy_to_proto(policy))

    async def DeleteAccessPolicy(
        self, request: pb.DeleteAccessPolicyRequest, context: Any
    ) -> pb.DeleteAccessPolicyResponse:
        """Delete an attribute policy."""
        actor = acting()
        await operations.delete_access_policy(
            self._store,
            actor=actor,
            name=request.name,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.DeleteAccessPolicyResponse()

    async def ListAccessPolicies(
        self, request: pb.ListAccessPoliciesRequest, context: Any
    ) -> pb.ListAccessPoliciesResponse:
        """List attribute policies."""
        policies, token = await queries.list_access_policies(
            self._store,
            actor=acting(),
            page_size=request.page_size,
            page_token=request.page_token,
            now=self._clock.now(),
        )
        return pb.ListAccessPoliciesResponse(
            policies=map(policy_to_proto, policies), next_page_token=token
        )

    async def SetModule(self, request: pb.SetModuleRequest, context: Any) -> pb.SetModuleResponse:
        """Switch a module."""
        actor = acting()
        module = await operations.set_module(
            self._store,
            actor=actor,
            name=request.name,
            enabled=request.enabled,
            except_department_ids=request.except_department_ids,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.SetModuleResponse(module=module_to_proto(module))

    async def ListModules(
        self, request: pb.ListModulesRequest, context: Any
    ) -> pb.ListModulesResponse:
        """List every module, and which are on for the caller."""
        modules, on = await queries.list_modules(self._store, actor=acting())
        return pb.ListModulesResponse(modules=map(module_to_proto, modules), on=on)


def masks_of(masks: Iterable[access_pb2.FieldMask]) -> list[FieldMask]:
    """Read which columns a role shows.

    Raises:
        InvalidArgument: a message or field is in no contract.
    """
    return [_mask_of(mask) for mask in masks]


def _mask_of(mask: access_pb2.FieldMask) -> FieldMask:
    # Loads every contract, so that the pool knows the messages of all services.
    requirements()
    try:
        message = descriptor_pool.Default().FindMessageTypeByName(mask.message)
    except KeyError:
        message = None
    if message is None or not mask.message.startswith("plexus."):
        raise InvalidArgument(field="masks", problem=f"names the unknown message {mask.message!r}")
    if unknown := set(mask.fields) - set(message.fields_by_name):
        raise InvalidArgument(
            field="masks", problem=f"names {min(unknown)!r}, no field of {mask.message}"
        )
    return FieldMask(message=mask.message, fields=tuple(mask.fields))
