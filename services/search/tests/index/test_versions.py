"""SRC-3 on a real index: late and repeated writes restore nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from search.domain.documents import Document
from search.kinds.message import TYPE as MESSAGE
from search.kinds.person import TYPE as PERSON
from search.kinds.task import TYPE as TASK
from search.store import Store


def tombstone(document: Document, *, version: int) -> Document:
    return Document(
        type=document.type,
        id=document.id,
        tenant_id=document.tenant_id,
        version=version,
        gone=True,
    )


async def test_src_03_an_older_version_never_replaces_a_newer_one(
    store: Store, now: datetime, message: Callable[..., Any], texts: Callable[..., Any]
) -> None:
    first = message("the first words")
    second = replace(first, version=2, text="the second words")

    for written in (second, first, second, first):
        assert await store.write([written], now=now) == []
    await store.refresh()

    assert await texts("words") == ["the second words"]


async def test_src_03_a_recalled_message_never_comes_back(
    store: Store, tenant: str, now: datetime, message: Callable[..., Any], texts: Callable[..., Any]
) -> None:
    said = message("regretted words")
    await store.write([said], now=now)
    await store.write([tombstone(said, version=2)], now=now)
    assert await store.write([said], now=now) == []
    await store.refresh()

    assert await texts("regretted") == []
    assert (await store.count(tenant_id=tenant))[MESSAGE] == 0


async def test_src_03_a_recall_that_arrives_before_its_message_wins(
    store: Store, now: datetime, message: Callable[..., Any], texts: Callable[..., Any]
) -> None:
    said = message("overtaken words")
    assert await store.write([tombstone(said, version=2), message("other")], now=now) == []
    assert await store.write([said], now=now) == []
    await store.refresh()

    assert await texts("overtaken") == []


async def test_src_08_a_document_that_the_index_refuses_is_named_and_the_others_are_stored(
    store: Store, now: datetime, message: Callable[..., Any], texts: Callable[..., Any]
) -> None:
    unknown = message("poison", details={"not_in_the_mapping": 1})
    huge = message("poison", details={"conversation_id": "c" * 40_000})
    before, between, after = message("good before"), message("good between"), message("good after")

    rejected = await store.write([before, unknown, between, huge, after], now=now)
    await store.refresh()

    assert [each.position for each in rejected] == [1, 3]
    assert "strict_dynamic_mapping_exception" in rejected[0].why
    assert "immense term" in rejected[1].why
    assert len(rejected[1].why) <= 400
    assert set(await texts("good")) == {"good before", "good between", "good after"}
    assert await texts("poison") == []


async def test_large_batches_are_written_in_several_bulks(
    store: Store, tenant: str, now: datetime, message: Callable[..., Any]
) -> None:
    many = [message(f"number {number}") for number in range(1_201)]
    large = [message("大" * 50_000) for _ in range(40)]

    assert await store.write([*many, *large], now=now) == []
    await store.refresh()

    assert (await store.count(tenant_id=tenant))[MESSAGE] == 1_241


async def test_counts_leave_out_machines_and_other_tenants(
    store: Store, tenant: str, now: datetime, message: Callable[..., Any]
) -> None:
    person = Document(
        type=PERSON,
        id=f"per_{tenant}",
        tenant_id=tenant,
        version=1,
        at=now,
        title="Ann",
    )
    machine = replace(person, id=f"per_bot_{tenant}", silent=True)
    task = replace(person, type=TASK, id=f"tsk_{tenant}")
    spoken, empty, system = message("said"), message(""), message("Ann joined", silent=True)
    await store.write([person, machine, task, spoken, empty, system], now=now)
    await store.write([replace(spoken, id="msg_elsewhere", tenant_id="ten_elsewhere")], now=now)
    await store.refresh()

    counted = await store.count(tenant_id=tenant)

    assert {type_.name: count for type_, count in counted.items()} == {
        "message": 3,
        "task": 1,
        "person": 1,
    }
