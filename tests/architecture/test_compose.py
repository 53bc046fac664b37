"""The compose file: every service and role, real settings, pinned images, loopback ports."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from plexus_local import server_files
from plexus_local.servers.accounts import MONGO_KEY, KafkaAccounts
from plexus_local.servers.mongo import database_of
from plexuskit.config import ServiceSettings
from plexuskit.kafka.grants import user_of
from plexuskit.kafka.security import protocol_of

PORTS = {"grpc": 7000, "ops": 9000, "http": 8080}
KEYS = "/etc/plexus/keys"
INTERPOLATED = re.compile(r"\$\{(?P<name>[A-Z_]+)(:-(?P<default>[^}]*))?\}")
ENDS = {"init", "provision-servers", "search-provision"}

Container = dict[str, Any]


@pytest.fixture(scope="module")
def composed(root: Path) -> dict[str, Container]:
    """Return all containers by name."""
    read = yaml.safe_load((root / "deploy/compose/compose.yaml").read_text(encoding="utf-8"))
    found: dict[str, Container] = read["services"]
    return found


@pytest.fixture(scope="module")
def plexus(composed: dict[str, Container], services: list[str]) -> dict[str, tuple[str, Container]]:
    """Return the containers that run a service: `{name: (service, container)}`."""
    return {
        name: (service_of(container), container)
        for name, container in composed.items()
        if service_of(container) in services and "entrypoint" not in container
    }


def service_of(container: Container) -> str:
    service: str = container.get("build", {}).get("args", {}).get("SERVICE", "")
    return service


def environment(container: Container) -> dict[str, str]:
    """Return the environment that compose sets when no variable is exported."""
    return {
        name: INTERPOLATED.sub(lambda found: found["default"] or "", value)
        for name, value in container["environment"].items()
    }


def selected_roles(container: Container) -> list[str]:
    words: list[str] = container["command"]
    return words[1::2] if words[0] == "--role" else []


def test_every_service_is_there(
    plexus: dict[str, tuple[str, Container]], services: list[str]
) -> None:
    assert {service for service, _ in plexus.values()} == set(services)


def test_every_role_of_every_service_runs_once(
    plexus: dict[str, tuple[str, Container]],
    services: list[str],
    roles: Callable[[str], set[str]],
) -> None:
    run: dict[str, list[str]] = {service: [] for service in services}
    for service, container in plexus.values():
        run[service] += selected_roles(container)
    assert {service: sorted(found) for service, found in run.items()} == {
        service: sorted(roles(service)) for service in services
    }


def test_every_service_starts_with_its_settings(
    plexus: dict[str, tuple[str, Container]], accepted: Callable[..., ServiceSettings]
) -> None:
    for service, container in plexus.values():
        settings: Any = accepted(service=service, environment=environment(container))
        for section in PORTS.keys() & type(settings).model_fields:
            assert getattr(settings, section).port == PORTS[section]
            assert getattr(settings, section).host == "0.0.0.0"
        assert settings.caller.keys_file == Path(KEYS) / "caller.json"


def test_peers_are_containers_that_serve_that_service(
    plexus: dict[str, tuple[str, Container]], accepted: Callable[..., ServiceSettings]
) -> None:
    for service, container in plexus.values():
        settings: Any = accepted(service=service, environment=environment(container))
        for peer, address in dict(getattr(settings, "peers", ())).items():
            host, _, port = address.partition(":")
            asked, target = plexus[host]
            assert asked == peer
            assert "api" in selected_roles(target)
            assert int(port) == PORTS["grpc"]


def test_each_service_sees_its_own_keys_only(
    plexus: dict[str, tuple[str, Container]], composed: dict[str, Container]
) -> None:
    for service, container in plexus.values():
        (mounted,) = container["volumes"]
        assert (mounted["source"], mounted["target"]) == ("keys", KEYS)
        assert mounted["read_only"] is True
        assert mounted["volume"] == {"subpath": service}
        assert container["depends_on"]["init"]["condition"] == "service_completed_successfully"
    own = {
        "mongo": "mongo",
        "kafka": "kafka",
        "cli": "operator",
        "provision-servers": "provisioning",
    }
    for name in set(composed) - set(plexus) - {"init"}:
        parts = [
            mounted["volume"]["subpath"]
            for mounted in composed[name].get("volumes", [])
            if isinstance(mounted, dict) and mounted["source"] == "keys"
        ]
        assert parts == [own[name]] if name in own else not parts, name


@pytest.mark.rule("GW-12")
def test_every_service_has_its_own_user_at_the_servers(
    plexus: dict[str, tuple[str, Container]], accepted: Callable[..., ServiceSettings]
) -> None:
    for service, container in plexus.values():
        settings: Any = accepted(service=service, environment=environment(container))
        assert protocol_of(settings.kafka) == "SASL_SSL"
        assert settings.kafka.user == user_of(service)
        assert settings.kafka.password_file == Path(KEYS) / "kafka-password"
        assert settings.kafka.ca_file == Path(KEYS) / "kafka-ca.crt"
        if hasattr(settings, "mongo"):
            assert settings.mongo.user == user_of(service)
            assert settings.mongo.database == database_of(user_of(service))
            assert settings.mongo.password_file == Path(KEYS) / "mongo-password"


@pytest.mark.rule("GW-12")
def test_the_servers_know_nobody_without_a_user(composed: dict[str, Container]) -> None:
    mongo = composed["mongo"]["command"]
    assert mongo[mongo.index("--keyFile") + 1] == f"{KEYS}/{MONGO_KEY}"
    # Kafka reads its settings from the file that `init` writes; no variable may override them.
    kafka = composed["kafka"]["environment"]
    assert set(kafka) == {"CLUSTER_ID", "KAFKA_HEAP_OPTS"}
    (settings,) = (each for each in composed["kafka"]["volumes"] if isinstance(each, dict))
    assert settings["target"] == server_files.CONFIGURATION
    properties = server_files.kafka_properties(KafkaAccounts.derived("secret"))
    assert properties["allow.everyone.if.no.acl.found"] == "false"
    assert "PLAINTEXT:PLAINTEXT" not in properties["listener.security.protocol.map"]
    assert composed["init"]["entrypoint"][-1] == "--servers"


def test_images_are_pinned(composed: dict[str, Container], root: Path) -> None:
    images = [container["image"] for container in composed.values()]
    for dockerfile in ("deploy/compose/opensearch/Dockerfile", "deploy/Dockerfile"):
        text = (root / dockerfile).read_text(encoding="utf-8")
        images += re.findall(r"^FROM (\S+:\S+)", text, flags=re.MULTILINE)
    for image in images:
        _, _, tag = image.partition(":")
        assert tag not in {"", "latest"}, image


def test_ports_are_on_loopback_only(composed: dict[str, Container]) -> None:
    published = [port for container in composed.values() for port in container.get("ports", [])]
    assert published
    assert not [port for port in published if not port.startswith("127.0.0.1:")]
    assert "host" not in {container.get("network_mode") for container in composed.values()}


def test_what_runs_has_a_health_check_and_what_ends_is_waited_for(
    composed: dict[str, Container], plexus: dict[str, tuple[str, Container]]
) -> None:
    for name, (_, container) in plexus.items():
        if name not in ENDS:
            assert "/readyz" in " ".join(container["healthcheck"]["test"])
    for name in ("mongo", "kafka", "opensearch"):
        assert composed[name]["healthcheck"]["test"][0] == "CMD"

    for container in composed.values():
        for needed, wait in container.get("depends_on", {}).items():
            if needed in ENDS:
                assert wait["condition"] == "service_completed_successfully"
            elif needed in plexus or "healthcheck" in composed[needed]:
                assert wait["condition"] == "service_healthy"
            else:
                assert wait["condition"] == "service_started"


def test_nobody_waits_for_someone_who_waits_for_him(composed: dict[str, Container]) -> None:
    waiting = {name: set(found.get("depends_on", {})) for name, found in composed.items()}
    while waiting:
        free = {name for name, needed in waiting.items() if not needed & waiting.keys()}
        assert free, f"these wait for one another: {sorted(waiting)}"
        waiting = {name: needed for name, needed in waiting.items() if name not in free}


def test_containers_may_do_nothing_but_run(plexus: dict[str, tuple[str, Container]]) -> None:
    for _, container in plexus.values():
        assert container["read_only"] is True
        assert container["cap_drop"] == ["ALL"]
        assert container["security_opt"] == ["no-new-privileges:true"]


def test_mongo_lets_go_of_a_dead_transaction_in_three_seconds(
    composed: dict[str, Container],
) -> None:
    words = composed["mongo"]["command"]
    assert words[:3] == ["mongod", "--replSet", "rs0"]
    assert words[words.index("--setParameter") + 1] == "transactionLifetimeLimitSeconds=3"


def test_opensearch_has_the_plugins_for_chinese(root: Path) -> None:
    text = (root / "deploy/compose/opensearch/Dockerfile").read_text(encoding="utf-8")
    installed = re.findall(r"opensearch-plugin install --batch (\S+)", text)
    assert installed == ["analysis-icu", "analysis-smartcn"]


def test_gw_01_every_service_can_have_a_certificate(
    root: Path,
    plexus: dict[str, tuple[str, Container]],
    accepted: Callable[..., ServiceSettings],
) -> None:
    read = yaml.safe_load((root / "deploy/compose/compose.tls.yaml").read_text(encoding="utf-8"))
    added: dict[str, Container] = read["services"]
    assert added.pop("init")["entrypoint"][-1] == "--certificates"
    assert set(added) == set(plexus) - ENDS
    for name, container in added.items():
        service, before = plexus[name]
        together = environment(before) | environment(container)
        tls = accepted(service=service, environment=together).tls
        assert tls is not None
        files = {str(file) for file in (tls.cert_file, tls.key_file, tls.ca_file)}
        assert files == {f"{KEYS}/{file}" for file in ("tls.crt", "tls.key", "ca.crt")}
