"""Changes of people, departments, groups and roles of a large company, 3 ms more for each command.

Two hundred groups follow rules and a thousand people are in one department, so a change that
queries each group or each person exceeds its bound.
"""

import json
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from directory.access.api import AccessApi
from directory.accounts.operations.hashing import hashing
from directory.accounts.queries.sessions import MAX_SESSIONS
from directory.app import Store
from directory.people.api.authority import AuthorityApi
from directory.people.api.directory import DirectoryApi
from directory.people.domain.imports import MAX_PEOPLE
from directory.people.queries.members import MAX_PEOPLE as MAX_FILTERED
from directory.people.queries.members import MAX_SETS
from directory.scim.api import ScimApi
from directory.scim.domain.guard import Bounds, FeedRules
from directory.sign_in.api.open_sessions import OpenSessionsApi
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.authz.v1 import authority_pb2
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.directory.v1 import access_service_pb2, people_pb2, scim_service_pb2
from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1 import session_service_pb2 as sessions_pb
from plexuskit.clock import SystemClock
from plexuskit.grpc.caller import enter
from plexuskit.mongo import Database

from .company import CHEAP, new_company

RULES = 200
FED = 130
FEW = 30
# Two transactions of a hundred people each, plus the calls around them.
FEED = 80
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
async def api(late_db: Database):
    """Yield the services with a tenant, whose administrator is the caller."""
    store, clock = Store(late_db), SystemClock()
    await store.provision()
    rules = FeedRules(
        department_template="{department}",
        department_separator="/",
        reactivates=True,
        bounds=Bounds(percent=0, at_least=1),
    )
    async with hashing(CHEAP) as hashes:
        tenant, admin = await new_company(store, hashes, clock=clock)
        enter(
            CallerContext(
                kind=CallerContext.KIND_PERSON,
                tenant_id=tenant.id,
                person_id=admin.id,
                session_id="ses_admin",
                roles=admin.roles,
            )
        )
        yield SimpleNamespace(
            tenant=tenant,
            admin=admin,
            directory=DirectoryApi(store, hashing=hashes, clock=clock),
            access=AccessApi(store, clock=clock),
            authority=AuthorityApi(store, clock=clock),
            scim=ScimApi(store, hashing=hashes, rules=rules, clock=clock),
            sessions=OpenSessionsApi(store, means=SimpleNamespace(), clock=clock),
        )


async def ask(called: Any, table: list[Any], *, maximum: int = FEW) -> list[Any]:
    """Make the calls of a table one after the other, each within its deadline."""
    return [await called(partial(call, request, None), maximum=maximum) for call, request in table]


async def settle(api: SimpleNamespace) -> SimpleNamespace:
    """Create a company: departments, groups by rule, and people of one department."""
    directory = api.directory

    async def department(name: str, parent_id: str = "") -> str:
        request = pb.CreateDepartmentRequest(name=name, parent_id=parent_id)
        return str((await directory.CreateDepartment(request, None)).department.id)

    north, south = await department("North"), await department("South")
    teams = [await department(f"Team {number}", north) for number in range(20)]
    for number in range(RULES):
        rule = (
            people_pb2.GroupRule(department_ids=[north], titles=[f"Title {number}"])
            if number % 2
            else people_pb2.GroupRule(skills=[f"Skill {number}"])
        )
        request = pb.CreateGroupRequest(name=f"Rule {number}", rule=rule)
        await directory.CreateGroup(request, None)
    imported = [
        pb.ImportedPerson(
            external_id=f"test:{number}",
            handle=f"p{number}",
            display_name=f"P {number}",
            department_ids=[north],
            title=f"Title {number % RULES}",
            skills=[f"Skill {number % RULES}"],
        )
        for number in range(MAX_PEOPLE)
    ]
    answer = await directory.ImportPeople(pb.ImportPeopleRequest(people=imported), None)
    return SimpleNamespace(
        north=north, south=south, teams=teams, people=[person.id for person in answer.people]
    )


