"""People and departments, from directory's topics and from its snapshot."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from plexus.directory.v1 import events_pb2, people_pb2
from plexus.topics import (
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_PERSON_V1,
    MESSAGING_DEPARTMENTS,
    MESSAGING_PEOPLE,
)
from plexuskit.config import KafkaSection
from plexuskit.kafka import Probe, Record, consumer, owners_of, subscription
from plexuskit.runtime import Runtime
from plexuskit.snapshot import snapshots

from messaging.conversations.domain.people import Department, Person
from messaging.conversations.domain.working_hours import DEFAULT, WorkingHours
from messaging.conversations.store.stores import Store

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub


class Handlers:
    """The two groups' handlers over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @subscription(
        MESSAGING_PEOPLE,
        events_pb2.PersonAdded,
        events_pb2.PersonChanged,
        events_pb2.PersonDeactivated,
    )
    async def people(self, records: Sequence[Record]) -> None:
        """Store people; sessions do not concern messaging."""
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
            await self._store.people.put([_person(each) for each in people])

    @subscription(MESSAGING_DEPARTMENTS, events_pb2.DepartmentAdded, events_pb2.DepartmentChanged)
    async def departments(self, records: Sequence[Record]) -> None:
        """Keep the department tree."""
        departments: list[people_pb2.Department] = []
        for record in records:
            match record.fact_name:
                case "DepartmentAdded":
                    departments.append(record.fact(events_pb2.DepartmentAdded).department)
                case "DepartmentChanged":
                    departments.append(record.fact(events_pb2.DepartmentChanged).department)
        if departments:
            await self._store.people.put_departments([_department(each) for each in departments])


SUBSCRIPTIONS: Final = (Handlers.people, Handlers.departments)


@asynccontextmanager
async def following_directory(
    store: Store,
    authority: "AuthorityAsyncStub",
    *,
    probe: Probe,
    kafka: KafkaSection,
    runtime: Runtime,
) -> AsyncIterator[None]:
    """Consume people and departments, and load what the topics lack, for the duration of the block.

    `probe` exercises the database.
    """
    handlers = Handlers(store)
    owners = owners_of({"directory": authority})
    follow = partial(consumer, kafka, probe=probe, owners=owners, runtime=runtime)
    async with (
        follow(handlers.departments),
        follow(handlers.people),
        snapshots(
            authority,
            {
                DIRECTORY_DEPARTMENT_V1: handlers.departments,
                DIRECTORY_PERSON_V1: handlers.people,
            },
            owner="directory",
            runtime=runtime,
        ),
    ):
        yield


def _person(message: people_pb2.Person) -> Person:
    return Person(
        id=message.id,
        tenant_id=message.tenant_id,
        active=message.state == people_pb2.Person.STATE_ACTIVE,
        is_app=message.kind == people_pb2.Person.KIND_SERVICE_ACCOUNT,
        time_zone=message.time_zone,
        hours=_hours(message),
        department_ids=tuple(message.department_ids),
        version=message.version,
    )


def _hours(message: people_pb2.Person) -> WorkingHours:
    """Read working hours; facts from before there were any mean the default."""
    if not message.HasField("working_hours"):
        return DEFAULT
    hours = message.working_hours
    return WorkingHours(
        weekdays=tuple(hours.weekdays),
        windows=tuple((each.start_minute, each.end_minute) for each in hours.windows),
    )


def _department(message: people_pb2.Department) -> Department:
    return Department(
        id=message.id,
        tenant_id=message.tenant_id,
        path=tuple(message.path),
        version=message.version,
    )
