"""Facts of a company: the frames of its owners' snapshots."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.message import Message
from plexus.authz.v1.authority_pb2 import Relation, SnapshotResponse
from plexus.directory.v1 import access_pb2, events_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import (
    DIRECTORY_ACCESS_V1,
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_GROUP_V1,
    DIRECTORY_PERSON_V1,
)
from plexus_access.roles import MEMBER
from plexuskit.timestamps import timestamp

from plexus_bench.access.company import TENANT_ID, Company

FACTS_PER_FRAME: Final = 1000
MEMBERS_PER_FRAME: Final = 1000
MADE_AT: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
_A_YEAR: Final = timedelta(days=365)
TOPICS: Final = (
    DIRECTORY_DEPARTMENT_V1.name,
    DIRECTORY_GROUP_V1.name,
    DIRECTORY_ACCESS_V1.name,
    DIRECTORY_PERSON_V1.name,
)


def directory_frames(company: Company, *, topic: str, now: datetime) -> Iterator[bytes]:
    """Yield directory's snapshot of a topic as serialized `SnapshotResponse`s.

    Args:
        company: the company.
        topic: one of `TOPICS`.
        now: current instant; expiring bindings expire a year later.
    """
    facts = {
        DIRECTORY_DEPARTMENT_V1.name: _departments,
        DIRECTORY_GROUP_V1.name: _groups,
        DIRECTORY_PERSON_V1.name: _people,
    }
    told = facts[topic](company) if topic in facts else _access(company, now=now)
    frame: list[Envelope] = []
    for envelope in told:
        frame.append(envelope)
        if len(frame) == FACTS_PER_FRAME:
            yield SnapshotResponse(facts=frame).SerializeToString()
            frame = []
    yield SnapshotResponse(facts=frame).SerializeToString()


def roster_frames(company: Company) -> Iterator[bytes]:
    """Yield messaging's compact snapshot: relations of many members each, as it is streamed."""
    subjects = [f"person:{person}" for person in company.people]
    frame: list[Relation] = []
    size = 0
    for relation in _rosters(company, subjects):
        frame.append(relation)
        size += 1 + len(relation.subjects)
        if size >= MEMBERS_PER_FRAME:
            yield SnapshotResponse(relations=frame).SerializeToString()
            frame, size = [], 0
    yield SnapshotResponse(relations=frame).SerializeToString()


def policy_facts(cedar: Iterable[str]) -> Iterator[Envelope]:
    """Yield the facts of enabled attribute policies."""
    for number, text in enumerate(cedar):
        policy = access_pb2.AccessPolicy(
            id=f"pol_{number}",
            tenant_id=TENANT_ID,
            name=f"policy {number}",
            cedar=text,
            enabled=True,
            version=1,
        )
        yield _fact(events_pb2.AccessPolicyChanged(policy=policy), entity_id=policy.id)


def _rosters(company: Company, subjects: list[str]) -> Iterator[Relation]:
    for conversation_id, places in company.rosters.items():
        for at in range(0, len(places), MEMBERS_PER_FRAME):
            yield Relation(
                tenant_id=TENANT_ID,
                object=f"conversation:{conversation_id}",
                relation="member",
                subjects=[subjects[place] for place in places[at : at + MEMBERS_PER_FRAME]],
            )


def _people(company: Company) -> Iterator[Envelope]:
    for number, person_id in enumerate(company.people):
        person = people_pb2.Person(
            id=person_id,
            tenant_id=TENANT_ID,
            handle=f"person.{number}",
            display_name=f"Person {number}",
            email=f"person.{number}@company.example",
            state=people_pb2.Person.STATE_ACTIVE,
            kind=people_pb2.Person.KIND_HUMAN,
            department_ids=company.homes[person_id],
            title="Engineer",
            locale="zh-CN",
            time_zone="Asia/Shanghai",
            roles=[MEMBER],
            version=1,
        )
        yield _fact(events_pb2.PersonAdded(person=person), entity_id=person_id)


def _departments(company: Company) -> Iterator[Envelope]:
    for id_, path in company.paths.items():
        department = people_pb2.Department(
            id=id_,
            tenant_id=TENANT_ID,
            name=id_,
            parent_id="".join(path[-2:-1]),
            path=path,
            version=1,
        )
        yield _fact(events_pb2.DepartmentChanged(department=department), entity_id=id_)


def _groups(company: Company) -> Iterator[Envelope]:
    for id_, members in company.groups.items():
        group = people_pb2.Group(
            id=id_, tenant_id=TENANT_ID, name=id_, version=1, size=len(members)
        )
        yield _fact(events_pb2.GroupChanged(group=group, member_ids=members), entity_id=id_)


def _access(company: Company, *, now: datetime) -> Iterator[Envelope]:
    expires_at = timestamp(now + _A_YEAR)
    for id_, permissions in company.roles.items():
        role = access_pb2.Role(
            id=id_, tenant_id=TENANT_ID, name=id_, permissions=sorted(permissions), version=1
        )
        yield _fact(events_pb2.RoleChanged(role=role), entity_id=id_)
    for each in company.bindings:
        binding = access_pb2.RoleBinding(
            id=each.id,
            tenant_id=TENANT_ID,
            role_id=each.role,
            subject=each.subject,
            scope=each.scope,
            expires_at=expires_at if each.expires else None,
            version=1,
        )
        yield _fact(events_pb2.RoleBindingChanged(binding=binding), entity_id=each.id)


def _fact(fact: Message, *, entity_id: str) -> Envelope:
    return Envelope(
        event_id=f"evt_{entity_id}",
        tenant_id=TENANT_ID,
        entity_id=entity_id,
        entity_version=1,
        occurred_at=timestamp(MADE_AT),
        schema_version=1,
        type=fact.DESCRIPTOR.full_name,
        fact=fact.SerializeToString(),
    )
