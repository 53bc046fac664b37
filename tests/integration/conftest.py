"""One whole Plexus for all integration tests: real servers and processes, started on first use."""

import asyncio
from collections.abc import Iterator

import pytest
from plexus_local.fresh import fresh
from plexus_local.harness import UNLIMITED, Platform
from plexuskit.testing.servers import ToolMissing

# The tester of SCIM servers deactivates everybody that it makes; the guard has its own tests.
# The OpenID provider of the tests is on this machine.
SETTINGS = {
    **UNLIMITED,
    "DIRECTORY_SCIM__ALWAYS_DEACTIVATED": "10000",
    "DIRECTORY_OPENID__PRIVATE_ADDRESSES": "true",
}


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running Plexus with a tenant; its servers are its own, so that tests may stop them."""
    try:
        with fresh(tmp_path_factory.mktemp("platform"), settings=SETTINGS) as platform:
            asyncio.run(platform.init())
            yield platform
    except ToolMissing as missing:
        pytest.skip(str(missing))
