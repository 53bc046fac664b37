"""One whole Plexus for all integration tests: real servers and processes, started on first use."""

import asyncio
from collections.abc import Iterator

import pytest
from plexus_local.environment import BackendUrls
from plexus_local.harness import Platform, running
from plexuskit.config import KafkaSection
from plexuskit.kafka import provision
from plexuskit.testing.servers import ToolMissing, kafka, mongo, opensearch


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running Plexus with a tenant; its servers are its own, so that tests may stop them."""
    directory = tmp_path_factory.mktemp("platform")
    logs = directory / "logs"
    servers = {
        "mongo": mongo(directory / "mongo", log=logs / "mongo.log"),
        "kafka": kafka(directory / "kafka", log=logs / "kafka.log"),
        "opensearch": opensearch(directory / "opensearch", log=logs / "opensearch.log"),
    }
    try:
        for server in servers.values():
            server.start()
        urls = BackendUrls(*(servers[name].url for name in ("mongo", "kafka", "opensearch")))
        asyncio.run(provision(KafkaSection(url=urls.kafka)))
        with running(directory, servers=servers, urls=urls) as platform:
            asyncio.run(platform.init())
            yield platform
    except ToolMissing as missing:
        pytest.skip(str(missing))
    finally:
        for server in reversed(servers.values()):
            server.stop()
