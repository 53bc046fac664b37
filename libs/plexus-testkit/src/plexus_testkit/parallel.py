"""Tests in several processes (pytest-xdist): servers once for all, each file in one process.

Without this every worker would start servers of its own, and a file's shared fixtures would be
made once per worker.
"""

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from plexus_local.servers import ToolMissing
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from plexus_testkit.found import FoundKafka, found, found_kafka

SERVERS = ("mongo", "opensearch")
# All of these share one platform, and break it in turns.
INTEGRATION = "tests/integration/"
# These load the machine, or expect something in a time that only an unloaded one keeps. Single
# tests elsewhere that do so have the mark themselves.
ALONE = (
    "tests/integration/faults/",
    "tests/integration/fuzz/",
    "tests/integration/resilience/",
    "tests/queries/test_late_",
    "tests/web/",
)

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
            continue  # the tests that need it report the missing server
        os.environ[f"PLEXUS_TEST_{name.upper()}_URL"] = url
    with suppress(ToolMissing):
        _export_kafka(stack.enter_context(found_kafka(directory=directory)), directory)


def _export_kafka(server: FoundKafka, directory: Path) -> None:
    """Pass the workers a Kafka's address, and its administrator through a file of their own run."""
    os.environ["PLEXUS_TEST_KAFKA_URL"] = server.url
    if server.accounts is not None and "PLEXUS_TEST_KAFKA_ADMIN_PASSWORD_FILE" not in os.environ:
        file = directory / "kafka-admin"
        file.touch(mode=0o600)
        file.write_text(server.accounts.admin)
        os.environ["PLEXUS_TEST_KAFKA_ADMIN_PASSWORD_FILE"] = str(file)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers that were started here."""
    stack = config.stash.get(_stack, None)
    if stack is not None:
        stack.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the suites beside which nothing runs, before pytest selects by marks."""
    for item in items:
        if item.nodeid.startswith(ALONE):
            item.add_marker(pytest.mark.alone)


class ByFile(LoadFileScheduling):  # type: ignore[misc] # xdist carries no types
    """Hands whole files to the workers, and the tests with one platform as one file."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return INTEGRATION if file.startswith(INTEGRATION) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Schedule by file."""
    return ByFile(config, log)
