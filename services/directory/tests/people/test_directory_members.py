"""Current members of departments and groups, as the owner returns them to services (MSG-13)."""

from collections.abc import Iterable
from typing import Any

import grpc
import pytest
from directory.people import operations, queries
from plexus.authz.v1.authority_pb2 import FilterMembersRequest
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import refused
from plexuskit.mongo import Database


async def department(company: Any, name: str, parent_id: str = "") -> str:
    made = await operations.create_department(
        company.store,
        actor=company.actor,
        name=name,
        parent_id=parent_id,
        external_id="",
        request=None,
        now=company.now,
    )
    return made.id


async def belonging(company: Any, sets: Iterable[str], people: Iterable[str], tenant: str = ""):
    return await queries.filter_members(
        company.store,
        tenant_id=tenant or company.tenant.id,
        sets=list(sets),
        person_ids=list(people),
        now=company.now,
    )


async def test_msg_13_who_is_in_a_department_or_below_belongs_in_the_order_asked(
    company: Any,
) -> None:
    above = await department(company, "采购")
    below = await department(company, "芯片", above)
    beside = await department(company, "行政")
    ann = await company.hire("ann", department_ids=[above])
    bo = await company.hire("bo", department_ids=[beside, below])
    cy = await company.hire("cy", department_ids=[beside])

    asked = [cy.id, bo.id, "per_none", ann.id, bo.id]
    assert await belonging(company, [f"department:{above}"], asked) == [bo.id, ann.id]
    assert await belonging(company, [f"department:{below}"], asked) == [bo.id]
    both = [f"department:{below}", f"department:{beside}"]
    assert await belonging(company, both, asked) == [cy.id, bo.id]


async def test_msg_13_who_left_belongs_to_nothing(company: Any) -> None:
    above = await department(company, "采购")
    ann = await company.hire("ann", department_ids=[above])
    await operations.deactivate_person(
        company.store, actor=company.actor, person_id=ann.id, request=None, now=company.now
    )
    assert await belonging(company, [f"department:{above}"], [ann.id]) == []


async def test_gw_2_sets_of_nowhere_and_of_another_tenant_have_nobody(company: Any) -> None:
    above = await department(company, "采购")
    ann = await company.hire("ann", department_ids=[above])
    assert await belonging(company, ["department:dep_none", "group:grp_none"], [ann.id]) == []
    assert await belonging(company, [f"department:{above}"], [ann.id], "ten_other") == []
    assert await belonging(company, [], [ann.id]) == []
    assert await belonging(company, [f"department:{above}"], []) == []


@pytest.mark.parametrize(
    ("sets", "people", "field"),
    [
        (["department:x"] * 51, ["per_a"], "sets"),
        (["conversation:x"], ["per_a"], "sets"),
        (["department:"], ["per_a"], "sets"),
        (["department:x"], ["per_a"] * 10_001, "person_ids"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_its_field(
    company: Any, sets: list[str], people: list[str], field: str
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        await belonging(company, sets, people)
    assert raised.value.metadata["field"] == field


async def test_msg_13_two_queries_answer_however_many_are_asked_about(
    company: Any, db: Database
) -> None:
    above = await department(company, "采购")
    ann = await company.hire("ann", department_ids=[above])
    people = [f"per_{number}" for number in range(9_999)]
    await db._database.command({"profile": 2})
    found = await belonging(company, [f"department:{above}", "group:grp_none"], [*people, ann.id])
    await db._database.command({"profile": 0})
    profiled = await db._database["system.profile"].find({"op": "query"}).to_list()
    assert found == [ann.id]
    asked = [entry["ns"].rpartition(".")[2] for entry in profiled]
    assert asked == ["departments", "people"]
    assert all(entry["planSummary"].startswith("IXSCAN") for entry in profiled)


async def test_gw_1_only_services_ask(company: Any, served: Any) -> None:
    above = await department(company, "采购")
    ann = await company.hire("ann", department_ids=[above])
    request = FilterMembersRequest(
        tenant_id=company.tenant.id, sets=[f"department:{above}"], person_ids=[ann.id]
    )
    answer = await served.authority.FilterMembers(request, **served.service)
    assert list(answer.person_ids) == [ann.id]
    member = served.person(ann.id, company.tenant.id, "member")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await served.authority.FilterMembers(request, **member)
    assert refused(raised.value).reason == "INTERNAL_ONLY"
