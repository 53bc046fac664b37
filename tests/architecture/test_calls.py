"""Calls between services: the catalogue against the settings, every connection with TLS."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from plexus.calls import CALLERS

# Functions that open a port or a connection between services; each takes `tls`.
CONNECTING = {"serve", "channel", "open_channel", "owners", "telling", "Router"}
PLUMBING = {
    "plexuskit.grpc",
    "gateway.proxy",
    "gateway.live.presence_reports",
    "gateway.live.router",
}


def calls(path: Path) -> Iterator[ast.Call]:
    """Yield the calls of functions imported from `PLUMBING` that open a port or a connection."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in PLUMBING
        for alias in node.names
        if alias.name in CONNECTING
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if (isinstance(node.func, ast.Name) and node.func.id in known) or (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and (node.func.value.id, node.func.attr)
            in {("proxy", "owners"), ("proxy", "serve"), ("connect", "serve")}
        ):
            yield node


def test_gw_01_every_connection_of_a_service_has_its_certificate(
    root: Path, services: list[str]
) -> None:
    bare, found = [], 0
    for service in services:
        for path in sorted((root / f"services/{service}/src").rglob("*.py")):
            for call in calls(path):
                found += 1
                if "tls" not in {keyword.arg for keyword in call.keywords}:
                    bare.append(f"{path.relative_to(root)}:{call.lineno}")
    assert found > len(services)
    assert bare == [], "these connect without tls=settings.tls"


def test_gw_01_whoever_has_the_address_of_a_service_is_among_its_callers(
    services: list[str],
) -> None:
    told: dict[str, set[str]] = {service: set() for service in services}
    for service in services:
        peers = importlib.import_module(f"{service}.config").Settings.model_fields.get("peers")
        if peers is not None:
            for peer in peers.annotation.model_fields:
                told.setdefault(peer, set()).add(service)
    for peer, callers in told.items():
        assert callers <= CALLERS.get(peer, frozenset({"gateway"})), f"see proto/calls.yaml: {peer}"


@pytest.mark.parametrize("service", sorted(CALLERS))
def test_gw_01_the_gateway_calls_every_service(service: str) -> None:
    assert "gateway" in CALLERS[service]


@pytest.mark.rule("GW-10")
def test_gw_10_every_owner_decides_on_its_own_replica(root: Path, services: list[str]) -> None:
    # The gateway serves no requests of its own, and directory decides on its own store.
    for service in set(services) - {"gateway", "directory"}:
        serving = [
            call
            for path in sorted((root / f"services/{service}/src").rglob("*.py"))
            for call in calls(path)
            if isinstance(call.func, ast.Name) and call.func.id == "serve"
        ]
        assert serving, service
        for call in serving:
            assert "authorise" in {keyword.arg for keyword in call.keywords}, service