@pytest.mark.largest(
    "directory.DirectoryService",
    *("CreatePerson", "UpdatePerson", "ReactivatePerson", "SetAbsence", "UpdateProfile"),
    *("DeactivatePerson", "GetPerson", "CreateDepartment", "UpdateDepartment"),
    *("MoveDepartment", "MergeDepartment", "SplitDepartment", "CreateGroup", "UpdateGroup"),
    *("DeleteGroup", "ListGroups", "ListDepartments", "GetDirectoryStatus"),
)
@pytest.mark.largest("directory.Authority", "ReadableContainers", "FilterMembers")
@pytest.mark.largest("directory.SessionService", "ListSessions", "RevokeSessions")
@pytest.mark.largest("directory.SessionService", "FindEndedSessions")
async def test_changes_of_a_large_company(api, called):
    company = await settle(api)
    directory, first = api.directory, company.people[0]
    later = Timestamp()
    later.GetCurrentTime()
    later.seconds += 86_400
    absence = people_pb2.Absence(starts_at=later, note="年假", deputy_id=company.people[1])
    absence.ends_at.seconds = later.seconds + 86_400

    made = await ask(
        called,
        [
            (
                directory.CreatePerson,
                pb.CreatePersonRequest(
                    handle="new",
                    display_name="New",
                    title="Title 1",
                    skills=["Skill 0"],
                    department_ids=[company.north],
                    manager_id=first,
                    request_id="n1",
                ),
            ),
            (directory.CreateDepartment, pb.CreateDepartmentRequest(name="West")),
            (
                directory.CreateGroup,
                pb.CreateGroupRequest(name="All", member_ids=company.people, request_id="g1"),
            ),
        ],
    )
    group_id = made[2].group.id
    answers = await ask(
        called,
        [
            (
                directory.UpdatePerson,
                pb.UpdatePersonRequest(person_id=first, title="Title 3", request_id="u1"),
            ),
            (directory.SetAbsence, pb.SetAbsenceRequest(person_id=first, absence=absence)),
            (
                directory.UpdateProfile,
                pb.UpdateProfileRequest(skills=["Skill 0", "Skill 2"], set_skills=True),
            ),
            (directory.GetPerson, pb.GetPersonRequest(handle="p1")),
            (directory.DeactivatePerson, pb.DeactivatePersonRequest(person_id=first)),
            (directory.ReactivatePerson, pb.ReactivatePersonRequest(person_id=first)),
            (
                directory.UpdateDepartment,
                pb.UpdateDepartmentRequest(
                    department_id=company.north, name="Far north", leader_id=first
                ),
            ),
            (
                directory.SplitDepartment,
                pb.SplitDepartmentRequest(
                    department_id=company.north,
                    name="East",
                    person_ids=company.people[:500],
                    child_ids=company.teams[:10],
                ),
            ),
            (
                directory.MoveDepartment,
                pb.MoveDepartmentRequest(
                    department_id=company.north, parent_id=made[1].department.id
                ),
            ),
            (
                directory.MergeDepartment,
                pb.MergeDepartmentRequest(department_id=company.north, into_id=company.south),
            ),
            (
                directory.UpdateGroup,
                pb.UpdateGroupRequest(group_id=group_id, description="Everybody"),
            ),
            (directory.ListGroups, pb.ListGroupsRequest(page_size=1_000)),
            (directory.ListGroups, pb.ListGroupsRequest(person_id=first, page_size=1_000)),
            (directory.ListDepartments, pb.ListDepartmentsRequest(page_size=1_000)),
            (directory.DeleteGroup, pb.DeleteGroupRequest(group_id=group_id)),
            (directory.GetDirectoryStatus, pb.GetDirectoryStatusRequest()),
            (
                api.authority.ReadableContainers,
                authority_pb2.ReadableContainersRequest(
                    tenant_id=api.tenant.id, person_id=api.admin.id
                ),
            ),
            (
                api.authority.FilterMembers,
                authority_pb2.FilterMembersRequest(
                    tenant_id=api.tenant.id,
                    sets=[f"department:{company.south}"] * MAX_SETS,
                    person_ids=[
                        *company.people,
                        *(f"per_{number}" for number in range(MAX_FILTERED - MAX_PEOPLE)),
                    ],
                ),
            ),
            (api.sessions.ListSessions, sessions_pb.ListSessionsRequest(person_id=first)),
            (api.sessions.RevokeSessions, sessions_pb.RevokeSessionsRequest(person_id=first)),
            (
                api.sessions.FindEndedSessions,
                sessions_pb.FindEndedSessionsRequest(
                    session_ids=[f"ses_{number}" for number in range(MAX_SESSIONS)]
                ),
            ),
        ],
    )

    assert made[2].group.size == MAX_PEOPLE
    assert answers[9].people_moved == MAX_PEOPLE - 500 + 1
    assert len(answers[11].groups) == RULES + 1
    assert len(answers[17].person_ids) == MAX_PEOPLE - 500
    assert len(answers[20].ended_session_ids) == MAX_SESSIONS


