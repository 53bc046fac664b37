"""Plan of the complete product on one machine."""

import http.client
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from plexuskit.kafka.grants import OPERATOR

from plexus_local.backends import backends, topics
from plexus_local.credentials import (
    make_bootstrap_secret,
    make_certificates,
    make_keys,
    tls_wanted,
)
from plexus_local.environment import BackendUrls, environment
from plexus_local.layout import Layout
from plexus_local.plan import Job, JobFailed, Plan, Process, Stage
from plexus_local.ports import Ports
from plexus_local.servers import ports as sockets
from plexus_local.servers.child import tethered
from plexus_local.servers.errors import tail
from plexus_local.table import ENTRIES, Entry, port_names, services

PROVISION_SECONDS = 120


def whole_plexus(layout: Layout) -> Plan:
    """Plan servers, mail sink, provisioning and services; reuse the last ports if free."""
    make_keys(layout, services=services())
    make_bootstrap_secret(layout)
    if tls_wanted():
        make_certificates(layout, services=services())
    else:
        shutil.rmtree(layout.tls, ignore_errors=True)

    ports = Ports(layout.ports)
    chosen = ports.choose(["mail", *port_names()])
    servers, urls = backends(layout, ports)
    smtp = os.environ.get("NOTIFY_SMTP__URL", "")
    mail = [] if smtp else [_mail_sink(layout, port=chosen["mail"])]
    smtp = smtp or f"smtp://127.0.0.1:{chosen['mail']}"

    environments = {
        entry.name: environment(entry, layout=layout, ports=chosen, urls=urls, smtp=smtp)
        for entry in ENTRIES
    }
    indexes = _search_indexes(environments["search"], log=layout.log("search"))
    stages = [
        Stage(jobs=servers.jobs, processes=[*servers.processes, *mail]),
        Stage(jobs=[topics(urls), indexes]),
    ]
    for number in sorted({entry.stage for entry in ENTRIES}):
        processes = [
            _service(entry, env=environments[entry.name], layout=layout, ports=chosen)
            for entry in ENTRIES
            if entry.stage == number
        ]
        stages.append(Stage(processes=processes))
    return Plan(
        stages=stages, addresses=_addresses(layout, chosen, urls), notes=_notes(ports, chosen)
    )


def _service(
    entry: Entry, *, env: Mapping[str, str], layout: Layout, ports: Mapping[str, int]
) -> Process:
    roles = [word for role in entry.roles for word in ("--role", role)]
    ops = ports[f"{entry.name}.ops"]
    return Process(
        name=entry.name,
        command=lambda: [sys.executable, "-m", entry.service, *roles],
        ready=lambda: says_ready(ops),
        log=layout.log(entry.name),
        env=env,
        port=ports.get(f"{entry.name}.http") or ports.get(f"{entry.name}.grpc"),
    )


def says_ready(port: int) -> bool:
    """Check once whether a process is ready (`/readyz`)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _mail_sink(layout: Layout, *, port: int) -> Process:
    return Process(
        name="mail",
        command=lambda: [sys.executable, "-m", "plexus_local.mail", str(port), str(layout.mail)],
        ready=lambda: sockets.answers(port),
        log=layout.log("mail"),
        port=port,
        stop_seconds=5,
    )


def _search_indexes(env: Mapping[str, str], *, log: Path) -> Job:
    """Return the job that has search create its indexes."""

    def run() -> None:
        with log.open("ab") as output:
            code = subprocess.run(
                tethered([sys.executable, "-m", "search", "--provision"]),
                env=dict(env),
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=PROVISION_SECONDS,
                check=False,
            ).returncode
        if code != 0:
            raise JobFailed(f"the search indexes were not made (exit code {code}):\n{tail(log)}")

    return Job(name="search indexes", run=run)


def _addresses(layout: Layout, ports: Mapping[str, int], urls: BackendUrls) -> dict[str, str]:
    secured = layout.authority.is_file()
    web, native = ("https://", "grpcs://") if secured else ("http://", "")
    known_by = {"certificate authority": str(layout.authority)} if secured else {}
    return known_by | {
        "gateway": f"{web}127.0.0.1:{ports['gateway.http']}",
        # Passkeys and Web Locks need a secure context with a name.
        "web client": f"{web}localhost:{ports['gateway.http']}",
        "gateway (gRPC)": f"{native}127.0.0.1:{ports['gateway.grpc']}",
        "mongo": urls.mongo,
        "kafka": urls.kafka,
        **_operator(urls),
        "opensearch": urls.opensearch,
        "mails": str(layout.mail),
        "bootstrap secret": str(layout.bootstrap_secret),
    }


def _operator(urls: BackendUrls) -> dict[str, str]:
    """Return the password files with which the command line operates the servers."""
    folders = {"mongo": urls.mongo_passwords, "kafka": urls.kafka_passwords}
    return {
        f"{server} password": str(Path(folder) / OPERATOR)
        for server, folder in folders.items()
        if folder
    }


def _notes(ports: Ports, chosen: Mapping[str, int]) -> list[str]:
    return [
        f"The port of {name} is taken by another program; it is {chosen[name]} this time."
        for name in ports.moved
        if name in chosen
    ]
