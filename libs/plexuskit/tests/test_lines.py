"""One caller has one place in a line that callers share (GW-13)."""

import asyncio
from collections.abc import Hashable
from contextvars import copy_context

import pytest
from plexus.authz.v1.caller_pb2 import CallerContext
from plexuskit.grpc import line_of
from plexuskit.grpc.caller import enter
from plexuskit.lines import Lines

SHARED = ("organisation", "t1")


class Served:
    """Callers that take the turn of shared keys, and the order in which they had it."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.order: list[str] = []
        self.busy = False

    async def call(self, caller: str, *shared: Hashable) -> None:
        async with self.lines.turn(("caller", caller), *(shared or (SHARED,))):
            assert not self.busy
            self.busy = True
            try:
                await asyncio.sleep(0)
                self.order.append(caller)
            finally:
                self.busy = False


@pytest.fixture
async def served() -> Served:
    return Served()


async def test_gw_13_a_caller_waits_for_one_call_of_each_other_caller(served: Served) -> None:
    async with asyncio.TaskGroup() as group:
        for caller in ("eve", "mallory"):
            for _ in range(60):
                group.create_task(served.call(caller))
        await asyncio.sleep(0)
        group.create_task(served.call("admin"))

    assert served.order.index("admin") <= 2
    assert len(served.order) == 121
    assert not served.lines.keys


async def test_gw_13_callers_behind_a_common_key_have_one_place_together(served: Served) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(served.call(f"guest-{number}", "own", SHARED))
        await asyncio.sleep(0)
        group.create_task(served.call("admin"))

    assert served.order.index("admin") <= 2
    assert not served.lines.keys


async def test_calls_of_one_caller_keep_their_order() -> None:
    lines, order = Lines(), []

    async def call(number: int) -> None:
        async with lines.turn("ann", SHARED):
            await asyncio.sleep(0)
            order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(call(number))

    assert order == list(range(10))


@pytest.mark.parametrize("steps", range(6))
async def test_a_caller_who_goes_keeps_no_turn(served: Served, steps: int) -> None:
    async with asyncio.TaskGroup() as group:
        going = [group.create_task(served.call(name)) for name in ("ann", "ann", "bob", "bob")]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in going[1:]:
            task.cancel()
        group.create_task(served.call("cat"))

    assert "cat" in served.order
    assert not served.lines.keys


async def test_a_failed_block_ends_its_turns(served: Served) -> None:
    with pytest.raises(ValueError, match="wrong"):
        async with served.lines.turn("ann", SHARED):
            raise ValueError("wrong")

    await served.call("bob")
    assert served.order == ["bob"]


@pytest.mark.rule("GW-13")
def test_gw_13_apps_of_a_person_wait_in_a_line_of_their_own() -> None:
    def line(**fields: str) -> str:
        enter(CallerContext(kind=CallerContext.KIND_PERSON, person_id="per_ann", **fields))
        return line_of("per_ann")

    def lines() -> tuple[str, str, str]:
        return line(), line(api_token_id="tok_1"), line(api_token_id="tok_2")

    own, *of_apps = copy_context().run(lines)

    assert own == line_of("per_ann") == "per_ann"
    assert set(of_apps) == {"per_ann:app"}
