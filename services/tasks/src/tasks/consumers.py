"""People, from directory's topic and from its snapshot."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from plexus.directory.v1 import events_pb2, people_pb2
from plexus.topics import DIRECTORY_PERSON_V1, TASKS_PEOPLE
from plexuskit.config import KafkaSection
from plexuskit.kafka import Probe, Record, consumer, owners_of, subscription
from plexuskit.runtime import Runtime
from plexuskit.snapshot import snapshots

from tasks.domain.people import Person
from tasks.operations import note_people
from tasks.store import Store

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub


class Handlers:
    """The group's handler over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @subscription(
        TASKS_PEOPLE,
        events_pb2.PersonAdded,
        events_pb2.PersonChanged,
        events_pb2.PersonDeactivated,
    )
    async def people(self, records: Sequence[Record]) -> None:
        """Keep the zones of people; sessions do not concern tasks."""
        people: list[people_pb2.Person] = []
        for record in records:
            match record.fact_name:
                case "PersonAdded":
                    people.append(record.fact(events_pb2.PersonAdded).person)
                case "PersonChanged":
                    people.append(record.fact(events_pb2.PersonChanged).person)
                case "PersonDeactivated":
                    people.append(record.fact(events_pb2.PersonDeactivated).person)
        if people:
            await note_people(self._store, people=[_person(each) for each in people])


SUBSCRIPTIONS: Final = (Handlers.people,)


@asynccontextmanager
async def following_people(
    store: Store,
    authority: "AuthorityAsyncStub",
    *,
    probe: Probe,
    kafka: KafkaSection,
    runtime: Runtime,
) -> AsyncIterator[None]:
    """Consume people, and load what the topic no longer holds, for the time of the block.

    `probe` exercises the database.
    """
    handlers = Handlers(store)
    owners = owners_of({"directory": authority})
    async with (
        consumer(kafka, handlers.people, probe=probe, owners=owners, runtime=runtime),
        snapshots(
            authority, {DIRECTORY_PERSON_V1: handlers.people}, owner="directory", runtime=runtime
        ),
    ):
        yield


def _person(message: people_pb2.Person) -> Person:
    return Person(
        id=message.id,
        tenant_id=message.tenant_id,
        time_zone=message.time_zone,
        version=message.version,
    )
