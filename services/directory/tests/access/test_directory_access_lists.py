"""Roles and attribute policies are listed in pages, by position and by bytes (MSG-21)."""

from collections.abc import Callable
from typing import Any

import pytest
from directory.access import operations, queries
from plexus_access.roles import NAMES
from plexuskit.errors import InvalidArgument
from plexuskit.paging import InvalidPageToken

CEDAR = "forbid(principal, action, resource) when { principal.guest };"


async def pages(list_: Callable[..., Any], company: Any, size: int) -> list[list[str]]:
    seen: list[list[str]] = []
    token = ""
    while True:
        page, token = await list_(
            company.store,
            actor=company.actor,
            page_size=size,
            page_token=token,
            now=company.now,
        )
        seen.append([each.name for each in page])
        if not token:
            return seen


async def put_policy(company: Any, name: str, cedar: str = CEDAR) -> None:
    await operations.put_access_policy(
        company.store,
        actor=company.actor,
        name=name,
        cedar=cedar,
        enabled=True,
        expected_version=0,
        request=None,
        now=company.now,
    )


@pytest.mark.rule("MSG-21")
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9, 10])
async def test_msg_21_roles_are_listed_in_pages(company: Any, size: int) -> None:
    own = [f"Role {number}" for number in range(5)]
    for name in reversed(own):
        await company.create_role(name)
    listed = await pages(queries.list_roles, company, size)
    assert [name for page in listed for name in page] == [*NAMES, *own]
    assert all(0 < len(page) <= size for page in listed[:-1])


@pytest.mark.rule("MSG-21")
async def test_msg_21_policies_are_listed_in_pages_by_number_and_bytes(company: Any) -> None:
    names = [f"policy-{number}" for number in range(5)]
    for name in reversed(names):
        await put_policy(company, name)
    for size in (1, 2, 5):
        listed = await pages(queries.list_access_policies, company, size)
        assert [name for page in listed for name in page] == names
        assert all(0 < len(page) <= size for page in listed)


async def test_a_page_of_another_list_or_a_wrong_size_is_refused(company: Any) -> None:
    await company.create_role("One")
    _, token = await queries.list_roles(
        company.store, actor=company.actor, page_size=1, page_token="", now=company.now
    )
    with pytest.raises(InvalidPageToken):
        await queries.list_access_policies(
            company.store, actor=company.actor, page_size=1, page_token=token, now=company.now
        )
    with pytest.raises(InvalidArgument):
        await queries.list_roles(
            company.store, actor=company.actor, page_size=1_001, page_token="", now=company.now
        )
