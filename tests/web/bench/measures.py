"""Measures of the web client, each in pages of its own; times are milliseconds."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page
from plexus_bench.tally import percentile
from plexus_testkit.harness import PASSWORD
from scripts import KEYS, OPEN, PAINTED, RECEIVED, SCROLL, SENT, SHOWN
from stage import Sizes, Stage

WAIT_MS = 120_000
RUNS = 5
PER_SECOND = 50
KEY_MS = 80


@dataclass(frozen=True, slots=True)
class Bench:
    """A browser with the address of the client."""

    browser: Browser
    stage: Stage
    sizes: Sizes
    dist: Path

    @property
    def address(self) -> str:
        """Return the address of the client; `localhost` is a secure context."""
        return self.stage.platform.http_address.replace("127.0.0.1", "localhost")

    @asynccontextmanager
    async def signed_in(self, handle: str) -> AsyncIterator[tuple[BrowserContext, Page]]:
        """Open a page of a person who has signed in and closed the tour."""
        person = await self.stage.platform.person_id(handle)
        seen = {"name": f"plexus.tour.{person}", "value": "seen"}
        context = await self.browser.new_context(
            locale="zh-CN",
            viewport={"width": 1280, "height": 800},
            storage_state={"origins": [{"origin": self.address, "localStorage": [seen]}]},
        )
        page = await context.new_page()
        page.set_default_timeout(WAIT_MS)
        await page.goto(self.address)
        await page.get_by_role("textbox", name="账号").fill(handle)
        await page.get_by_label("密码").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.locator("nav a[href^='/c/']").first.wait_for()
        yield context, page
        await context.close()


def spread(times: list[float]) -> dict[str, float]:
    """Return the median and the 99th percentile."""
    return {"p50": percentile(times, 0.5) or 0, "p99": percentile(times, 0.99) or 0}


async def first_load(bench: Bench) -> dict[str, float]:
    """Measure the gzipped JavaScript, in KB, that a signed-in person downloads to see the list."""
    async with bench.signed_in(bench.stage.reader) as (_, page):
        names: set[str] = set()

        def note(address: str) -> None:
            path = urlsplit(address).path
            if path.endswith(".js"):
                names.add(path.lstrip("/"))

        page.on("response", lambda response: note(response.url))
        await page.reload()
        await page.locator("nav a[href^='/c/']").first.wait_for()
        files = await asyncio.to_thread(
            lambda: [(bench.dist / name).read_bytes() for name in sorted(names)]
        )
    return {"KB": sum(len(gzip.compress(content, 9)) for content in files) / 1000}


async def navigation(bench: Bench) -> dict[str, float]:
    """Measure from the start of a navigation until the list is usable."""
    times: list[float] = []
    async with bench.signed_in(bench.stage.reader) as (_, page):
        for _ in range(RUNS):
            await page.goto(bench.address, wait_until="commit")
            times.append(await page.evaluate(PAINTED, "nav a[href^='/c/']"))
    return spread(times)


async def opening(bench: Bench) -> dict[str, float]:
    """Measure from choosing a conversation until its messages are painted, fetched and cached."""
    fetched: list[float] = []
    held: list[float] = []
    async with bench.signed_in(bench.stage.reader) as (_, page):
        rows = await page.locator("nav a[href^='/c/']").count()
        for times in (fetched, held):
            for index in range(min(rows, RUNS)):
                times.append(await page.evaluate(OPEN, index))
    return {
        **{f"fetched {name}": value for name, value in spread(fetched).items()},
        **{f"held {name}": value for name, value in spread(held).items()},
    }


async def typing(bench: Bench) -> dict[str, float]:
    """Measure from a key press to the next frame while 50 messages arrive per second."""
    async with bench.signed_in(bench.stage.reader) as (_, page):
        await page.goto(f"{bench.address}/c/{bench.stage.ids[0]}")
        await page.locator("article").last.wait_for()
        await page.locator("main textarea").click()
        await page.evaluate(KEYS)
        count = bench.sizes.seconds * PER_SECOND

        async def load() -> None:
            for start in range(0, count, PER_SECOND):
                pause = asyncio.create_task(asyncio.sleep(1))
                await bench.stage.say([0] * PER_SECOND, prefix=f"load {start}")
                await pause

        sending = asyncio.create_task(load())
        while not sending.done():
            await page.keyboard.press("a")
            await asyncio.sleep(KEY_MS / 1000)
        await sending
        times = await page.evaluate("window.keyTimes")
    return spread(times)


async def delivery(bench: Bench) -> dict[str, float]:
    """Measure from Enter in one browser until the message is painted in another."""
    times: list[float] = []
    stage = bench.stage
    async with (
        bench.signed_in(stage.writer) as (_, writer),
        bench.signed_in(stage.reader) as (_, reader),
    ):
        for page in (writer, reader):
            await page.goto(f"{bench.address}/c/{stage.ids[1]}")
            await page.locator("article").last.wait_for()
        for number in range(bench.sizes.sends):
            text = f"delivery {number}."
            received = asyncio.create_task(reader.evaluate(RECEIVED, text))
            await writer.locator("main textarea").fill(text)
            await writer.evaluate(SENT)
            await writer.keyboard.press("Enter")
            at = await received
            times.append(at - await writer.evaluate("window.enteredAt"))
    return spread(times)


async def scrolling(bench: Bench) -> dict[str, float]:
    """Measure scrolling to the beginning of the long conversation: frame times and total time."""
    async with bench.signed_in(bench.stage.reader) as (_, page):
        await page.goto(f"{bench.address}/c/{bench.stage.ids[0]}")
        await page.locator("article").last.wait_for()
        found = await page.evaluate(SCROLL)
    times = found["frames"]
    return {
        **spread(times),
        "longest": max(times, default=0),
        "seconds": found["total"] / 1000,
    }


async def catching_up(bench: Bench) -> dict[str, float]:
    """Measure from reconnecting until the list shows the changes made meanwhile."""
    sizes = bench.sizes
    each = sizes.changes // sizes.changed
    async with bench.signed_in(bench.stage.reader) as (context, page):
        await context.set_offline(True)
        numbers = [2 + number for number in range(sizes.changed)]
        for turn in range(each):
            await bench.stage.say(numbers, prefix=f"meanwhile {turn}")
        last = f"meanwhile {each - 1}"
        waiting = asyncio.create_task(page.evaluate(SHOWN, ["nav li:first-child a", last]))
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        await context.set_offline(False)
        await waiting
        return {"ms": (asyncio.get_running_loop().time() - began) * 1000}


MEASURES: dict[str, Callable[[Bench], Awaitable[dict[str, float]]]] = {
    "first-load": first_load,
    "navigation": navigation,
    "opening": opening,
    "typing": typing,
    "delivery": delivery,
    "scrolling": scrolling,
    "catching-up": catching_up,
}
