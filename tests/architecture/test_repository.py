"""Standard files of a public repository: licence, version, changelog, hooks, two READMEs."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from .pages import ROOT, TARGET

LICENCE = "Apache-2.0"
# A version followed by `yyyy-mm-dd`, as in Keep a Changelog.
RELEASE = re.compile(r"^## (?P<version>\d+\.\d+\.\d+) - (?P<date>\d{4}-\d{2}-\d{2})$")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


PROJECTS = sorted(
    path
    for pattern in ("", "libs/*/", "services/*/", "clients/*/", "deploy/*/", "bench/")
    for path in ROOT.glob(f"{pattern}pyproject.toml")
)
VERSION: str = toml(ROOT / "pyproject.toml")["project"]["version"]


# --- licence and version


def test_the_licence_is_whole_and_names_its_owner() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Copyright 2026 The Plexus authors" in text
    assert "[yyyy]" not in text


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_project_has_the_licence_and_the_version(path: Path) -> None:
    project = toml(path)["project"]
    assert project["license"] == LICENCE
    assert project["version"] == VERSION


def test_the_lock_file_has_the_version_of_every_project() -> None:
    locked = {
        package["name"]: package["version"]
        for package in toml(ROOT / "uv.lock")["package"]
        if {"editable", "virtual"} & set(package["source"])
    }
    names = {toml(path)["project"]["name"] for path in PROJECTS}
    assert locked == dict.fromkeys(names, VERSION)


def test_images_on_kubernetes_have_the_version() -> None:
    base = yaml.safe_load((ROOT / "deploy/k8s/base/kustomization.yaml").read_text())
    assert {image["newTag"] for image in base["images"]} == {VERSION}


# --- changelog and security policy


def test_the_changelog_has_unreleased_changes_above_the_version() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    sections = [line for line in lines if line.startswith("## ")]
    assert sections[0] == "## Unreleased"
    released = RELEASE.match(sections[1])
    assert released is not None, sections[1]
    assert released["version"] == VERSION


def test_the_changelog_is_grouped_by_its_readers() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    section = rf"^## {re.escape(VERSION)} .*?(?=^## |\Z)"
    found = re.search(section, text, re.MULTILINE | re.DOTALL)
    assert found is not None
    groups = re.findall(r"^### (.+)$", found[0], re.MULTILINE)
    assert groups == ["For operators", "For client authors"]


def test_security_fixes_are_promised_for_this_version() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    minor = VERSION.rpartition(".")[0]
    assert f"| {minor}.x | yes |" in text


# --- hooks


def hooks() -> list[dict[str, Any]]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repo["repo"] for repo in config["repos"]} == {"local"}, "hooks download nothing"
    return [hook for repo in config["repos"] for hook in repo["hooks"]]


def test_every_hook_runs_what_is_installed_or_a_make_target() -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    wrong = []
    for hook in hooks():
        command, first, *_ = [*hook["entry"].split(), ""]
        is_target = command == "make" and first in targets
        if hook["language"] != "system" or not (is_target or (ROOT / command).is_file()):
            wrong.append(hook["id"])
    assert wrong == []


def test_the_hooks_check_format_lint_types_and_generated_code() -> None:
    entries = " ".join(hook["entry"] for hook in hooks())
    for each in ("ruff format", "ruff check", "make check", "make proto-check"):
        assert each in entries


# --- the two READMEs


def commands(path: Path) -> list[str]:
    """Return the commands of the shell blocks without their comments."""
    blocks = FENCE.findall(path.read_text(encoding="utf-8"))
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(("make ", ".venv/bin/"))]


def targets(path: Path) -> list[str]:
    return sorted(set(LINK.findall(path.read_text(encoding="utf-8"))))


def figures(path: Path) -> set[str]:
    text = LINK.sub("", path.read_text(encoding="utf-8"))
    return set(re.findall(r"\d[\d,.]*\d", text))


def shape(path: Path) -> list[str]:
    """Return the order of headings, tables and code blocks."""
    kinds = {"#": "heading", "|": "row", "`": "fence"}
    lines = path.read_text(encoding="utf-8").splitlines()
    return [kinds[line[0]] for line in lines if line.startswith(("#", "|", "```"))]


def test_the_readme_exists_in_both_languages_and_each_links_the_other() -> None:
    assert f"]({CHINESE.name})" in README.read_text(encoding="utf-8")
    assert f"]({README.name})" in CHINESE.read_text(encoding="utf-8")


def test_both_readmes_have_the_same_sections_commands_figures_and_links() -> None:
    assert shape(CHINESE) == shape(README)
    assert commands(CHINESE) == commands(README)
    assert figures(CHINESE) == figures(README)
    assert set(targets(CHINESE)) ^ set(targets(README)) == {CHINESE.name, README.name}


def test_the_chinese_readme_uses_full_width_punctuation() -> None:
    text = re.sub(r"`[^`]*`", "", FENCE.sub("", CHINESE.read_text(encoding="utf-8")))
    assert re.findall(r"[一-鿿][,;:?!]|[一-鿿]\(", text) == []
