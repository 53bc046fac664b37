"""Stored facts, as an Authority returns them by number, or by time."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Final

from plexus.authz.v1.authority_pb2 import ReadFactsRequest, ReadFactsResponse
from plexus.event.v1.envelope_pb2 import Envelope

from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Database
from plexuskit.relay.source import FactSource

MAX_FACTS: Final = 100
MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
# A larger one does not fit an answer of 8 MiB; it stays omitted.
_MAX_EVENT_BYTES: Final = 7 * 1024 * 1024
_FETCH: Final = 10


async def read_facts(
    db: Database, sources: Sequence[FactSource], request: ReadFactsRequest
) -> ReadFactsResponse:
    """Return the facts of one scope and topic, in order of their numbers, one page of them.

    Args:
        db: the owner's database.
        sources: sources of the owner's relay.
        request: the request; both numbers are included.

    Raises:
        InvalidArgument: no topic or scope, or numbers that are no range.
        DependencyDown: the database cannot be reached.
    """
    first, last = request.from_change_no, request.through_change_no
    if not request.topic or not request.scope:
        raise InvalidArgument(field="scope", problem="takes a topic and a scope")
    if not 0 < first <= last:
        raise InvalidArgument(field="from_change_no", problem="begins no range of numbers")

    answer, size = ReadFactsResponse(), 0
    for source in sources:
        # Only read here, so the version does not matter.
        facts = db.collection(source.collection, schema_version=1)
        found = source.replay.after(request.scope, first - 1)
        documents = facts.find(found, sort=source.replay.order, batch_size=_FETCH)
        async with aclosing(documents):
            async for document in documents:
                if source.number(document) > last:
                    break
                if source.topic(document) != request.topic:
                    continue
                event = bytes(source.event(document))
                if answer.facts and (
                    len(answer.facts) >= MAX_FACTS or size + len(event) > MAX_PAGE_BYTES
                ):
                    answer.has_more = True
                    return answer
                answer.facts.append(_sendable(event))
                size += len(event)
    return answer


async def read_new_facts(
    db: Database, source: FactSource, *, topics: Sequence[str], since: datetime
) -> AsyncIterator[list[Envelope]]:
    """Stream unpublished facts and those published from an instant on, in pages.

    A reader that was complete at that instant is complete with them: a fact that was stored later
    was published later. They are in no particular order; projections apply by version.

    Args:
        db: the owner's database.
        source: a source that marks published facts (`FactSource.mark_published`).
        topics: the catalogue's names.
        since: the instant; facts are kept for 7 days after they are published.
    """
    facts = db.collection(source.collection, schema_version=1)
    wanted = frozenset(topics)
    query = {"$or": [{"published_at": None}, {"published_at": {"$gte": since}}]}
    page, size = list[Envelope](), 0
    async with aclosing(facts.find(query, batch_size=_FETCH * 10)) as documents:
        async for document in documents:
            if source.topic(document) not in wanted:
                continue
            event = bytes(source.event(document))
            if page and size + len(event) > MAX_PAGE_BYTES:
                yield page
                page, size = [], 0
            page.append(_sendable(event))
            size += len(event)
    yield page


def _sendable(event: bytes) -> Envelope:
    envelope = Envelope.FromString(event)
    return omitted(envelope) if len(event) > _MAX_EVENT_BYTES else envelope


def omitted(envelope: Envelope) -> Envelope:
    """Return the same envelope with its fact left out."""
    after = Envelope()
    after.CopyFrom(envelope)
    after.fact = b""
    after.omitted = True
    return after
