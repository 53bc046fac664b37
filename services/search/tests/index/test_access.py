"""SRC-1 on a real index: unreadable documents are neither found nor counted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from search.domain.access import Interval, Readable, readable
from search.kinds.message import TYPE as MESSAGE
from search.kinds.task import TYPE as TASK
from search.store.access import MAX_RANGES, MAX_TERMS


async def test_src_01_only_readable_containers_are_found_and_counted(
    index: Callable[..., Any], message: Callable[..., Any], find: Callable[..., Any]
) -> None:
    mine = message("budget", containers=("conversation:mine",))
    theirs = [message("budget", containers=("conversation:theirs",)) for _ in range(30)]
    nobodys = message("budget", containers=())
    await index(mine, nobodys, *theirs)

    page = await find("budget", whole=["conversation:mine", "conversation:unknown"], limit=1)

    assert [hit.id for hit in page.found] == [mine.id]
    assert page.total == 1
    assert (await find("budget", whole=[])).total == 0


async def test_src_01_a_container_of_another_tenant_is_not_readable(
    index: Callable[..., Any], message: Callable[..., Any], find: Callable[..., Any]
) -> None:
    await index(message("budget"))

    assert (await find("budget")).total == 1
    assert (await find("budget", of="ten_elsewhere")).total == 0


@pytest.mark.parametrize("others", [0, MAX_RANGES + 50], ids=["clauses", "script"])
async def test_msg_14_intervals_are_exact_however_many_there_are(
    index: Callable[..., Any], message: Callable[..., Any], find: Callable[..., Any], others: int
) -> None:
    rooms = ("conversation:a", "conversation:b")
    said = [
        message("budget", containers=(room,), details={"seq": seq})
        for room in rooms
        for seq in range(1, 13)
    ]
    await index(*said, message("budget", containers=("conversation:c",)))
    allowed = readable(
        [
            ("conversation:a", (Interval(3, 5), Interval(9, 0))),
            ("conversation:b", (Interval(1, 2),)),
            ("conversation:c", (Interval(5, 4),)),
            *((f"conversation:other-{number}", (Interval(2, number),)) for number in range(others)),
        ]
    )

    page = await find("budget", readable=allowed, limit=50)

    found = {(said_.containers[0][-1], hit.seq) for hit in page.found for said_ in said
             if said_.id == hit.id}  # fmt: skip
    expected = {("a", seq) for seq in (3, 4, 5, 9, 10, 11, 12)} | {("b", 1), ("b", 2)}
    assert found == expected
    assert page.total == len(expected)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_src_01_more_containers_than_one_clause_takes(
    index: Callable[..., Any], message: Callable[..., Any], find: Callable[..., Any]
) -> None:
    await index(message("budget", containers=("conversation:zzz",)))
    whole = [f"conversation:{number}" for number in range(MAX_TERMS + 10)]

    assert (await find("budget", whole=whole)).total == 0
    assert (await find("budget", whole=[*whole, "conversation:zzz"])).total == 1


async def test_a_query_of_the_greatest_length_fits_beside_many_intervals(
    find: Callable[..., Any],
) -> None:
    intervals = {
        f"conversation:{number}": (Interval(number + 2, number + 9),)
        for number in range(MAX_RANGES)
    }
    allowed = Readable(whole=frozenset({"conversation:x"}), partly=intervals)

    assert (await find(" ".join(["word"] * 200), readable=allowed)).total == 0


async def test_what_the_system_says_is_not_found(
    index: Callable[..., Any], message: Callable[..., Any], find: Callable[..., Any]
) -> None:
    await index(message("Ann joined", silent=True))

    assert (await find("joined")).total == 0


@pytest.mark.usefixtures("own_store")
async def test_types_are_one_ranking_and_can_be_chosen(
    index: Callable[..., Any], message: Callable[..., Any], find: Callable[..., Any]
) -> None:
    said = message("a long text about many things and the budget too")
    task = replace(said, type=TASK, id=f"tsk_{said.id}", title="Budget", text="", details={})
    others = [
        replace(
            each, id=f"{each.id}-{number}", title=each.title and "Other", text=each.text and "x"
        )
        for each in (said, task)
        for number in range(20)
    ]
    await index(said, task, *others)

    assert [hit.id for hit in (await find("budget")).found] == [task.id, said.id]
    assert [hit.id for hit in (await find("budget", types=(MESSAGE,))).found] == [said.id]


async def test_src_07_pages_meet_without_gaps_or_repeats(
    index: Callable[..., Any], message: Callable[..., Any], find: Callable[..., Any]
) -> None:
    said = [message("budget " + "x " * (number % 7)) for number in range(50)]
    await index(*said)
    seen: list[str] = []
    after = None

    while page := (await find("budget", limit=7, after=after)).found:
        seen += [hit.id for hit in page]
        after = page[-1].place

    assert sorted(seen) == sorted(each.id for each in said)
