"""plexus.directory.v1.AccessService over a real gRPC server, and the snapshot of projections."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.authz.v1.authority_pb2 import SnapshotRequest
from plexus.directory.v1 import access_pb2, events_pb2
from plexus.directory.v1 import access_service_pb2 as pb
from plexus.directory.v1 import directory_service_pb2 as people
from plexus_access.roles import NAMES, PERMISSIONS
from plexuskit.grpc import refused

Code = grpc.StatusCode
NO_TASKS = 'forbid(principal, action == Plexus::Action::"tasks.create", resource);'


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The service, and the metadata of its caller."""

    served: Any
    company: Any

    @property
    def access(self) -> Any:
        return self.served.access

    def as_(self, person: Any, *, scopes: tuple[str, ...] = ()) -> dict[str, Any]:
        metadata: dict[str, Any] = self.served.person(
            person.id, person.tenant_id, *person.roles, scopes=scopes
        )
        return metadata

    @property
    def admin(self) -> dict[str, Any]:
        return self.as_(self.company.admin)


@pytest.fixture
def caller(served: Any, company: Any) -> Caller:
    return Caller(served=served, company=company)


async def refusal(call: Awaitable[Any]) -> tuple[Code, str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    refusal = refused(raised.value)
    assert refusal is not None
    return raised.value.code(), refusal.reason, dict(refusal.metadata)


async def role(caller: Caller, **fields: Any) -> access_pb2.Role:
    asked = {"name": "HR", "permissions": ["people.manage", "roles.bind", "roles.read"], **fields}
    return (await caller.access.CreateRole(pb.CreateRoleRequest(**asked), **caller.admin)).role


async def test_gw_3_a_role_is_made_changed_bound_and_removed(caller: Caller) -> None:
    mask = access_pb2.FieldMask(message="plexus.directory.v1.Person", fields=["handle", "id"])
    made = await role(caller, masks=[mask], description="people", request_id="r1")
    assert made == await role(caller, masks=[mask], description="people", request_id="r1")
    assert (made.built_in, made.version, list(made.masks)) == (False, 1, [mask])
    assert made.permissions == ["people.manage", "roles.bind", "roles.read"]

    update = pb.UpdateRoleRequest(role_id=made.id, expected_version=1, set_masks=True)
    changed = (await caller.access.UpdateRole(update, **caller.admin)).role
    assert (changed.version, changed.name, list(changed.masks)) == (2, "HR", [])
    narrowed = pb.UpdateRoleRequest(
        role_id=made.id, set_permissions=True, name="None", request_id="r"
    )
    assert (await caller.access.UpdateRole(narrowed, **caller.admin)).role.permissions == []

    until = Timestamp()
    until.FromDatetime(caller.company.now + timedelta(days=1))
    bind = pb.BindRoleRequest(
        role_id=made.id, subject=f"person:{caller.company.admin.id}", expires_at=until
    )
    bound = (await caller.access.BindRole(bind, **caller.admin)).binding
    assert (bound.scope, bound.expires_at, bound.created_by) == (
        f"tenant:{caller.company.tenant.id}",
        until,
        caller.company.admin.id,
    )
    listing = pb.ListRoleBindingsRequest(subject=bind.subject)
    assert list((await caller.access.ListRoleBindings(listing, **caller.admin)).bindings) == [bound]
    unbind = pb.UnbindRoleRequest(binding_id=bound.id, request_id="r3")
    for _ in range(2):
        await caller.access.UnbindRole(unbind, **caller.admin)
    await caller.access.DeleteRole(pb.DeleteRoleRequest(role_id=made.id), **caller.admin)
    listed = (await caller.access.ListRoles(pb.ListRolesRequest(), **caller.admin)).roles
    assert [(each.id, each.built_in) for each in listed] == [(name, True) for name in NAMES]
    assert set(listed[0].permissions) == PERMISSIONS


async def test_bindings_are_listed_page_by_page(caller: Caller) -> None:
    made = await role(caller)
    for handle in "abc":
        person = await caller.company.hire(handle)
        bind = pb.BindRoleRequest(role_id=made.id, subject=f"person:{person.id}")
        await caller.access.BindRole(bind, **caller.admin)
    seen, token = [], ""
    while True:
        page = pb.ListRoleBindingsRequest(page_size=2, page_token=token)
        answer = await caller.access.ListRoleBindings(page, **caller.admin)
        seen += [binding.id for binding in answer.bindings]
        token = answer.next_page_token
        if not token:
            break
    assert len(set(seen)) == 3
    assert seen == sorted(seen)


async def test_gw_3_what_is_refused_has_its_name(caller: Caller) -> None:
    access, admin = caller.access, caller.admin
    made = await role(caller)
    whom = f"person:{caller.company.admin.id}"
    unknown_mask = access_pb2.FieldMask(message="plexus.directory.v1.Nobody", fields=["id"])
    unknown_field = access_pb2.FieldMask(message="plexus.tasks.v1.Task", fields=["salary"])
    foreign = access_pb2.FieldMask(message="google.protobuf.Timestamp", fields=["seconds"])
    cases: list[tuple[Awaitable[Any], Code, str]] = [
        (role(caller), Code.ALREADY_EXISTS, "ROLE_NAME_TAKEN"),
        (role(caller, name="x", permissions=["a.b"]), Code.INVALID_ARGUMENT, "PERMISSION_UNKNOWN"),
        *(
            (role(caller, name="x", masks=[mask]), Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
            for mask in (unknown_mask, unknown_field, foreign)
        ),
        (
            access.UpdateRole(pb.UpdateRoleRequest(role_id="admin", name="x"), **admin),
            Code.FAILED_PRECONDITION,
            "ROLE_BUILT_IN",
        ),
        (
            access.UpdateRole(pb.UpdateRoleRequest(role_id=made.id, expected_version=9), **admin),
            Code.ABORTED,
            "VERSION_CONFLICT",
        ),
        (
            access.DeleteRole(pb.DeleteRoleRequest(role_id="rol_x"), **admin),
            Code.NOT_FOUND,
            "ROLE_NOT_FOUND",
        ),
        (
            access.BindRole(pb.BindRoleRequest(role_id=made.id, subject="person:x"), **admin),
            Code.NOT_FOUND,
            "SUBJECT_NOT_FOUND",
        ),
        (
            access.BindRole(
                pb.BindRoleRequest(role_id=made.id, subject=whom, scope="department:x"), **admin
            ),
            Code.NOT_FOUND,
            "SCOPE_NOT_FOUND",
        ),
        (
            access.UnbindRole(pb.UnbindRoleRequest(binding_id="rbd_x"), **admin),
            Code.NOT_FOUND,
            "ROLE_BINDING_NOT_FOUND",
        ),
        (
            access.DeleteAccessPolicy(pb.DeleteAccessPolicyRequest(name="x"), **admin),
            Code.NOT_FOUND,
            "POLICY_NOT_FOUND",
        ),
        (
            access.SetModule(pb.SetModuleRequest(name="x"), **admin),
            Code.INVALID_ARGUMENT,
            "MODULE_UNKNOWN",
        ),
        (
            access.SetModule(
                pb.SetModuleRequest(name="tasks", except_department_ids=["x"]), **admin
            ),
            Code.NOT_FOUND,
            "DEPARTMENT_NOT_FOUND",
        ),
        (
            access.BindRole(
                pb.BindRoleRequest(role_id=made.id, subject=whom),
                **caller.as_(caller.company.admin, scopes=("roles.bind",)),
            ),
            Code.PERMISSION_DENIED,
            "GRANT_EXCEEDS_OWN",
        ),
    ]
    for call, code, reason in cases:
        assert (await refusal(call))[:2] == (code, reason)


async def test_gw_3_an_invalid_policy_is_refused_with_its_line(caller: Caller) -> None:
    put = pb.PutAccessPolicyRequest(name="x", cedar=f"{NO_TASKS}\n\nforbid(principal;\n")
    code, reason, metadata = await refusal(caller.access.PutAccessPolicy(put, **caller.admin))
    assert (code, reason, metadata["line"]) == (Code.INVALID_ARGUMENT, "POLICY_INVALID", "3")
    assert "unexpected token" in metadata["problem"]


async def test_gw_3_policies_and_modules_are_kept_and_listed(caller: Caller) -> None:
    put = pb.PutAccessPolicyRequest(name="no tasks", cedar=NO_TASKS, enabled=True)
    policy = (await caller.access.PutAccessPolicy(put, **caller.admin)).policy
    listing = await caller.access.ListAccessPolicies(pb.ListAccessPoliciesRequest(), **caller.admin)
    assert list(listing.policies) == [policy]
    await caller.access.DeleteAccessPolicy(
        pb.DeleteAccessPolicyRequest(name="no tasks"), **caller.admin
    )
    off = pb.SetModuleRequest(name="search", enabled=False)
    assert not (await caller.access.SetModule(off, **caller.admin)).module.enabled
    member = caller.as_(await caller.company.hire("li"))
    modules = await caller.access.ListModules(pb.ListModulesRequest(), **member)
    assert modules.on == ["messaging", "notify", "tasks"]


async def test_gw_1_a_member_and_a_narrow_token_are_refused(caller: Caller) -> None:
    member = caller.as_(await caller.company.hire("li"))
    token = caller.as_(caller.company.admin, scopes=("people.read",))
    calls = (
        (caller.access.CreateRole, pb.CreateRoleRequest(name="x")),
        (caller.access.UpdateRole, pb.UpdateRoleRequest(role_id="x")),
        (caller.access.DeleteRole, pb.DeleteRoleRequest(role_id="x")),
        (caller.access.ListRoles, pb.ListRolesRequest()),
        (caller.access.BindRole, pb.BindRoleRequest()),
        (caller.access.UnbindRole, pb.UnbindRoleRequest()),
        (caller.access.ListRoleBindings, pb.ListRoleBindingsRequest()),
        (caller.access.PutAccessPolicy, pb.PutAccessPolicyRequest()),
        (caller.access.DeleteAccessPolicy, pb.DeleteAccessPolicyRequest()),
        (caller.access.ListAccessPolicies, pb.ListAccessPoliciesRequest()),
        (caller.access.SetModule, pb.SetModuleRequest()),
    )
    for who in (member, token):
        for call, request in calls:
            denied = await refusal(call(request, **who))
            assert denied[:2] == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")
    create = people.CreatePersonRequest(handle="x", display_name="x")
    denied = await refusal(caller.served.directory.CreatePerson(create, **token))
    assert denied[:2] == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")


async def test_gw_3_a_projection_loads_every_fact_of_access(caller: Caller) -> None:
    made = await role(caller)
    bind = pb.BindRoleRequest(role_id=made.id, subject=f"person:{caller.company.admin.id}")
    bound = (await caller.access.BindRole(bind, **caller.admin)).binding
    request = SnapshotRequest(topics=["directory.access.v1"])
    frames = [
        frame async for frame in caller.served.authority.Snapshot(request, **caller.served.service)
    ]
    facts = [fact for frame in frames for fact in frame.facts]
    assert [(fact.scope, fact.entity_version) for fact in facts] == [(made.id, 1), (bound.id, 1)]
    assert events_pb2.RoleChanged.FromString(facts[0].fact).role == made
    assert events_pb2.RoleBindingChanged.FromString(facts[1].fact).binding == bound


@pytest.mark.rule("GW-4")
async def test_gw_4_a_replica_without_kafka_gets_the_facts_that_wait_for_it(
    caller: Caller,
) -> None:
    made = await role(caller)
    request = SnapshotRequest(topics=["directory.access.v1"])
    request.published_since.GetCurrentTime()

    async def new() -> list[Any]:
        frames = caller.served.authority.Snapshot(request, **caller.served.service)
        return [fact async for frame in frames for fact in frame.facts]

    (fact,) = await new()
    assert fact.type == events_pb2.RoleChanged.DESCRIPTOR.full_name
    assert events_pb2.RoleChanged.FromString(fact.fact).role == made
    request.tenant_id = "ten_other"
    assert await new() == []
