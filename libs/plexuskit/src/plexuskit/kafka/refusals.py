"""Named refusals of Kafka operations, and the only place that translates client errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from aiokafka.errors import KafkaError

from plexuskit.errors import DependencyDown, Kind, Refusal


class KafkaUnavailable(DependencyDown):
    """Kafka cannot be reached or does not answer; try again in a moment."""


class RecordTooLarge(Refusal):
    """The record is larger than the topic takes; shorten its content."""

    kind: ClassVar[Kind] = Kind.INVALID


class DeadLettersUnknown(Refusal):
    """This consumer group has no dead-letter topic here; check its name against the catalogue."""

    kind: ClassVar[Kind] = Kind.NOT_FOUND


@contextmanager
def kafka_errors(what: str) -> Iterator[None]:
    """Turn the client library's errors inside into `KafkaUnavailable`, chained.

    Args:
        what: The operation, in a few static words, for the log.

    Raises:
        KafkaUnavailable: for every error of the client, the connection or a deadline.
    """
    try:
        yield
    except (KafkaError, OSError) as error:
        raise KafkaUnavailable(doing=what, error=type(error).__name__) from error
