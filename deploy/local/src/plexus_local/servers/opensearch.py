"""OpenSearch 3 with the analysers for Chinese."""

import hashlib
import http.client
import json
from collections.abc import Sequence
from pathlib import Path

from plexus_local.servers.errors import ServerNotStarted
from plexus_local.servers.java import jars, java
from plexus_local.servers.native import NativeServer
from plexus_local.servers.ports import RunnerBase

PLUGINS = (
    "org.opensearch.plugin.analysis.icu.AnalysisICUPlugin",
    "org.opensearch.plugin.analysis.smartcn.AnalysisSmartChinesePlugin",
)
# Single node: it neither searches for others on the default ports nor stops writing on a full disk.
CONFIGURATION = """\
discovery.seed_hosts: []
cluster.routing.allocation.disk.threshold_enabled: false
action.auto_create_index: false
"""


class NativeOpenSearch(NativeServer):
    """Single node on loopback; `port` is the base, and HTTP is served on the next port."""

    name = "opensearch"
    start_seconds = 120

    def __init__(self, *, data: Path, log: Path, port: int = 0) -> None:
        super().__init__(data=data, log=log)
        reserved = RunnerBase.reserve(port)
        if reserved is None:
            raise ServerNotStarted(name=self.name, reason="no port from 9200 to 9290 is free")
        self._reserved = reserved
        self.port = reserved.base
        self.url = f"http://127.0.0.1:{self.port + 1}"

    def prepare(self) -> None:
        """Download the jars and write the configuration."""
        self._java, self._libs = java(), jars("opensearch")
        configuration = self.data / "node_1" / "config" / "opensearch.yml"
        configuration.parent.mkdir(parents=True, exist_ok=True)
        configuration.write_text(CONFIGURATION)

    def command(self) -> Sequence[str]:
        """Return the node's command, with a cluster name of its own so that two never join."""
        cluster = hashlib.sha256(str(self.data.resolve()).encode()).hexdigest()[:12]
        return [
            str(self._java),
            *("-Xmx768m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED"),
            *("--add-modules", "jdk.incubator.vector"),
            *("-cp", f"{self._libs}/*", "org.codelibs.opensearch.runner.OpenSearchRunner"),
            *("-basePath", str(self.data)),
            *("-clusterName", f"plexus-{cluster}"),
            *("-numOfNode", "1"),
            *("-baseHttpPort", str(self.port)),
            "-printOnFailure",
            *("-pluginTypes", ",".join(PLUGINS)),
        ]

    def answers(self) -> bool:
        """Return whether the cluster is healthy."""
        return is_healthy(self.port + 1)

    def released(self) -> None:
        """Release the port to other runs."""
        self._reserved.release()


def is_healthy(port: int, *, host: str = "127.0.0.1") -> bool:
    """Check once whether an OpenSearch at this port has recovered and accepts writes."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
        response = connection.getresponse()
        health = json.loads(response.read())
    except (OSError, http.client.HTTPException, json.JSONDecodeError):
        return False
    finally:
        connection.close()
    return response.status == http.HTTPStatus.OK and not health["timed_out"]
