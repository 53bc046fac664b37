"""Calls of directory at their largest size, on a MongoDB that takes 3 ms more for each command."""

from types import SimpleNamespace

import pytest
from directory.accounts.operations.hashing import hashing
from directory.app import Store
from directory.people.api.authority import AuthorityApi
from directory.people.api.directory import DirectoryApi
from directory.people.domain.groups import MAX_CHANGED
from directory.people.domain.imports import MAX_PEOPLE
from directory.people.queries.authority import MAX_REFS
from directory.people.queries.people import MAX_IN_BATCH
from directory.shared.queries.paging import MAX_PAGE_SIZE
from plexus.authz.v1 import authority_pb2
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.directory.v1 import directory_service_pb2 as pb
from plexuskit.clock import SystemClock
from plexuskit.grpc.caller import enter
from plexuskit.mongo import Database

from .company import CHEAP, new_company

FEW = 24


@pytest.fixture
async def api(late_db: Database):
    """Yield the services with a tenant, whose administrator is the caller."""
    store, clock = Store(late_db), SystemClock()
    await store.provision()
    async with hashing(CHEAP) as hashes:
        tenant, admin = await new_company(store, hashes, clock=clock)
        yield SimpleNamespace(
            store=store,
            tenant=tenant,
            admin=admin,
            directory=DirectoryApi(store, hashing=hashes, clock=clock),
            authority=AuthorityApi(store, clock=clock),
        )


def become(api) -> None:
    enter(
        CallerContext(
            kind=CallerContext.KIND_PERSON,
            tenant_id=api.tenant.id,
            person_id=api.admin.id,
            session_id="ses_admin",
            roles=api.admin.roles,
        )
    )


def imported(number: int, **fields):
    return pb.ImportedPerson(
        external_id=f"test:{number}", handle=f"p{number}", display_name=f"P {number}", **fields
    )


@pytest.mark.largest(
    "directory.DirectoryService",
    "ImportPeople",
    "BatchGetPeople",
    "ListPeople",
    "ChangeGroupMembers",
    "ListGroupMembers",
)
@pytest.mark.largest("directory.Authority", "Recheck")
async def test_a_directory_at_its_largest(api, called):
    become(api)
    directory = api.directory
    parts = MAX_CHANGED // MAX_PEOPLE
    people = []
    for part in range(parts):
        numbers = range(part * MAX_PEOPLE, (part + 1) * MAX_PEOPLE)
        request = pb.ImportPeopleRequest(people=[imported(number) for number in numbers])
        answer = await called(
            lambda request=request: directory.ImportPeople(request, None), maximum=FEW
        )
        people += [person.id for person in answer.people]
    again = await called(
        lambda: directory.ImportPeople(
            pb.ImportPeopleRequest(
                people=[imported(number, title="Buyer") for number in range(MAX_PEOPLE)]
            ),
            None,
        ),
        maximum=FEW,
    )
    batch = await called(
        lambda: directory.BatchGetPeople(
            pb.BatchGetPeopleRequest(person_ids=people[:MAX_IN_BATCH]), None
        ),
        maximum=FEW,
    )
    listed = await called(
        lambda: directory.ListPeople(pb.ListPeopleRequest(page_size=MAX_PAGE_SIZE), None),
        maximum=FEW,
    )
    group = (await directory.CreateGroup(pb.CreateGroupRequest(name="Everybody"), None)).group
    await called(
        lambda: directory.ChangeGroupMembers(
            pb.ChangeGroupMembersRequest(group_id=group.id, add_ids=people), None
        ),
        maximum=FEW,
    )
    members = await called(
        lambda: directory.ListGroupMembers(
            pb.ListGroupMembersRequest(group_id=group.id, page_size=MAX_PAGE_SIZE), None
        ),
        maximum=FEW,
    )
    rechecked = await called(
        lambda: api.authority.Recheck(
            authority_pb2.RecheckRequest(
                tenant_id=api.tenant.id,
                person_id=api.admin.id,
                refs=[
                    authority_pb2.ObjectRef(kind="person", id=person)
                    for person in people[:MAX_REFS]
                ],
            ),
            None,
        ),
        maximum=FEW,
        deadline=3,
    )

    assert again.changed == MAX_PEOPLE
    assert len(batch.people) == MAX_IN_BATCH
    assert len(listed.people) == len(members.people) == MAX_PAGE_SIZE
    assert len(rechecked.verdicts) == MAX_REFS
