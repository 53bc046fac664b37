"""Fixtures of the fitness tests: the checkout, its services, their settings and its manifests."""

import importlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from plexus_local.servers.home import home, locked, tools
from plexuskit.config import ServiceSettings, load

KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.2"
OVERLAYS = ("base", "overlays/dev")
BUILD_SECONDS = 600
RENDER_SECONDS = 60


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the checkout."""
    return home()


@pytest.fixture(scope="session")
def services(root: Path) -> list[str]:
    """Return the names of all services: the folders that hold a project."""
    found = sorted(path.parent.name for path in root.glob("services/*/pyproject.toml"))
    assert found, "there are no services to look at"
    return found


@pytest.fixture
def accepted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ServiceSettings]:
    """Load a service's settings from exactly the given environment; fails on an unknown name."""

    def accept(*, service: str, environment: Mapping[str, str]) -> ServiceSettings:
        settings = importlib.import_module(f"{service}.config").Settings
        prefix = settings.model_config["env_prefix"]
        for name in os.environ:
            if name.upper().startswith(prefix):
                monkeypatch.delenv(name)
        for name, value in environment.items():
            assert name.startswith(prefix), f"{name} is no setting of {service}"
            monkeypatch.setenv(name, value)
        try:
            loaded: ServiceSettings = load(settings)
        except SystemExit:
            pytest.fail(f"{service} does not start with these settings; it says why on stderr")
        finally:
            monkeypatch.undo()
        return loaded

    return accept


@pytest.fixture(scope="session")
def roles() -> Callable[[str], set[str]]:
    """Return a function that lists the roles of a service."""

    def of(service: str) -> set[str]:
        found: Mapping[str, Any] = importlib.import_module(f"{service}.app").ROLES
        return set(found)

    return of


@pytest.fixture(scope="session")
def kustomize() -> Callable[[Path], str]:
    """Render a folder with the real kustomize, built once into the checkout's tools."""
    binary = tools() / "bin/kustomize"
    with locked(tools() / "kustomize.lock"):
        if not binary.is_file():
            _build(binary)

    def render(folder: Path) -> str:
        result = subprocess.run(  # noqa: S603 - our own tool on our own files
            [binary, "build", folder],
            capture_output=True,
            text=True,
            timeout=RENDER_SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return render


@pytest.fixture(scope="session", params=OVERLAYS, ids=lambda folder: folder.replace("/", "-"))
def manifests(
    request: pytest.FixtureRequest, root: Path, kustomize: Callable[[Path], str]
) -> list[dict[str, Any]]:
    """Return the rendered manifests of each folder that can be applied."""
    folder: str = request.param
    return list(yaml.safe_load_all(kustomize(root / "deploy/k8s" / folder)))


def _build(binary: Path) -> None:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        pytest.skip(f"kustomize is built with Go, and there is none; or put it at {binary}")
    binary.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(  # noqa: S603 - the exact version named above
        [go, "install", KUSTOMIZE],
        env={**os.environ, "GOBIN": str(binary.parent)},
        timeout=BUILD_SECONDS,
        check=True,
    )
