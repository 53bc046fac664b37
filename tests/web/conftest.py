"""Fixtures of the web client in a real Chromium, on a complete platform of its own."""

import asyncio
import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messaging_service_pb2 import (
    AddMembersRequest,
    CreateConversationRequest,
    SendMessageRequest,
)
from plexus_local import web
from plexus_local.servers import ToolMissing
from plexus_local.servers.home import home
from plexus_local.table import ENTRIES
from plexus_testkit.fresh import fresh
from plexus_testkit.harness import PASSWORD, UNLIMITED, Platform
from plexus_testkit.nursery import Forked

from .words import WORDS, Words

SERVICES = frozenset({"directory", "messaging", "tasks", "notify", "search", "gateway"})
SECONDS = 600
WAIT_MS = 30_000
# The heading of a scene; while a scene is loading, its heading is the product's name.
TITLE = 'main h1:not(:text-is("Plexus"))'
# Folder for screenshots for a person to look at; empty: none are taken.
SHOTS = os.environ.get("PLEXUS_WEB_SHOTS", "")
WATCH = """
addEventListener('securitypolicyviolation', (event) =>
  console.error('POLICY', event.violatedDirective, event.blockedURI, event.sample));
"""
# Chromium logs every 4xx response; the tests check how the page handles them.
EXPECTED = ("Failed to load resource",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Extend each test's timeout by the start of a platform, which the first test needs."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Run a Plexus with a tenant and the client built from the current sources."""
    _build()
    entries = tuple(entry for entry in ENTRIES if entry.service in SERVICES)
    try:
        with fresh(
            tmp_path_factory.mktemp("platform"),
            entries=entries,
            settings=UNLIMITED,
            launch=Forked,
        ) as platform:
            asyncio.run(platform.init())
            yield platform
    except ToolMissing as missing:
        pytest.skip(str(missing))


def _build() -> None:
    try:
        web.build(home())
    except web.NodeMissing as missing:
        pytest.skip(str(missing))
    except subprocess.SubprocessError as failed:
        pytest.fail(f"The client cannot be built: {failed}")


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Launch Debian's Chromium, or the one that PLEXUS_CHROMIUM names."""
    path = os.environ.get("PLEXUS_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("Install Chromium (Debian: apt-get install chromium fonts-noto-cjk).")
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        # Chromium refuses its sandbox for root, which CI runs as.
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        # A turn of the wheel scrolls at once, so that a test can distinguish it from a jump of the
        # page.
        options = [*sandbox, "--disable-smooth-scrolling"]
        browser = await playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        await browser.close()


@dataclass
class Desk:
    """A browser and the person who uses it."""

    context: BrowserContext
    page: Page
    words: Words
    handle: str
    address: str
    problems: list[str] = field(default_factory=list)

    async def sign_in(self, path: str = "/") -> None:
        await self.page.goto(f"{self.address}{path}")
        await self.page.get_by_role("textbox", name=self.words.handle).fill(self.handle)
        await self.page.get_by_label(self.words.password).fill(PASSWORD)
        await self.page.get_by_role("button", name=self.words.sign_in, exact=True).click()
        await self.page.get_by_role("navigation", name=self.words.navigation).wait_for()

    async def open(self, name: str) -> None:
        listed = self.page.get_by_role("navigation", name=self.words.conversations)
        await listed.get_by_role("link", name=name).click()
        await self.composer.wait_for()

    @property
    def composer(self) -> Any:
        return self.page.locator("main textarea").last

    async def say(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")

    def message(self, text: str) -> Any:
        # The first one: a reply to a message repeats its words.
        return self.page.locator("article").filter(has_text=text).first

    async def act(self, text: str, action: str) -> None:
        """Choose an action of a message's menu."""
        await self.message(text).hover()
        await self.message(text).get_by_role("button", name=self.words.more).click()
        await self.page.get_by_role("menuitem", name=action).click()

    async def shot(self, name: str) -> None:
        if SHOTS:
            await self.page.screenshot(path=Path(SHOTS) / f"{name}.png")

    async def another_tab(self) -> Page:
        return watched(await self.context.new_page(), self.problems)


def watched(page: Page, problems: list[str]) -> Page:
    """Record the problems of a page: errors, and requests that the security policy blocked."""
    page.set_default_timeout(WAIT_MS)

    def note(message: Any) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED):
            problems.append(f"{message.type}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
    return page


def tour_seen(address: str, person_id: str) -> Any:
    """Return the browser storage of a person who has closed the tour for newcomers."""
    item = {"name": f"plexus.tour.{person_id}", "value": "seen"}
    return {"origins": [{"origin": address, "localStorage": [item]}]}


NewDesk = Callable[..., Awaitable[Desk]]


@pytest.fixture
async def desk(platform: Platform, browser: Browser) -> AsyncIterator[NewDesk]:
    """Open a signed-in browser for a person; fail at the end if a page reported a problem.

    The tour for newcomers is closed already unless `first_time` is set.
    """
    opened: list[Desk] = []

    async def sit(
        handle: str,
        *,
        locale: str = "zh-CN",
        theme: Any = "light",
        first_time: bool = False,
        **options: Any,
    ) -> Desk:
        address = platform.http_address.replace("127.0.0.1", "localhost")
        seen = None if first_time else tour_seen(address, await platform.person_id(handle))
        size = options.pop("viewport", {"width": 1280, "height": 800})
        context = await browser.new_context(
            locale=locale, color_scheme=theme, viewport=size, storage_state=seen, **options
        )
        await context.add_init_script(WATCH)
        problems: list[str] = []
        page = watched(await context.new_page(), problems)
        opened.append(Desk(context, page, WORDS[locale], handle, address, problems))
        return opened[-1]

    yield sit
    for one in opened:
        await one.context.close()
    assert [problem for one in opened for problem in one.problems] == []


@dataclass
class Group:
    """A conversation made for one test."""

    platform: Platform
    id: str
    name: str
    handles: dict[str, str]

    @asynccontextmanager
    async def as_(self, name: str) -> AsyncIterator[Any]:
        async with self.platform.signed_in(self.handles[name]) as plexus:
            yield plexus

    async def say(self, name: str, *texts: str, **more: Any) -> None:
        async with self.as_(name) as plexus:
            for text in texts:
                request = SendMessageRequest(
                    conversation_id=self.id, request_id=secrets.token_hex(8), text=text, **more
                )
                await plexus.call(plexus.messaging.SendMessage, request)

    async def add(self, name: str) -> None:
        async with self.as_("lin") as plexus:
            ids = [self.platform.id_of(self.handles[name])]
            request = AddMembersRequest(conversation_id=self.id, person_ids=ids)
            await plexus.call(plexus.messaging.AddMembers, request)


@pytest.fixture
async def group(platform: Platform) -> Group:
    """Create a group of Lin and Max; Lin owns it."""
    handles = await platform.new_people("lin", "max")
    name = f"产品 Product {secrets.token_hex(2)}"
    async with platform.signed_in(handles["lin"]) as plexus:
        request = CreateConversationRequest(
            request_id=secrets.token_hex(8),
            kind=Conversation.KIND_GROUP,
            name=name,
            member_ids=[platform.id_of(handles["max"])],
        )
        made = await plexus.call(plexus.messaging.CreateConversation, request)
    return Group(platform, made.conversation.id, name, handles)