@pytest.mark.largest(
    "directory.AccessService",
    *("CreateRole", "UpdateRole", "BindRole", "ListRoles", "ListRoleBindings", "UnbindRole"),
    *("SetModule", "ListModules", "ListAccessPolicies", "DeleteRole"),
)
async def test_a_role_that_is_bound_a_thousand_times(api, called):
    access, pb_ = api.access, access_service_pb2
    company = await settle(api)
    (made,) = await ask(
        called,
        [
            (
                access.CreateRole,
                pb_.CreateRoleRequest(name="HR", permissions=["people.read", "people.manage"]),
            )
        ],
    )
    role_id = made.role.id
    bindings = [
        (
            await access.BindRole(
                pb_.BindRoleRequest(role_id=role_id, subject=f"person:{person_id}"), None
            )
        ).binding
        for person_id in company.people[1:]
    ]

    answers = await ask(
        called,
        [
            (
                access.BindRole,
                pb_.BindRoleRequest(role_id=role_id, subject=f"person:{company.people[0]}"),
            ),
            (
                access.UpdateRole,
                pb_.UpdateRoleRequest(
                    role_id=role_id, permissions=["people.read"], set_permissions=True
                ),
            ),
            (access.ListRoles, pb_.ListRolesRequest()),
            (access.ListRoleBindings, pb_.ListRoleBindingsRequest(page_size=1_000)),
            (access.UnbindRole, pb_.UnbindRoleRequest(binding_id=bindings[0].id)),
            (access.SetModule, pb_.SetModuleRequest(name="tasks", enabled=False)),
            (access.ListModules, pb_.ListModulesRequest()),
            (access.ListAccessPolicies, pb_.ListAccessPoliciesRequest()),
            (access.DeleteRole, pb_.DeleteRoleRequest(role_id=role_id)),
        ],
    )
    left = await access.ListRoleBindings(pb_.ListRoleBindingsRequest(page_size=1_000), None)

    assert len(answers[3].bindings) == MAX_PEOPLE
    assert not left.bindings


@pytest.mark.largest("directory.ScimService", "ExchangeScim", "GetFeedStatus", "ResolveFeed")
async def test_a_feed_that_has_stopped_with_more_than_a_hundred_people(api, called):
    def exchange(method: str, path: str, body: Any = None, query: str = "") -> Any:
        return scim_service_pb2.ExchangeScimRequest(
            method=method,
            path=path,
            query=query,
            headers={"content-type": "application/scim+json"},
            body=json.dumps(body).encode() if body else b"",
            base_url="https://plexus.example/scim/v2",
        )

    scim, ids = api.scim, []
    for number in range(FED):
        body = {"schemas": [USER], "userName": f"u{number}", "displayName": f"U {number}"}
        made = await scim.ExchangeScim(exchange("POST", "/Users", body), None)
        ids.append(json.loads(made.body)["id"])
    for id_ in ids:
        await scim.ExchangeScim(exchange("DELETE", f"/Users/{id_}"), None)

    (page, status) = await ask(
        called,
        [
            (scim.ExchangeScim, exchange("GET", "/Users", query="count=200")),
            (scim.GetFeedStatus, scim_service_pb2.GetFeedStatusRequest()),
        ],
    )
    waiting = status.status.waiting
    (resolved,) = await ask(
        called,
        [
            (
                scim.ResolveFeed,
                scim_service_pb2.ResolveFeedRequest(approve=True, expected_waiting=waiting),
            )
        ],
        maximum=FEED,
    )

    assert page.status == 200
    assert waiting == FED - 1
    assert not resolved.status.waiting
