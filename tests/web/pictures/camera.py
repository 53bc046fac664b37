"""Chromium with the company: signs people in and takes their screenshots."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from company import Inhabited
from playwright.async_api import Browser, Page, expect
from plexus_testkit.harness import Platform
from png import reduced

COLOURS = 256


@dataclass(frozen=True, kw_only=True)
class Screen:
    """A picture: its person, its browser, and the steps to the scene that it shows."""

    name: str
    by: str
    locale: str
    time_zone: str
    theme: Any = "light"
    width: int = 1280
    height: int = 800
    scale: float = 1.5
    phone: bool = False
    show: Callable[[Page, Inhabited], Awaitable[None]]


class Camera:
    """Camera that takes each picture in a browser of its own."""

    def __init__(self, browser: Browser, platform: Platform, company: Inhabited) -> None:
        self._browser = browser
        self._company = company
        self._address = platform.http_address.replace("127.0.0.1", "localhost")

    async def take(self, screen: Screen, path: Path) -> None:
        """Take one picture and write it as a small PNG."""
        seen = {"name": f"plexus.tour.{self._company.person(screen.by)}", "value": "seen"}
        context = await self._browser.new_context(
            base_url=self._address,
            locale=screen.locale,
            timezone_id=screen.time_zone,
            color_scheme=screen.theme,
            viewport={"width": screen.width, "height": screen.height},
            device_scale_factor=screen.scale,
            is_mobile=screen.phone,
            has_touch=screen.phone,
            reduced_motion="reduce",
            storage_state={"origins": [{"origin": self._address, "localStorage": [seen]}]},
        )
        page = await context.new_page()
        await self._sign_in(page, screen)
        await screen.show(page, self._company)
        await page.evaluate("document.fonts.ready")
        picture = await page.screenshot(animations="disabled", caret="hide")
        small = await reduced(page, picture, colours=COLOURS)
        await asyncio.to_thread(path.write_bytes, small)
        await context.close()

    async def _sign_in(self, page: Page, screen: Screen) -> None:
        chinese = screen.locale == "zh-CN"
        await page.goto("/")
        await page.get_by_label("账号" if chinese else "Account").fill(screen.by)
        await page.get_by_label("密码" if chinese else "Password").fill(self._company.password)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("link", name="2.8 版本发布")).to_be_visible()
