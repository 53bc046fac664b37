"""Facts too large for a record: every consumer of one can read it from its owner (MSG-21)."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

pytestmark = pytest.mark.rule("MSG-21")

# Topics whose facts always fit into a record: their owners bound each part, and a test of each
# owner builds the largest one.
ALWAYS_SMALL: Final = {
    "gateway.decision.v1": "services/gateway/tests/test_gateway_decisions.py",
    "notify.notification.v1": "services/notify/tests/domain/test_fact_sizes.py",
}


@pytest.fixture(scope="module")
def catalogue(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((root / "proto/topics.yaml").read_text())
    return found


def test_the_owner_of_each_topic_that_is_projected_answers_which_facts_it_published(
    catalogue: dict[str, Any], root: Path
) -> None:
    durable = {each["group"] for each in catalogue["consumers"] if each["dlq"]}
    projected = {
        topic["name"]: topic["owner"]
        for topic in catalogue["topics"]
        if durable & set(topic["consumers"]) and topic["name"] not in ALWAYS_SMALL
    }
    answering = {
        owner
        for owner in projected.values()
        if any(
            "async def ReadFacts(" in file.read_text()
            for file in (root / f"services/{owner}/src").rglob("*.py")
        )
    }

    assert set(projected.values()) == answering


def test_what_is_never_left_out_has_a_test_that_builds_its_largest_fact(root: Path) -> None:
    for topic, test in ALWAYS_SMALL.items():
        assert "MAX_FACT_BYTES" in (root / test).read_text(), topic


def test_every_consumer_with_dead_letters_can_ask_the_owners_of_its_topics(root: Path) -> None:
    """A consumer without `owners` would send an omitted fact to the dead letters."""
    for service in ("audit", "messaging", "notify", "search"):
        texts = [file.read_text() for file in (root / f"services/{service}/src").rglob("*.py")]
        assert any("owners_of(" in text for text in texts), service
