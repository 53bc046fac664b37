"""Sources of facts: collections whose documents carry the event."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from plexuskit import outbox

Document = dict[str, Any]
Filter = Mapping[str, Any]


@dataclass(frozen=True)
class Replay:
    """Query that finds the facts of one scope again, in the order of their numbers.

    Attributes:
        scope_field: the field with the value of `FactSource.scope`.
        number_field: the field with the value of `FactSource.number`.
        after: function from scope and number to a filter for the scope's documents with a greater
            number; an index must serve it together with `order`.
        order: the sort by number.
    """

    scope_field: str
    number_field: str
    after: Callable[[str, int], Filter]
    order: Sequence[tuple[str, int]]


def replay_by_fields(scope: str, number: str) -> Replay:
    """Find documents by two fields; needs an index that begins with (scope, number)."""
    return Replay(
        scope_field=scope,
        number_field=number,
        after=lambda value, n: {scope: value, number: {"$gt": n}},
        order=[(number, 1)],
    )


def replay_by_id(scope: str, number: str, *, digits: int = 12) -> Replay:
    """Find documents by an `_id` of the form `<scope>:<number, zero-padded to digits>`.

    Needs no further index. The two fields are read if many scopes are examined together.
    """
    return Replay(
        scope_field=scope,
        number_field=number,
        # ";" is the character after ":", so this is the end of the scope and of no other.
        after=lambda value, n: {"_id": {"$gt": f"{value}:{n:0{digits}}", "$lt": f"{value};"}},
        order=[("_id", 1)],
    )


def stored_at(document: Document) -> datetime:
    """Return the field `stored_at`, in which both kinds of sources store the time."""
    at: datetime = document["stored_at"]
    return at


@dataclass(frozen=True)
class FactSource:
    """Collection whose documents carry the event, and how to read them.

    The functions take a stored document and only pick a field: the relay calls them for every fact.

    Attributes:
        collection: its name; services only ever insert documents.
        topic: the catalogue's name of the topic.
        key: the record's key.
        scope: the scope within which the facts keep their order.
        number: the fact's position in the scope.
        event: the serialized envelope, published unchanged.
        traceparent: trace context of the command, "" for none.
        dense: whether numbers are 1, 2, 3, … in every scope. The relay then detects gaps and reads
            the missing facts first. Otherwise numbers only increase.
        mark_published: whether the relay sets `published_at` on facts that Kafka acknowledged.
            Without it only the last number of each scope is kept.
        replay: query for the facts of a scope.
        recent: function from a time to a filter for the documents stored since then; it may match
            older ones too. Served by an index, best one on (stored_at, scope, number).
        event_type: full protobuf name of the fact, or None to read it from the envelope.
        stored_at: time at which the document was stored.
    """

    collection: str
    topic: Callable[[Document], str]
    key: Callable[[Document], str]
    scope: Callable[[Document], str]
    number: Callable[[Document], int]
    event: Callable[[Document], bytes]
    traceparent: Callable[[Document], str]
    dense: bool
    mark_published: bool
    replay: Replay
    recent: Callable[[datetime], Filter]
    event_type: Callable[[Document], str] | None = None
    stored_at: Callable[[Document], datetime] = stored_at

    @property
    def numbered(self) -> bool:
        """True if the last published number of each scope determines the remaining work."""
        return self.dense or not self.mark_published

    def unpublished(self, since: datetime) -> Filter:
        """Return a filter for facts that a marking source has not published."""
        return {**self.recent(since), "published_at": None}


OUTBOX = FactSource(
    collection=outbox.COLLECTION,
    topic=lambda document: document["topic"],
    key=lambda document: document["key"],
    scope=lambda document: document["scope"],
    number=lambda document: document["number"],
    event=lambda document: document["event"],
    traceparent=lambda document: document["traceparent"],
    # Facts are marked one by one, so a number that a service skipped holds up nothing.
    dense=False,
    mark_published=True,
    replay=replay_by_fields("scope", "number"),
    # All unpublished facts, however old: the partial index holds nothing else.
    recent=lambda _since: {},
    event_type=lambda document: document["type"],
)
