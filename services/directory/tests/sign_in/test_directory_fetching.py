"""The client for OpenID providers is whole before the first request asks for one (GW-13)."""

import subprocess
import sys

import pytest

# In a process of its own: here others have imported everything already.
SCRIPT = """
import asyncio, sys
from directory.config import OpenIdSection
from directory.sign_in.domain.refusals import ProviderUnavailable
from directory.sign_in.operations.openid.fetching import fetcher

async def main():
    async with fetcher(OpenIdSection(private_addresses=True, timeout_seconds=5)) as opened:
        before = set(sys.modules)
        try:
            await opened.get("https://127.0.0.1:9/.well-known/openid-configuration")
        except ProviderUnavailable:
            print("refused", *sorted(set(sys.modules) - before))

asyncio.run(main())
"""


@pytest.mark.rule("GW-13")
def test_the_first_question_to_a_provider_imports_nothing() -> None:
    ran = subprocess.run(  # noqa: S603 - own text
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )

    outcome, *imported = ran.stdout.split()
    assert outcome == "refused"
    libraries = {name for name in imported if name.partition(".")[0] in {"anyio", "httpcore"}}
    assert not libraries
