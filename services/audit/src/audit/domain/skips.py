"""A held record that an operator has moved to the dead letters, as the ledger names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from plexus.topics import TOPICS, Topic
from plexuskit.clock import to_milliseconds
from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.names import clean_name

from audit.domain.entries import Occurrence

ACTION: Final = "RecordSkipped"
MAX_REASON: Final = 500

_TOPICS: Final[Mapping[str, Topic]] = {topic.name: topic for topic in TOPICS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipper:
    """The person who has a record moved, and the session or API token used."""

    tenant_id: str
    person_id: str
    session_id: str
    api_token_id: str


def skip(
    *,
    skipper: Skipper,
    topic: str,
    partition: int,
    offset: int,
    reason: str,
    trace_id: str,
    now: datetime,
) -> Occurrence:
    """Return the ledger's account of a record that is moved to the dead letters.

    Args:
        skipper: the person who has it moved.
        topic: name in the catalogue.
        partition: of the topic.
        offset: of the record in the partition.
        reason: 1 to 500 characters after cleaning.
        trace_id: of the request; empty outside of a trace.
        now: when it is asked for.

    Raises:
        InvalidArgument: no such topic or partition, or no reason.
    """
    known = _TOPICS.get(topic)
    if known is None:
        raise InvalidArgument(field="topic", problem="is not in the catalogue; see `doctor`")
    if not 0 <= partition < known.partitions:
        raise InvalidArgument(
            field="partition", problem=f"must be 0 to {known.partitions - 1}; see `doctor`"
        )
    return Occurrence(
        tenant_id=skipper.tenant_id,
        occurred_at=to_milliseconds(now),
        event_id=new_id("evt", now=now),
        action=ACTION,
        actor_id=skipper.person_id,
        api_token_id=skipper.api_token_id,
        session_id=skipper.session_id,
        object=f"record:{topic}/{partition}/{offset}",
        reason=clean_name(reason, field="reason", max_chars=MAX_REASON),
        trace_id=trace_id,
    )
