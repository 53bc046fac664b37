"""Find a server: an address in the environment, else a container, else a child process.

The same tests stand on all three.
"""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from plexuskit.testing.servers.kafka import NativeKafka
from plexuskit.testing.servers.mongo import NativeMongo
from plexuskit.testing.servers.native import NativeServer
from plexuskit.testing.servers.opensearch import NativeOpenSearch

NATIVE: dict[str, Callable[..., NativeServer]] = {
    "mongo": NativeMongo,
    "kafka": NativeKafka,
    "opensearch": NativeOpenSearch,
}


@contextmanager
def found(name: str, *, directory: Path) -> Iterator[str]:
    """Yield the address of a running `name` (mongo, kafka, opensearch) for tests.

    Args:
        name: Which server. PLEXUS_TEST_<NAME>_URL gives one that runs already.
        directory: Where a native one keeps its data and its log.

    Raises:
        ServerNotStarted: When it does not come up.
        ToolMissing: When the machine lacks a program for it.
    """
    given = os.environ.get(f"PLEXUS_TEST_{name.upper()}_URL")
    if given:
        yield given
    elif _docker():
        with _container(name) as url:
            yield url
    else:
        with NATIVE[name](data=directory / name, log=directory / f"{name}.log") as server:
            yield server.url


@functools.cache
def _docker() -> bool:
    from plexuskit.testing.servers import containers  # noqa: PLC0415 - costs half a second

    return containers.engine_answers()


def _container(name: str) -> AbstractContextManager[str]:
    from plexuskit.testing.servers import containers  # noqa: PLC0415 - costs half a second

    starters = {
        "mongo": containers.mongo,
        "kafka": containers.kafka,
        "opensearch": containers.opensearch,
    }
    return starters[name]()
