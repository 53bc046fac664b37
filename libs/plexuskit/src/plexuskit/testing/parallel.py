"""Tests in several processes (pytest-xdist): servers once for all, each file in one process.

Without this every worker would start servers of its own, and a file's shared fixtures would be
made once per worker.
"""

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from plexuskit.testing.servers import ToolMissing, found

SERVERS = ("mongo", "kafka", "opensearch")
# All of these share one platform, and break it in turns; those below have a stage of their own.
INTEGRATION = "tests/integration"
FAULTS = f"{INTEGRATION}/faults"

_stack = pytest.StashKey[ExitStack]()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers before the workers, which find them by their addresses."""
    config = session.config
    is_worker = hasattr(config, "workerinput")
    if is_worker or not getattr(config.option, "numprocesses", None):
        return
    stack = config.stash[_stack] = ExitStack()
    directory = Path(stack.enter_context(TemporaryDirectory(prefix="plexus-servers-")))
    for name in SERVERS:
        try:
            url = stack.enter_context(found(name, directory=directory))
        except ToolMissing:
            continue  # the tests that need it say what is missing
        os.environ[f"PLEXUS_TEST_{name.upper()}_URL"] = url


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers that were started here."""
    stack = config.stash.get(_stack, None)
    if stack is not None:
        stack.close()


class ByFile(LoadFileScheduling):  # type: ignore[misc] # xdist carries no types
    """Hands whole files to the workers, and a folder of tests with one platform as one file."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((each for each in (FAULTS, INTEGRATION) if file.startswith(f"{each}/")), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Schedule by file."""
    return ByFile(config, log)
