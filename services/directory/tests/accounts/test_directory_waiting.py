"""Fair turns at password checks: unknown networks, and known devices and people (GW-13)."""

import asyncio
from collections.abc import AsyncIterator
from threading import Event
from typing import Any

import pytest
from directory.accounts.domain.refusals import PasswordChecksBusy
from directory.accounts.operations.hashing import Hashing, hashing
from directory.accounts.operations.lines import Line, Place, Source
from directory.config import PasswordsSection
from plexus_testkit import eventually

pytestmark = pytest.mark.rule("GW-13")

ALICE = Source("network:192.0.2.7/32")
DEVICE = Source("device:known", known=True)


def stranger(number: int) -> Source:
    return Source(f"network:203.0.113.{number}/32")


def joined(line: Line, *sources: Source) -> list[Place]:
    return [line.join(source) for source in sources]


def order(line: Line) -> list[str]:
    keys = []
    while (place := line.next()) is not None:
        keys.append(place.source.key)
    return keys


async def test_gw_13_sources_take_turns_however_much_one_asks() -> None:
    line = Line(maximum=100, max_of_source=8)
    one, two = stranger(1), stranger(2)
    joined(line, one, one, one, two, two, ALICE)

    assert order(line) == [each.key for each in (one, two, ALICE, one, two, one)]


async def test_gw_13_a_source_has_a_share_of_the_line() -> None:
    line = Line(maximum=100, max_of_source=8)
    joined(line, *[stranger(1)] * 8)

    with pytest.raises(PasswordChecksBusy):
        line.join(stranger(1))
    assert len(joined(line, ALICE, DEVICE)) == 2


async def test_gw_13_a_full_line_makes_room_for_a_source_that_has_less() -> None:
    line = Line(maximum=16, max_of_source=8)
    flood = joined(line, *[stranger(1)] * 8, *[stranger(2)] * 8)

    place = line.join(ALICE)

    assert not place.turn.done()
    assert len(line) == 16
    (refused,) = [each for each in flood if each.turn.done()]
    with pytest.raises(PasswordChecksBusy):
        await refused.turn


async def test_gw_13_a_known_source_finds_room_among_any_number_of_strangers() -> None:
    line = Line(maximum=16, max_of_source=8)
    flood = joined(line, *(stranger(number) for number in range(16)))

    with pytest.raises(PasswordChecksBusy):
        line.join(ALICE)
    line.join(DEVICE)

    assert sum(each.turn.done() for each in flood) == 1
    assert order(line)[0] == DEVICE.key
    await asyncio.gather(*(each.turn for each in flood if each.turn.done()), return_exceptions=True)


async def test_gw_13_known_sources_go_first_and_strangers_still_go() -> None:
    line = Line(maximum=100, max_of_source=8)
    joined(line, *[stranger(1)] * 2, *[DEVICE] * 8)

    assert order(line).index(stranger(1).key) == 3


async def test_gw_13_an_office_that_is_named_has_the_whole_line_and_the_first_turns() -> None:
    section = PasswordsSection(
        time_cost=1, memory_kib=1024, parallelism=1, company_networks=["198.51.100.0/24"]
    )
    async with hashing(section) as opened:
        office = opened.source("network:198.51.100.7/32", network="198.51.100.7/32")
        other = opened.source("network:192.0.2.7/32", network="192.0.2.7/32")
    assert (office.known, office.company) == (True, True)
    assert (other.known, other.company) == (False, False)
    line = Line(maximum=16, max_of_source=8)

    joined(line, *[office] * 16)

    with pytest.raises(PasswordChecksBusy):
        line.join(office)


@pytest.fixture
async def narrow() -> AsyncIterator[Hashing]:
    section = PasswordsSection(
        threads=1, max_waiting=4, time_cost=1, memory_kib=1024, parallelism=1
    )
    async with hashing(section) as opened:
        yield opened


async def test_gw_13_no_check_is_made_for_a_caller_who_has_gone(narrow: Hashing) -> None:
    held, checked = Event(), list[str]()

    def checking(name: str) -> Any:
        def work() -> None:
            held.wait(30)
            checked.append(name)

        return asyncio.ensure_future(narrow.run(work, source=Source(f"network:{name}")))

    first = checking("first")
    await eventually(lambda: narrow.running == 1)
    gone, second = checking("gone"), checking("second")
    await eventually(lambda: narrow.waiting == 2)

    gone.cancel()
    await eventually(lambda: narrow.waiting == 1)
    held.set()
    await asyncio.gather(first, second)

    assert checked == ["first", "second"]
    assert (narrow.running, narrow.waiting) == (0, 0)


async def test_gw_13_a_caller_who_goes_while_checked_gives_the_thread_to_the_next(
    narrow: Hashing,
) -> None:
    held, done = Event(), list[str]()
    first = asyncio.ensure_future(
        narrow.run(lambda: (held.wait(30), done.append("first")), source=stranger(1))
    )
    await eventually(lambda: narrow.running == 1)
    second = asyncio.ensure_future(narrow.run(lambda: done.append("second"), source=stranger(2)))
    await eventually(lambda: narrow.waiting == 1)

    first.cancel()
    held.set()
    await second

    assert done == ["first", "second"]
