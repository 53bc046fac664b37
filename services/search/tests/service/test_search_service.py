"""SearchService over gRPC, with owners that are queried for every response."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import grpc
import pytest
from plexus.authz.v1.authority_pb2 import Container, Interval
from plexus.search.v1.search_service_pb2 import GetSearchStatusRequest, SearchRequest
from plexus.search.v1.search_service_pb2_grpc import SearchServiceStub
from plexus_testkit.wait import eventually
from plexuskit.grpc import open_channel, refused
from plexuskit.service import Runtime
from search import app
from search.config import OpensearchSection, Settings
from search.domain.documents import Document
from search.kinds.person import TYPE as PERSON
from search.kinds.task import TYPE as TASK
from search.store import contents
from search.store.reading import MAX_PAGE_BYTES


@pytest.fixture
def ask(api: Any, signed_in: Callable[..., Any]) -> Callable[..., Any]:
    """Search as a person: `await ask("ann", "words", page_size=1)`."""

    async def asked(person: str, query: str, **fields: Any) -> Any:
        request = SearchRequest(query=query, **fields)
        return await api.Search(request, metadata=signed_in(person), timeout=10)

    return asked


@pytest.fixture
def room(owners: dict[str, Any], tenant: str) -> Callable[..., None]:
    """Set the part of the room that a person may read; without intervals all of it."""

    def allowed(person: str, *intervals: Interval, kind: str = "conversation") -> None:
        container = Container(kind=kind, id="cnv_room", intervals=intervals)
        owners["messaging"].authority.allow(f"per_{person}", container, tenant=tenant)

    return allowed


async def test_src_01_a_member_finds_what_others_do_not(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None], heartbeat: Callable[..., Any],
) -> None:  # fmt: skip
    said = message("我家在上海东边。")
    await index(said)
    await heartbeat()
    room("ann")

    found, hidden = await ask("ann", "上海"), await ask("bo", "上海")

    (hit,) = found.hits
    assert (found.total, found.partial, found.next_page_token) == (1, False, "")
    assert (hit.type, hit.id, hit.conversation_id, hit.seq) == (
        "message", said.id, "cnv_room", said.details["seq"],
    )  # fmt: skip
    assert (hit.text, hit.author_id) == ("我家在上海东边。", "per_ann")
    assert list(hit.highlights) == ["我家在\x02上海\x03东边。"]
    assert hit.score > 0
    assert hit.at.ToDatetime() == datetime(2026, 3, 2, 1)  # noqa: DTZ001 - protobuf answers naive UTC
    assert (hidden.total, list(hidden.hits)) == (0, [])


async def test_a_match_at_either_end_of_the_text_is_marked_whole(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None], heartbeat: Callable[..., Any],
) -> None:  # fmt: skip
    await index(message("供应商"), message("供应商延期，联系供应商"))
    await heartbeat()
    room("ann")

    found = await ask("ann", "供应商")

    assert {text for hit in found.hits for text in hit.highlights} == {
        "\x02供应商\x03",
        "\x02供应商\x03延期，联系\x02供应商\x03",
    }


async def test_src_02_a_removal_is_effective_on_the_next_query(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None], owners: dict[str, Any], tenant: str,
) -> None:  # fmt: skip
    await index(
        message("secret plan", details={"seq": 3}), message("secret plan", details={"seq": 8})
    )
    room("ann")
    assert (await ask("ann", "secret")).total == 2

    room("ann", Interval(first_seq=1, last_seq=5))
    assert [hit.seq for hit in (await ask("ann", "secret")).hits] == [3]

    owners["messaging"].authority.allow("per_ann", tenant=tenant)
    nothing = await ask("ann", "secret")
    assert (nothing.total, list(nothing.hits)) == (0, [])


async def test_src_02_owners_are_asked_every_time_and_repeat_nothing(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None], owners: dict[str, Any],
) -> None:  # fmt: skip
    await index(message("plan"))
    room("ann")

    totals = [(await ask("ann", "plan")).total for _ in range(3)]

    assert totals == [1, 1, 1]
    for owner in owners.values():
        assert owner.authority.answers == {"told": 1, "unchanged": 2}


async def test_src_04_what_was_recalled_a_moment_ago_is_dropped_and_not_counted(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None], owners: dict[str, Any],
) -> None:  # fmt: skip
    kept, recalled = message("a plan"), message("a plan")
    await index(kept, recalled)
    room("ann")
    owners["messaging"].authority.hidden.add(recalled.id)

    found = await ask("ann", "plan")

    assert [hit.id for hit in found.hits] == [kept.id]
    assert found.total == 1
    (asked,) = [ref for ref in owners["messaging"].authority.rechecked if ref.id == recalled.id]
    assert (asked.kind, asked.container_id, asked.seq) == (
        "message", "cnv_room", recalled.details["seq"],
    )  # fmt: skip


@pytest.mark.rule("SRC-1")
async def test_src_01_hidden_documents_leave_answers_identical_to_the_byte(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None], heartbeat: Callable[..., Any],
) -> None:  # fmt: skip
    await index(
        message("曙光 项目的预算 待批"), message("曙光 曙光"), message("预算 预算 预算，不是 曙光")
    )
    await heartbeat()
    room("ann")

    async def answers() -> list[bytes]:
        given, token = [], ""
        while not given or token:
            answer = await ask("ann", "曙光 预算", page_size=1, page_token=token)
            token = answer.next_page_token
            given.append(answer.SerializeToString(deterministic=True))
        return given

    before = await answers()
    assert len(before) > 1

    hidden = (
        replace(message("曙光 预算 " * (1 + number % 5)), containers=("conversation:cnv_other",))
        for number in range(1_000)
    )
    await index(*hidden)
    await heartbeat()

    assert await answers() == before


async def test_tasks_and_people_are_found_through_their_owners(
    index: Callable[..., Any], ask: Callable[..., Any], owners: dict[str, Any], tenant: str,
    now: datetime,
) -> None:  # fmt: skip
    task = Document(
        type=TASK, id=f"tsk_a_{tenant}", tenant_id=tenant, version=1, at=now,
        title="张伟的采购计划", text="先问供应商", names=("T-128",), keys=("T-128",),
        containers=("project:prj_1",), author_id="per_ann",
    )  # fmt: skip
    loose = replace(task, id=f"tsk_b_{tenant}", containers=("task-participant:per_bo",))
    person = Document(
        type=PERSON, id=f"per_{tenant}", tenant_id=tenant, version=1, at=now,
        title="张伟", text="采购经理", names=("zhang.wei",), containers=(f"tenant:{tenant}",),
    )  # fmt: skip
    await index(task, loose, person)
    owners["tasks"].authority.allow(
        "per_ann", Container(kind="project", id="prj_1"),
        Container(kind="task-participant", id="per_ann"), tenant=tenant,
    )  # fmt: skip
    owners["directory"].authority.allow(
        "per_ann", Container(kind="tenant", id=tenant), tenant=tenant
    )

    found = await ask("ann", "张伟")
    by_key = await ask("ann", "t-128")

    assert {(hit.type, hit.id) for hit in found.hits} == {("task", task.id), ("person", person.id)}
    assert [hit.id for hit in by_key.hits] == [task.id]
    assert by_key.hits[0].text == "张伟的采购计划\n先问供应商"
    assert [hit.id for hit in (await ask("ann", "张伟", types=["person"])).hits] == [person.id]


async def test_src_07_pages_follow_one_another(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None],
) -> None:  # fmt: skip
    said = [message(f"plan {number}") for number in range(7)]
    await index(*said)
    room("ann")
    seen, token, pages = [], "", 0

    while pages == 0 or token:
        page = await ask("ann", "plan", page_size=3, page_token=token)
        assert page.total == 7
        seen += [hit.id for hit in page.hits]
        token, pages = page.next_page_token, pages + 1

    assert sorted(seen) == sorted(each.id for each in said)
    assert pages == 3


@pytest.mark.rule("GW-13")
async def test_gw_13_large_texts_are_found_with_their_beginnings_marked(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None],
) -> None:  # fmt: skip
    """Every text matches 8,000 times; all of them do not fit one page."""
    large = ("alpha 质量 报告 beta-42 " * 4_000)[:100_000]
    said = [message(f"{number} {large}") for number in range(12)]
    for each in said:
        await index(each)
    await index(message("x" * 9_000 + " omega"))
    room("ann")
    seen, token, pages = [], "", 0

    while pages == 0 or token:
        page = await ask("ann", "alpha 质量", page_size=100, page_token=token)
        assert page.total == len(said)
        assert page.ByteSize() < MAX_PAGE_BYTES + 4 * len(large)
        for hit in page.hits:
            assert hit.text.endswith(large)
            assert "\x02alpha" in hit.highlights[0]
        seen += [hit.id for hit in page.hits]
        token, pages = page.next_page_token, pages + 1

    assert sorted(seen) == sorted(each.id for each in said)
    assert pages > 1
    (beyond,) = (await ask("ann", "omega")).hits
    assert not beyond.highlights


@pytest.mark.rule("GW-13")
async def test_gw_13_matches_that_take_too_long_to_mark_are_left_unmarked(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    await index(message("plan of the year"))
    room("ann")
    assert (await ask("ann", "plan")).hits[0].highlights

    monkeypatch.setattr(contents, "MARKING_SECONDS", 0.0)
    unmarked = await ask("ann", "plan")

    assert [hit.text for hit in unmarked.hits] == ["plan of the year"]
    assert not unmarked.hits[0].highlights


@pytest.mark.parametrize(
    ("query", "fields", "reason"),
    [
        ("", {}, "QUERY_INVALID"),
        ("  ", {}, "QUERY_INVALID"),
        ("x" * 1_001, {}, "QUERY_INVALID"),
        ("a", {"types": ["secret"]}, "INVALID_ARGUMENT"),
        ("a", {"page_token": "made-up"}, "INVALID_PAGE_TOKEN"),
    ],
)
async def test_what_cannot_be_searched_is_refused_by_name(
    ask: Callable[..., Any], query: str, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await ask("ann", query, **fields)

    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused(error.value).reason == reason


async def test_src_06_operators_are_no_error(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None],
) -> None:  # fmt: skip
    await index(message("from ann with love"), message("ann"))
    room("ann")

    assert [hit.text for hit in (await ask("ann", "from:ann")).hits] == ["from ann with love"]


@pytest.mark.parametrize("name", ["directory", "messaging", "tasks"])
async def test_src_01_an_owner_that_is_away_is_no_guess(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None], owners: dict[str, Any], name: str,
) -> None:  # fmt: skip
    await index(message("plan"))
    room("ann")
    assert (await ask("ann", "plan")).total == 1

    await owners[name].stop()
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await ask("ann", "plan")

    assert error.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.alone
async def test_an_unreachable_index_is_unavailable_at_once_and_makes_the_process_unready(
    settings: Settings,
    runtime: Runtime,
    signed_in: Callable[..., Any],
    elsewhere: OpensearchSection,
) -> None:
    away = settings.model_copy(update={"opensearch": elsewhere})
    async with (
        app.api(away, runtime),
        open_channel(f"127.0.0.1:{settings.grpc.port}") as channel,
    ):
        stub = SearchServiceStub(channel)
        for method, request in (
            (stub.Search, SearchRequest(query="plan")),
            (stub.GetSearchStatus, GetSearchStatusRequest()),
        ):
            began = time.monotonic()
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await method(request, metadata=signed_in("auditor"), timeout=10)
            assert time.monotonic() - began < 3
            assert error.value.code() == grpc.StatusCode.UNAVAILABLE
            assert refused(error.value).reason == "INDEX_UNREACHABLE"
        await eventually(lambda: not runtime.health.ready)


@pytest.mark.alone
@pytest.mark.usefixtures("own_store")
async def test_src_04_answers_say_when_the_index_is_behind(
    index: Callable[..., Any], message: Callable[..., Any], ask: Callable[..., Any],
    room: Callable[..., None], heartbeat: Callable[..., Any], api: Any,
    signed_in: Callable[..., Any],
) -> None:  # fmt: skip
    await index(message("plan"), message(""))
    room("ann")
    assert (await ask("ann", "plan")).partial

    await heartbeat(lag_seconds=3, dead_letters=2)
    await eventually(lambda: not_partial(ask), within=5)
    status = await api.GetSearchStatus(
        GetSearchStatusRequest(), metadata=signed_in("auditor"), timeout=10
    )
    assert (status.indexed_messages, status.indexed_tasks, status.indexed_people) == (2, 0, 0)
    assert dict(status.indexed) == {"message": 2, "task": 0, "person": 0}
    assert status.dead_letters == 6
    assert 3 <= status.lag_seconds < 4

    await heartbeat(lag_seconds=11)
    await eventually(lambda: partial(ask), within=5)


async def partial(ask: Callable[..., Any]) -> bool:
    return bool((await ask("ann", "plan")).partial)


async def not_partial(ask: Callable[..., Any]) -> bool:
    return not await partial(ask)


async def test_gw_01_nobody_searches_without_a_caller(api: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await api.Search(SearchRequest(query="plan"), timeout=10)

    assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED
