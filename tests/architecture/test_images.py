"""The one Dockerfile: an image per service, without a shell as entry point and without root."""

import json
import re
import tomllib
from pathlib import Path

import pytest

MODULES = {"cli": "plexus_cli"}  # Services whose image is not named after their module.
STAGE = re.compile(r"^FROM (?P<base>\S+)(?: AS (?P<name>\S+))?$")


@pytest.fixture(scope="module")
def lines(root: Path) -> list[str]:
    text = (root / "deploy/Dockerfile").read_text(encoding="utf-8")
    joined = text.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def stages(lines: list[str]) -> dict[str, tuple[str, list[str]]]:
    """Return each stage by name with its base and its instructions; the last one has no name."""
    found: dict[str, tuple[str, list[str]]] = {}
    instructions: list[str] = []
    for line in lines:
        stage = STAGE.match(line)
        if stage:
            instructions = []
            found[stage["name"] or ""] = (stage["base"], instructions)
        else:
            instructions.append(line)
    return found


def test_every_service_and_the_command_line_have_an_image(
    stages: dict[str, tuple[str, list[str]]], services: list[str]
) -> None:
    assert set(stages) == {"build", "client", "runtime", *services, "cli", ""}
    assert stages[""] == ("${SERVICE}", [])


def test_a_process_gets_its_signals_itself(
    stages: dict[str, tuple[str, list[str]]], services: list[str]
) -> None:
    for name in (*services, "cli"):
        base, (*_, entry) = stages[name]
        assert base == "runtime"
        assert entry.startswith("ENTRYPOINT [")
        assert json.loads(entry.removeprefix("ENTRYPOINT ")) == [
            "python",
            "-m",
            MODULES.get(name, name),
        ]


def test_an_image_runs_without_root_and_writes_nothing(
    stages: dict[str, tuple[str, list[str]]],
) -> None:
    base, instructions = stages["runtime"]
    assert base == "python:3.11-slim"
    assert "USER 10001:10001" in instructions
    assert any("PYTHONDONTWRITEBYTECODE=1" in line for line in instructions)


def test_an_image_holds_exactly_what_the_lock_file_names(
    stages: dict[str, tuple[str, list[str]]],
) -> None:
    _, instructions = stages["build"]
    (sync,) = (line for line in instructions if line.startswith("RUN uv sync"))
    assert {"--frozen", "--no-dev", "--no-editable", "--package"} <= set(sync.split())


def test_no_image_installs_the_test_kit_or_the_local_run(root: Path, services: list[str]) -> None:
    lock = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))
    needs = {
        package["name"]: {needed["name"] for needed in package.get("dependencies", [])}
        for package in lock["package"]
    }
    assert {"plexus-local", "pytest"} <= needs["plexus-testkit"]
    for name in (*services, "cli"):
        installed, left = set[str](), {f"plexus-{name}"}
        while left:
            installed |= left
            left = set[str]().union(*(needs[package] for package in left)) - installed
        assert "plexuskit" in installed or name == "cli"
        assert not installed & {"plexus-testkit", "plexus-local", "pytest"}, name


def test_the_gateways_image_holds_the_client_that_the_lock_file_describes(
    stages: dict[str, tuple[str, list[str]]],
) -> None:
    _, instructions = stages["client"]
    assert any(line.startswith("RUN npm ci ") for line in instructions)
    assert any(line.startswith("COPY docs/quick-start") for line in instructions)
    for name, (_, lines_) in stages.items():
        before = lines_[:-1]
        if name == "gateway":
            assert before == [
                "COPY --from=client /src/clients/web/dist /opt/plexus/web",
                "ENV GATEWAY_WEB__FOLDER=/opt/plexus/web",
            ]
        elif name not in {"build", "runtime", "client", ""}:
            assert before == []


def test_probes_are_kubernetes_own(lines: list[str]) -> None:
    assert not [line for line in lines if line.startswith("HEALTHCHECK")]


def test_the_build_sees_every_project_of_the_workspace(root: Path) -> None:
    seen = {
        line.removeprefix("!")
        for line in (root / "deploy/Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for project in (
        "libs/*",
        "services/*",
        "clients/cli",
        "clients/python",
        "deploy/local",
        "bench",
    ):
        assert {f"{project}/pyproject.toml", f"{project}/src"} <= seen
        for path in root.glob(f"{project}/pyproject.toml"):
            assert path.parent.joinpath("src").is_dir()
    assert {"pyproject.toml", "uv.lock"} <= seen
