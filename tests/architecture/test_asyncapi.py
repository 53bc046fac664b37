"""Completeness of `docs/asyncapi.yaml`, generated from the catalogue, facts and handlers."""

import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from plexus.topics import CONSUMERS, TOPICS
from plexuskit.facts import FACT_TYPES

REMEDY = "run make proto and commit docs/asyncapi.yaml"


@pytest.fixture(scope="module")
def generator(root: Path) -> Iterator[ModuleType]:
    sys.path.insert(0, str(root / "libs/protos"))
    try:
        yield import_module("asyncapi")
    finally:
        sys.path.remove(str(root / "libs/protos"))


@pytest.fixture(scope="module")
def document(root: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((root / "docs/asyncapi.yaml").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def declared(generator: ModuleType) -> list[Any]:
    found: list[Any] = generator.subscriptions()
    return found


def test_it_is_what_make_proto_writes(root: Path, generator: ModuleType) -> None:
    comments = import_module("reference").comments_of(root / "proto")
    written = (root / "docs/asyncapi.yaml").read_text(encoding="utf-8")
    assert generator.document(root / "proto", comments=comments) == written, REMEDY


def test_every_topic_is_a_channel_and_every_fact_a_message(document: dict[str, Any]) -> None:
    letters = {consumer.dlq for consumer in CONSUMERS if consumer.dlq}
    assert set(document["channels"]) == {topic.name for topic in TOPICS} | letters
    assert set(document["components"]["messages"]) == set(FACT_TYPES)


def test_every_topic_of_a_group_has_one_handler(declared: list[Any]) -> None:
    handled = Counter((each.consumer.group, topic) for each in declared for topic in each.topics)
    wanted = {(consumer.group, topic) for consumer in CONSUMERS for topic in consumer.topics}
    assert set(handled) == wanted
    assert set(handled.values()) == {1}


def test_every_handler_exists_and_is_described(declared: list[Any]) -> None:
    for each in declared:
        assert each.description, each.handler
        module = next(
            name
            for name in sys.modules
            if each.handler.startswith(f"{name}.") and found(each, name)
        )
        assert module


def found(declaration: Any, module: str) -> bool:
    """Return whether the handler is in the module."""
    value: Any = sys.modules[module]
    for name in declaration.handler.removeprefix(f"{module}.").split("."):
        value = vars(value).get(name)
        if value is None:
            return False
    return True


def test_every_topic_and_every_group_is_described(root: Path) -> None:
    catalogue = yaml.safe_load((root / "proto/topics.yaml").read_text(encoding="utf-8"))
    for entry in (*catalogue["topics"], *catalogue["consumers"]):
        assert entry["description"].endswith("."), entry


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, reference
            place = place[step]


def references(value: Any) -> Iterator[str]:
    """Yield every `$ref` below a value."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield each
            else:
                yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)
