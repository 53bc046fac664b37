"""Names on the broker: the catalogue's names with the deployment's prefix in front."""

from plexuskit.config import KafkaSection

TRACEPARENT = "traceparent"
"""Header with the W3C trace context of the command that caused the fact."""

REDRIVEN_FOR = "plexus-redriven-for"
"""Header that marks a record as a repeat for one consumer group; every other reader skips it."""

DLQ_HEADERS = "plexus-dlq-"
"""Prefix of all headers that a dead letter adds to its record."""


def topic_name(section: KafkaSection, name: str) -> str:
    """Return the broker's name of the catalogue's topic `name`."""
    return f"{section.topic_prefix}{name}"


def group_name(section: KafkaSection, group: str) -> str:
    """Return the broker's name of the catalogue's consumer group `group`."""
    return f"{section.topic_prefix}{group}"


def catalogue_name(section: KafkaSection, name: str) -> str:
    """Return the catalogue's name of the broker's topic `name`: the inverse of `topic_name`."""
    return name.removeprefix(section.topic_prefix)


def dlq_topic(group: str) -> str:
    """Return the catalogue's name of the dead-letter topic of `group`."""
    return f"{group}.dlq"


def redrive_group(group: str) -> str:
    """Return the group whose committed offset remembers which letters of `group` were redriven."""
    return f"{group}.redrive"


def held_group(group: str) -> str:
    """Return the group whose committed offsets are the records at which `group` is held."""
    return f"{group}.held"


def skip_group(group: str) -> str:
    """Return the group whose committed offsets are the records of `group` that operators skip."""
    return f"{group}.skip"


def evidence_group(group: str) -> str:
    """Return the group whose committed metadata is the evidence of `group` against records."""
    return f"{group}.evidence"
