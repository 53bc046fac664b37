"""Find a server: an address in the environment, else a container, else a child process.

The same tests run on all three. A Kafka that is started here requires users and enforces the access
rules of the catalogue; one that is given does so if it comes with an administrator.
"""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from plexus_local.servers.accounts import KafkaAccounts
from plexus_local.servers.kafka import NativeKafka, authorized
from plexus_local.servers.mongo import NativeMongo
from plexus_local.servers.native import NativeServer
from plexus_local.servers.opensearch import NativeOpenSearch
from plexuskit.config import KafkaSection

NATIVE: dict[str, Callable[..., NativeServer]] = {
    "mongo": NativeMongo,
    "opensearch": NativeOpenSearch,
}


@contextmanager
def found(name: str, *, directory: Path) -> Iterator[str]:
    """Yield the address of a running `name` (mongo, kafka, opensearch) for tests.

    Args:
        name: Name of the server. PLEXUS_TEST_<NAME>_URL names a running one.
        directory: Folder of a native one's data and log.

    Raises:
        ServerNotStarted: When it does not come up.
        ToolMissing: When the machine lacks a program for it.
    """
    given = os.environ.get(f"PLEXUS_TEST_{name.upper()}_URL")
    if name == "kafka":
        with found_kafka(directory=directory) as server:
            yield server.url
    elif given:
        yield given
    elif _docker():
        with _container(name) as url:
            yield url
    else:
        with NATIVE[name](data=directory / name, log=directory / f"{name}.log") as server:
            yield server.url


@dataclass(frozen=True, slots=True)
class FoundKafka:
    """A running Kafka; without an administrator all clients have all rights there."""

    url: str
    administrator: KafkaSection | None = None
    accounts: KafkaAccounts | None = None

    def administering(self, *, topic_prefix: str = "") -> KafkaSection:
        """Return a section that may do everything under a prefix."""
        section = self.administrator or KafkaSection(url=self.url)
        return section.model_copy(update={"topic_prefix": topic_prefix})

    def section(self, user: str, *, topic_prefix: str = "") -> KafkaSection:
        """Return the section of a user of the catalogue."""
        if self.accounts is None:
            return KafkaSection(url=self.url, topic_prefix=topic_prefix)
        return self.accounts.section(self.url, user, topic_prefix=topic_prefix)


@contextmanager
def found_kafka(*, directory: Path) -> Iterator[FoundKafka]:
    """Yield a running Kafka, with its users made; arguments and errors as for `found`.

    PLEXUS_TEST_KAFKA_ADMIN_PASSWORD_FILE gives the administrator of one that runs already, with
    PLEXUS_TEST_KAFKA_ADMIN (`admin`) and PLEXUS_TEST_KAFKA_MECHANISM (`PLAIN`).
    """
    given = os.environ.get("PLEXUS_TEST_KAFKA_URL")
    if given:
        yield _given_kafka(given)
    elif _docker():
        from plexus_testkit import containers  # noqa: PLC0415 - costs half a second

        accounts = KafkaAccounts.derived()
        with containers.kafka(accounts) as url:
            authorized(accounts.administering(url), accounts)
            yield FoundKafka(url, accounts.administering(url), accounts)
    else:
        log = directory / "kafka.log"
        with NativeKafka(data=directory / "kafka", log=log) as server:
            yield FoundKafka(server.url, server.administering, server.accounts)


def _given_kafka(url: str) -> FoundKafka:
    file = os.environ.get("PLEXUS_TEST_KAFKA_ADMIN_PASSWORD_FILE")
    if not file:
        return FoundKafka(url)
    administrator = KafkaSection.model_validate(
        {
            "url": url,
            "user": os.environ.get("PLEXUS_TEST_KAFKA_ADMIN", "admin"),
            "mechanism": os.environ.get("PLEXUS_TEST_KAFKA_MECHANISM", "PLAIN"),
            "password_file": file,
        }
    )
    # The users' passwords follow from the administrator's: parallel runs set the same ones.
    accounts = KafkaAccounts.derived(Path(file).read_text().strip())
    authorized(administrator, accounts)
    return FoundKafka(url, administrator, accounts)


@functools.cache
def _docker() -> bool:
    from plexus_testkit import containers  # noqa: PLC0415 - costs half a second

    return containers.engine_answers()


def _container(name: str) -> AbstractContextManager[str]:
    from plexus_testkit import containers  # noqa: PLC0415 - costs half a second

    starters = {
        "mongo": containers.mongo,
        "opensearch": containers.opensearch,
    }
    return starters[name]()
