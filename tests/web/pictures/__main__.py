"""Program that takes the pictures of the web client for README and the quick-start guide.

`make web-pictures` starts all of Plexus, loads the sample company, plays a working day in it and
photographs the client in Chromium. It writes only `docs/assets/*.png`.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

from camera import Camera
from company import move_in
from playwright.async_api import async_playwright, expect
from plexus_local import show, web
from plexus_local.servers import ToolMissing
from plexus_local.servers.home import home
from plexus_local.table import ENTRIES
from plexus_testkit.fresh import fresh
from plexus_testkit.harness import UNLIMITED, Platform
from screens import SCREENS

ASSETS = home() / "docs/assets"
WAIT_MS = 20_000
# The audit ledger is not on the pictures.
ENTRIES_SHOWN = tuple(entry for entry in ENTRIES if entry.service != "audit")


async def take(platform: Platform, chromium: str, names: set[str]) -> None:
    """Take the pictures with these names, or all of them if the set is empty."""
    await platform.init()
    expect.set_options(timeout=WAIT_MS)
    async with (
        move_in(platform, home() / "samples/company") as company,
        async_playwright() as playwright,
    ):
        # Chromium refuses its sandbox for root.
        options = [] if os.geteuid() else ["--no-sandbox"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=options)
        camera = Camera(browser, platform, company)
        for screen in SCREENS:
            if names and screen.name not in names:
                continue
            path = ASSETS / f"{screen.name}.png"
            await camera.take(screen, path)
            show.line(f"{path.relative_to(home())}  {path.stat().st_size / 1000:.0f} KB")
        await browser.close()


def main(arguments: list[str]) -> int:
    """Take the pictures; return 3 when a program is missing."""
    chromium = os.environ.get("PLEXUS_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        show.line("Install Chromium (Debian: apt-get install chromium fonts-noto-cjk).")
        return 3
    try:
        web.build(home())
        with (
            tempfile.TemporaryDirectory(prefix="plexus-pictures-") as folder,
            fresh(Path(folder), entries=ENTRIES_SHOWN, settings=UNLIMITED) as platform,
        ):
            asyncio.run(take(platform, chromium, set(arguments)))
    except (web.NodeMissing, ToolMissing) as missing:
        show.line(str(missing))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
