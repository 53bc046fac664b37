"""Ports, keys, settings and the table of processes."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus_local.credentials import (
    kafka_accounts,
    make_bootstrap_secret,
    make_certificates,
    make_keys,
    mongo_accounts,
)
from plexus_local.environment import BackendUrls, environment, variables
from plexus_local.layout import Layout, read_json, write_whole
from plexus_local.ports import Ports
from plexus_local.table import ENTRIES, peers, port_names, services
from plexuskit.clock import SystemClock
from plexuskit.config import (
    CallerSection,
    GrpcSection,
    MongoSection,
    Section,
    ServiceSettings,
    TlsSection,
)
from plexuskit.grpc.caller import CallerSigner, CallerTokens, CallerVerifier
from plexuskit.grpc.certificates import watched_certificates


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / ".plexus")
    layout.make()
    return layout


class TestPorts:
    def test_are_those_of_last_time(self, layout: Layout) -> None:
        names = ["gateway.http", "mail", "tasks.ops"]
        first = Ports(layout.ports).choose(names)

        assert Ports(layout.ports).choose(names) == first
        assert len(set(first.values())) == 3

    def test_prefer_the_wanted_one(self, layout: Layout) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            wanted = probe.getsockname()[1]

        ports = Ports(layout.ports, preferred={"gateway.http": wanted})

        assert ports.choose(["gateway.http"]) == {"gateway.http": wanted}

    def test_one_that_is_taken_moves_and_says_so(self, layout: Layout) -> None:
        first = Ports(layout.ports).choose(["mail", "tasks.ops"])
        with socket.socket() as other:
            other.bind(("127.0.0.1", first["mail"]))
            other.listen()

            ports = Ports(layout.ports)
            second = ports.choose(["mail", "tasks.ops"])

        assert second["mail"] != first["mail"]
        assert second["tasks.ops"] == first["tasks.ops"]
        assert ports.moved == ["mail"]
        assert read_json(layout.ports)["mail"] == second["mail"]


class TestCredentials:
    def test_each_service_is_believed_by_the_others(self, layout: Layout) -> None:
        make_keys(layout, services=["gateway", "tasks"])
        signer = CallerSigner(CallerSection(keys_file=layout.keys / "gateway.json"))
        verifier = CallerVerifier(
            CallerSection(keys_file=layout.keys / "tasks.json"), audience="tasks"
        )
        person = CallerContext(
            kind=CallerContext.KIND_PERSON, tenant_id="t", person_id="p", session_id="s"
        )

        signed = CallerTokens(signer, person, clock=SystemClock()).for_audience("tasks")

        assert verifier.verify(signed).person_id == "p"

    def test_are_made_once_and_for_their_owner_alone(self, layout: Layout) -> None:
        make_keys(layout, services=["gateway", "tasks"])
        make_bootstrap_secret(layout)
        files = [layout.bootstrap_secret, *layout.keys.iterdir()]
        before = {path: path.read_text() for path in files}

        make_keys(layout, services=["gateway", "tasks"])
        make_bootstrap_secret(layout)

        assert {path: path.read_text() for path in files} == before
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert len(files) == 3

    def test_nobody_else_reads_what_is_in_the_folders(self, tmp_path: Path) -> None:
        layout = Layout(tmp_path / ".plexus")
        folders = (layout.data, layout.logs, layout.mail, layout.run, layout.secrets, layout.keys)
        for folder in folders:  # as an earlier version created them
            folder.mkdir(parents=True, mode=0o755)
        layout.make()
        write_whole(layout.state, "{}")

        assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
        assert stat.S_IMODE(layout.state.stat().st_mode) == 0o600

    def test_each_service_has_a_user_with_a_password_file_of_its_own(self, layout: Layout) -> None:
        kafka = kafka_accounts(layout)
        mongo = mongo_accounts(layout, services=services())

        assert kafka == kafka_accounts(layout)
        assert set(mongo.services) == {f"plexus-{service}" for service in services()}
        files = [*layout.passwords("kafka").iterdir(), *layout.passwords("mongo").iterdir()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        contents = [path.read_text() for path in files]
        assert len(set(contents)) == len(contents)
        assert not [each for each in contents if each in repr(kafka) + repr(mongo)]

    def test_a_new_service_is_known_to_all(self, layout: Layout) -> None:
        make_keys(layout, services=["gateway"])

        make_keys(layout, services=["gateway", "tasks"])

        known = [json.loads(path.read_text())["verifying"] for path in layout.keys.iterdir()]
        assert known[0] == known[1]
        assert set(known[0]) == {"gateway", "tasks"}

    def test_certificates_are_each_services_own(self, layout: Layout) -> None:
        make_certificates(layout, services=["gateway", "tasks"])

        for service in ("gateway", "tasks"):
            section = TlsSection(
                cert_file=layout.tls / service / "tls.crt",
                key_file=layout.tls / service / "tls.key",
                ca_file=layout.tls / service / "ca.crt",
            )
            held = watched_certificates(section, service=service).look()
            assert held.ca == layout.authority.read_bytes()
        keys = list(layout.tls.glob("*/tls.key"))
        assert len(keys) == 3
        assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}


class Peers(Section):
    directory: str


class Search(Section):
    url: str
    index_prefix: str = ""


class Settings(ServiceSettings, env_prefix="SAMPLE_"):
    mongo: MongoSection
    grpc: GrpcSection
    peers: Peers
    opensearch: Search | None = None


class TestSettings:
    def test_only_what_the_service_has_a_place_for_is_named(self) -> None:
        named = variables(
            Settings,
            {
                "mongo": {"url": "mongodb://m", "database": "d"},
                "grpc": {"port": 5},
                "peers": {"directory": "127.0.0.1:1", "tasks": "127.0.0.1:2"},
                "opensearch": {"url": "http://o"},
                "smtp": {"url": "smtp://s"},
            },
        )

        assert named == {
            "SAMPLE_MONGO__URL": "mongodb://m",
            "SAMPLE_MONGO__DATABASE": "d",
            "SAMPLE_GRPC__PORT": "5",
            "SAMPLE_PEERS__DIRECTORY": "127.0.0.1:1",
            "SAMPLE_OPENSEARCH__URL": "http://o",
        }

    def test_what_is_named_is_enough_to_load(self, monkeypatch: pytest.MonkeyPatch) -> None:
        named = variables(
            Settings,
            {
                "mongo": {"url": "mongodb://m", "database": "d"},
                "grpc": {"port": 5},
                "peers": {"directory": "127.0.0.1:1"},
            },
        )
        for name, value in named.items():
            monkeypatch.setenv(name, value)

        assert Settings().peers.directory == "127.0.0.1:1"


class TestTable:
    def test_names_and_ports_are_unique(self) -> None:
        names = [entry.name for entry in ENTRIES]

        assert len(set(names)) == len(names)
        assert len(set(port_names())) == len(port_names())

    def test_no_role_of_a_service_runs_twice(self) -> None:
        roles = [(entry.service, role) for entry in ENTRIES for role in entry.roles]

        assert len(set(roles)) == len(roles)

    def test_every_service_has_one_address(self) -> None:
        ports = {name: number for number, name in enumerate(port_names(), start=1)}

        assert set(peers(ports)) == set(services())

    @pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
    def test_every_process_can_load_its_settings(
        self, entry: object, layout: Layout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert entry in ENTRIES
        module = pytest.importorskip(f"{entry.service}.config")  # type: ignore[attr-defined]
        make_keys(layout, services=services())
        make_bootstrap_secret(layout)
        ports = {name: number for number, name in enumerate(port_names(), start=20_000)}
        named = environment(
            entry,  # type: ignore[arg-type]
            layout=layout,
            ports=ports,
            urls=BackendUrls("mongodb://m", "k:1", "http://o"),
            smtp="smtp://s:25",
        )
        for name in set(named) - set(os.environ):
            monkeypatch.setenv(name, named[name])

        settings = module.Settings()

        assert settings.ops.port == ports[f"{entry.name}.ops"]  # type: ignore[attr-defined]
