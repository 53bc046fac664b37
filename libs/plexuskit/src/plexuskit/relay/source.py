"""Where facts come from: collections whose documents carry the event."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from plexuskit import outbox

Document = dict[str, Any]
Filter = Mapping[str, Any]


@dataclass(frozen=True)
class Replay:
    """How the facts of one scope are found again, in the order of their numbers.

    Attributes:
        scope_field: the field that holds what `FactSource.scope` returns.
        number_field: the field that holds what `FactSource.number` returns.
        after: scope and number to a filter for the scope's documents with a greater number; an
            index must serve it together with `order`.
        order: the sort that puts them in the order of their numbers.
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

    Needs no further index. The two fields are read where many scopes are looked at together.
    """
    return Replay(
        scope_field=scope,
        number_field=number,
        # ";" is the character after ":", so this is the end of the scope and of no other.
        after=lambda value, n: {"_id": {"$gt": f"{value}:{n:0{digits}}", "$lt": f"{value};"}},
        order=[("_id", 1)],
    )


def stored_at(document: Document) -> datetime:
    """Return the field `stored_at`, where both kinds of sources keep it."""
    at: datetime = document["stored_at"]
    return at


@dataclass(frozen=True)
class FactSource:
    """A collection whose documents carry the event, and how to read them.

    The functions take a stored document and do no more than pick a field: the relay calls them for
    every fact.

    Attributes:
        collection: its name; documents are only ever inserted by services.
        topic: the catalogue's name of the topic.
        key: the record's key.
        scope: within what the facts keep their order.
        number: the fact's place in the scope.
        event: the serialized envelope, passed on as it is.
        traceparent: trace context of the command, "" for none.
        dense: whether numbers are 1, 2, 3, … in every scope. The relay then knows what it misses
            and fetches that before it goes on. Otherwise numbers only grow.
        mark_published: whether the relay sets `published_at` on what Kafka acknowledged. Without it
            only the last number of each scope is kept.
        replay: how to find the facts of a scope.
        recent: a time to a filter for the documents that were stored since then; it may match older
            ones too. Served by an index, best one on (stored_at, scope, number).
        event_type: full protobuf name of the fact, or None to read it from the envelope.
        stored_at: when the document was stored.
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
        """Whether the last published number of each scope says what is still to be done."""
        return self.dense or not self.mark_published

    def unpublished(self, since: datetime) -> Filter:
        """Return a filter for what a source that marks has not published."""
        return {**self.recent(since), "published_at": None}


OUTBOX = FactSource(
    collection=outbox.COLLECTION,
    topic=lambda document: document["topic"],
    key=lambda document: document["key"],
    scope=lambda document: document["scope"],
    number=lambda document: document["number"],
    event=lambda document: document["event"],
    traceparent=lambda document: document["traceparent"],
    # What is published is marked one by one, so a number that a service left out holds up nothing.
    dense=False,
    mark_published=True,
    replay=replay_by_fields("scope", "number"),
    # All that is unpublished, however old: the partial index holds nothing else.
    recent=lambda _since: {},
    event_type=lambda document: document["type"],
)
