"""Benchmark of the web client in Chromium: `make bench-web`, with ARGS="--small" for a short run.

All of Plexus runs on this machine beside the browser, so the figures are meaningful on an idle
machine only.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measures import MEASURES, Bench
from playwright.async_api import async_playwright
from plexus_local import show, web
from plexus_local.servers import ToolMissing
from plexus_local.servers.home import home
from plexus_local.table import ENTRIES
from plexus_testkit.fresh import fresh
from plexus_testkit.harness import UNLIMITED, Platform
from stage import Sizes, set_stage

SERVICES = frozenset({"directory", "messaging", "tasks", "notify", "search", "gateway"})
FULL = Sizes(conversations=500, history=20_000, changes=5_000, changed=200, seconds=20, sends=100)
SMALL = Sizes(conversations=30, history=400, changes=100, changed=25, seconds=2, sends=5)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line."""

    sizes: Sizes
    only: frozenset[str]
    json: Path | None


async def measure(
    platform: Platform, chromium: str, options: Options
) -> dict[str, dict[str, float]]:
    """Return the figures of the selected measures by name."""
    await platform.init()
    stage = await set_stage(platform, options.sizes)
    # Chromium refuses its sandbox for root.
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    figures: dict[str, dict[str, float]] = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=sandbox)
        bench = Bench(browser, stage, options.sizes, home() / "clients/web/dist")
        for name, run in MEASURES.items():
            if options.only and name not in options.only:
                continue
            figures[name] = await run(bench)
            line = "  ".join(f"{key} {value:.1f}" for key, value in figures[name].items())
            show.line(f"{name:<14}  {line}")
        await browser.close()
    return figures


def options_of(arguments: list[str]) -> Options:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="make bench-web", description=__doc__)
    parser.add_argument("--small", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--only", default="", help=f"of {', '.join(MEASURES)}; comma-separated")
    parser.add_argument("--json", type=Path, help="file that takes the figures")
    given = parser.parse_args(arguments)
    only = frozenset(name for name in given.only.split(",") if name)
    if unknown := only - set(MEASURES):
        parser.error(f"no measure {', '.join(sorted(unknown))}")
    return Options(SMALL if given.small else FULL, only, given.json)


def main(arguments: list[str]) -> int:
    """Run the measures; return 3 when a program is missing."""
    options = options_of(arguments)
    chromium = os.environ.get("PLEXUS_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        show.line("Install Chromium (Debian: apt-get install chromium fonts-noto-cjk).")
        return 3
    try:
        web.build(home())
        entries = tuple(entry for entry in ENTRIES if entry.service in SERVICES)
        with (
            tempfile.TemporaryDirectory(prefix="plexus-bench-web-") as folder,
            fresh(Path(folder), entries=entries, settings=UNLIMITED) as platform,
        ):
            figures = asyncio.run(measure(platform, chromium, options))
    except (web.NodeMissing, ToolMissing) as missing:
        show.line(str(missing))
        return 3
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
