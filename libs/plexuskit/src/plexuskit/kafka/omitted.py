"""Facts that were too large for a record: read from their owner before they are handled."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from plexus.authz.v1.authority_pb2 import ReadFactsRequest
from plexus.topics import TOPICS

from plexuskit.kafka.records import Handler, InvalidRecord, Record

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub

Owners = Mapping[str, "AuthorityAsyncStub"]
"""The Authority of the owner of each topic, by the catalogue's name of the topic."""


def owners_of(authorities: "Mapping[str, AuthorityAsyncStub]") -> Owners:
    """Return whom to ask about each topic, given the Authority of services by their names."""
    return {topic.name: authorities[topic.owner] for topic in TOPICS if topic.owner in authorities}


def completed(handle: Handler, owners: Owners) -> Handler:
    """Return the handler with every omitted fact in its place again.

    Args:
        handle: the service's handler; it never sees an omitted fact.
        owners: owners of the topics that the handler's group reads.

    The returned handler raises the errors of `handle` and of calls to an owner, and `InvalidRecord`
    for a fact that its owner does not have or cannot send.
    """

    async def handle_completed(records: Sequence[Record]) -> None:
        await handle([await _complete(record, owners) for record in records])

    return handle_completed


async def _complete(record: Record, owners: Owners) -> Record:
    envelope = record.envelope
    if not envelope.omitted:
        return record
    if record.topic not in owners:
        raise InvalidRecord(record, "the fact is left out, and nobody here can ask its owner")
    request = ReadFactsRequest(
        topic=record.topic,
        scope=envelope.scope,
        from_change_no=envelope.change_no,
        through_change_no=envelope.change_no,
    )
    answer = await owners[record.topic].ReadFacts(request)
    for fact in answer.facts:
        if fact.event_id == envelope.event_id and not fact.omitted:
            return replace(record, value=fact.SerializeToString())
    raise InvalidRecord(record, "the fact is left out, and its owner does not have it")
