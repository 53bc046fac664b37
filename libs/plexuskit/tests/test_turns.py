"""Work on many items gives way to other work on the loop."""

import asyncio

import pytest
from plexuskit.turns import converted


@pytest.mark.parametrize("count", [0, 1, 100, 101, 1000])
async def test_gw_13_others_run_after_every_hundred_items(count: int) -> None:
    seen: list[int] = []
    done = asyncio.Event()

    async def other() -> None:
        while not done.is_set():
            seen.append(len(converting))
            await asyncio.sleep(0)

    converting: list[int] = []

    def convert(item: int) -> str:
        converting.append(item)
        return str(item)

    running = asyncio.create_task(other())
    await asyncio.sleep(0)
    result = await converted(range(count), convert)
    done.set()
    await running

    assert result == [str(item) for item in range(count)]
    steps = [later - earlier for earlier, later in zip(seen, [*seen[1:], count], strict=True)]
    assert max(steps) <= 100
