"""Attribute policies and scopes decide about hits and totals (GW-9, GW-10)."""

from collections.abc import Callable
from typing import Any

import pytest
from plexus.authz.v1.authority_pb2 import Container
from plexus.messaging.v1.messages_pb2 import Message
from plexus.search.v1.search_service_pb2 import SearchRequest

FORBID = (
    'forbid(principal, action == Plexus::Action::"messages.read",'
    ' resource == Plexus::Object::"conversation:cnv_room") when { !context.second_factor };'
)


@pytest.fixture
def company(owners: dict[str, Any], tenant: str) -> Any:
    found = owners["directory"].authority.company
    found.person(tenant, "per_ann")
    return found


@pytest.fixture
def policed(company: Any, tenant: str) -> Any:
    """Set up before the service starts and loads directory's snapshot."""
    return company.policy(tenant, "room", FORBID)


@pytest.fixture
def masked(company: Any, tenant: str) -> Any:
    """Arranged before the service starts, as `policed` is."""
    shown = [each for each in Message.DESCRIPTOR.fields_by_name if each != "text"]
    return company.masks(tenant, "member", Message=shown)


@pytest.fixture
async def said(
    index: Callable[..., Any], message: Callable[..., Any], heartbeat: Callable[..., Any],
    owners: dict[str, Any], tenant: str,
) -> tuple[Any, Any]:  # fmt: skip
    here = message("预算 2036")
    there = message(
        "预算 2037", containers=("conversation:cnv_open",), details={"conversation_id": "cnv_open"}
    )
    await index(here, there)
    await heartbeat()
    rooms = [Container(kind="conversation", id=id_) for id_ in ("cnv_room", "cnv_open")]
    owners["messaging"].authority.allow("per_ann", *rooms, tenant=tenant)
    return here, there


@pytest.mark.rule("GW-10")
async def test_gw_10_a_hit_that_a_policy_refuses_is_neither_shown_nor_counted(
    policed: Any, said: tuple[Any, Any], api: Any, signed_in: Callable[..., Any]
) -> None:
    assert policed
    plain = await api.Search(SearchRequest(query="预算"), metadata=signed_in("ann"), timeout=10)
    strong = await api.Search(
        SearchRequest(query="预算"), metadata=signed_in("ann", second_factor=True), timeout=10
    )

    assert ([hit.id for hit in plain.hits], plain.total) == ([said[1].id], 1)
    assert ({hit.id for hit in strong.hits}, strong.total) == ({each.id for each in said}, 2)


@pytest.mark.rule("GW-9")
async def test_gw_09_a_token_finds_only_types_that_it_may_read(
    company: Any, said: tuple[Any, Any], api: Any, signed_in: Callable[..., Any]
) -> None:
    assert company

    async def total(*scopes: str) -> int:
        metadata = signed_in("ann", scopes=scopes, api_token_id="tok_1")
        answer = await api.Search(SearchRequest(query="预算"), metadata=metadata, timeout=10)
        assert len(answer.hits) == answer.total
        return int(answer.total)

    assert await total("search.query") == 0
    assert await total("search.query", "tasks.read") == 0
    assert await total("search.query", "messages.read") == len(said)


@pytest.mark.rule("GW-3")
async def test_gw_03_what_a_role_hides_finds_nothing_for_its_holder(
    masked: Any, said: tuple[Any, Any], message: Callable[..., Any], index: Callable[..., Any],
    api: Any, signed_in: Callable[..., Any],
) -> None:  # fmt: skip
    assert masked
    assert said
    named = message("预算 2038", names=("plan.pdf",))
    await index(named)
    hidden = await api.Search(SearchRequest(query="预算"), metadata=signed_in("ann"), timeout=10)
    unwanted = await api.Search(
        SearchRequest(query="plan.pdf -预算"), metadata=signed_in("ann"), timeout=10
    )

    assert (len(hidden.hits), hidden.total) == (0, 0)
    # A hidden word excludes nothing either: its absence would reveal it.
    assert [(hit.id, hit.text, unwanted.total) for hit in unwanted.hits] == [(named.id, "", 1)]
