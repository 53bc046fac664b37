"""Access rules of Kafka, compared with the current catalogue `proto/topics.yaml` (GW-12)."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from plexuskit.config import KafkaSection
from plexuskit.kafka.grants import OPERATOR, PROVISIONING, Operation, Resource, grants, users

pytestmark = pytest.mark.rule("GW-12")


@pytest.fixture(scope="module")
def catalogue(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((root / "proto/topics.yaml").read_text())
    return found


def granted(resource: Resource, operation: Operation) -> set[tuple[str, str]]:
    """Return `(user, name)` of all grants to services."""
    return {
        (grant.user, grant.name)
        for grant in grants(KafkaSection())
        if (grant.resource, grant.operation) == (resource, operation)
        and grant.user not in {OPERATOR, PROVISIONING}
    }


def test_the_owner_writes_a_topic_and_the_consumer_its_dead_letters(
    catalogue: dict[str, Any],
) -> None:
    owned = {(f"plexus-{topic['owner']}", topic["name"]) for topic in catalogue["topics"]}
    letters = {
        (f"plexus-{consumer['service']}", f"{consumer['group']}.dlq")
        for consumer in catalogue["consumers"]
        if consumer["dlq"]
    }
    assert granted(Resource.TOPIC, Operation.WRITE) == owned | letters


def test_the_listed_consumers_read_a_topic(catalogue: dict[str, Any]) -> None:
    services = {each["group"]: each["service"] for each in catalogue["consumers"]}
    consumed = {
        (f"plexus-{services[group]}", topic["name"])
        for topic in catalogue["topics"]
        for group in topic["consumers"]
    }
    assert granted(Resource.TOPIC, Operation.READ) == consumed


def test_a_service_commits_for_its_own_groups_and_what_it_keeps_beside_them(
    catalogue: dict[str, Any],
) -> None:
    own = {
        (f"plexus-{each['service']}", f"{each['group']}{beside}")
        for each in catalogue["consumers"]
        if each["dlq"]
        for beside in ("", ".held", ".evidence")
    }
    assert granted(Resource.GROUP, Operation.READ) == own


def test_provisioning_creates_every_topic_and_no_other_user_creates_any(
    catalogue: dict[str, Any],
) -> None:
    letters = {f"{each['group']}.dlq" for each in catalogue["consumers"] if each["dlq"]}
    creating = {grant for grant in grants(KafkaSection()) if grant.operation == Operation.CREATE}
    assert {grant.user for grant in creating} == {PROVISIONING}
    named = {topic["name"] for topic in catalogue["topics"]}
    assert {grant.name for grant in creating} == named | letters


def test_every_service_of_the_workspace_has_a_user(services: list[str]) -> None:
    assert {f"plexus-{service}" for service in services} <= set(users())
