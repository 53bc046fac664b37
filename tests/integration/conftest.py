"""A complete Plexus for all integration tests: real servers and processes, started on first use."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from plexus_local.servers import ToolMissing
from plexus_local.table import ENTRIES
from plexus_testkit import leaks
from plexus_testkit.fresh import fresh
from plexus_testkit.harness import UNLIMITED, Platform
from plexus_testkit.leaks import Spans, receiving
from plexus_testkit.nursery import Forked

# The SCIM test client deactivates every person that it creates; the limit on deactivations has its
# own tests. The OpenID provider of the tests runs on this machine.
SETTINGS = {
    **UNLIMITED,
    "DIRECTORY_SCIM__ALWAYS_DEACTIVATED": "10000",
    "DIRECTORY_OPENID__PRIVATE_ADDRESSES": "true",
}
SAMPLED = "0.1"
# Each wait in these tests has a shorter limit of its own, which reports the missed condition.
SECONDS = 900
HERE = Path(__file__).parent
ENDS = pytest.StashKey[Callable[[], None]]()
RUNNING = pytest.StashKey[Platform]()


@pytest.fixture(scope="session")
def received() -> Iterator[Spans]:
    """Receive the spans that the platform's processes export."""
    with receiving() as received:
        yield received


@pytest.fixture(scope="session")
def platform(
    tmp_path_factory: pytest.TempPathFactory, received: Spans, request: pytest.FixtureRequest
) -> Iterator[Platform]:
    """Run Plexus with a tenant on servers of its own, which tests may stop.

    After the last test that uses it, its logs, stores and spans are searched for forbidden content.
    """
    request.config.stash[ENDS] = partial(request._fixturedef.finish, request)
    traced = {
        f"{entry.service.upper()}_TELEMETRY__{name}": value
        for entry in ENTRIES
        for name, value in (("OTLP_ENDPOINT", received.address), ("SAMPLE_RATIO", SAMPLED))
    }
    try:
        with fresh(
            tmp_path_factory.mktemp("platform"),
            settings={**SETTINGS, **traced},
            launch=Forked,
        ) as platform:
            asyncio.run(platform.init())
            request.config.stash[RUNNING] = platform
            yield platform
            if not platform.broken:
                asyncio.run(_search(platform, tmp_path_factory.getbasetemp(), received))
    except ToolMissing as missing:
        pytest.skip(str(missing))


async def _search(platform: Platform, folder: Path, received: Spans) -> None:
    opens = leaks.door_openers(platform, folder)
    found = {place async for place in leaks.found(platform, opens, spans=received.content)}
    assert not found, "\n".join(sorted(found))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Extend each test's timeout by the start of a Plexus, which the first of a file may need."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the platform after the last test here: an idle one would slow all others down.

    Also stop it when a test has broken it permanently; the next test gets another one.
    """
    stash = item.config.stash
    ends = stash.get(ENDS, None)
    if ends is None:
        return

    is_last = nextitem is None or HERE not in nextitem.path.parents
    platform = stash.get(RUNNING, None)
    if is_last or (platform is not None and platform.broken):
        del stash[ENDS]
        ends()
