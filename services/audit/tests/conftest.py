from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from audit.domain.entries import Occurrence
from audit.operations import LedgerWriter
from audit.store import Store
from google.protobuf.message import Message
from plexus.authz.v1.options_pb2 import Requirement
from plexus.directory.v1 import access_pb2, events_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.events_pb2 import DecisionMade
from plexus.messaging.v1 import conversations_pb2
from plexus.messaging.v1 import events_pb2 as messaging_events
from plexus.tasks.v1 import events_pb2 as tasks_events
from plexus.tasks.v1 import tasks_pb2
from plexus_testkit.clock import FrozenClock
from plexus_testkit.databases import database_fixtures
from plexuskit.mongo import Collection, Database
from plexuskit.outbox import envelope

TENANT = "ten_a"
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


class Facts:
    """Facts as the owners publish them; `hours` count from the beginning of a working day."""

    @staticmethod
    def at(hours: float) -> datetime:
        return NOW + timedelta(hours=hours)

    @staticmethod
    def fact(
        message: Message,
        *,
        entity: str,
        version: int,
        hours: float,
        tenant: str = TENANT,
        **more: Any,
    ) -> Envelope:
        given: dict[str, Any] = {"scope": entity, "actor_id": "per_ann", **more}
        return envelope(
            fact=message,
            tenant_id=tenant,
            change_no=version,
            entity_id=entity,
            entity_version=version,
            now=Facts.at(hours),
            **given,
        )

    @staticmethod
    def person(id_: str, *, version: int = 1, hours: float = 0, **fields: Any) -> Envelope:
        """PersonAdded for version 1, PersonDeactivated for the deactivated, else PersonChanged."""
        given: dict[str, Any] = {
            "state": people_pb2.Person.STATE_ACTIVE,
            "kind": people_pb2.Person.KIND_HUMAN,
            "roles": ["member"],
            **fields,
        }
        shown = people_pb2.Person(id=id_, tenant_id=TENANT, version=version, **given)
        kind: Any = events_pb2.PersonAdded if version == 1 else events_pb2.PersonChanged
        if shown.state == people_pb2.Person.STATE_DEACTIVATED:
            kind = events_pb2.PersonDeactivated
        return Facts.fact(kind(person=shown), entity=id_, version=version, hours=hours)

    @staticmethod
    def department(
        id_: str, *, path: tuple[str, ...] = (), version: int = 1, hours: float = 0, **fields: Any
    ) -> Envelope:
        """A department below those of the path, which comes without it."""
        shown = people_pb2.Department(
            id=id_,
            tenant_id=TENANT,
            version=version,
            path=[*path, id_],
            parent_id=path[-1] if path else "",
            **fields,
        )
        kind: Any = events_pb2.DepartmentAdded if version == 1 else events_pb2.DepartmentChanged
        return Facts.fact(kind(department=shown), entity=id_, version=version, hours=hours)

    @staticmethod
    def group(id_: str, members: list[str], *, version: int = 1, hours: float = 0) -> Envelope:
        message = events_pb2.GroupChanged(
            group=people_pb2.Group(id=id_, tenant_id=TENANT, version=version, size=len(members)),
            member_ids=members,
        )
        return Facts.fact(message, entity=id_, version=version, hours=hours)

    @staticmethod
    def role(id_: str, permissions: list[str], *, version: int = 1, hours: float = 0) -> Envelope:
        shown = access_pb2.Role(
            id=id_, tenant_id=TENANT, name=id_, permissions=permissions, version=version
        )
        message = events_pb2.RoleChanged(role=shown)
        return Facts.fact(message, entity=id_, version=version, hours=hours, scope=TENANT)

    @staticmethod
    def binding(
        id_: str, *, role_id: str, subject: str, scope: str = f"tenant:{TENANT}",
        version: int = 1, hours: float = 0, **fields: Any,
    ) -> Envelope:  # fmt: skip
        shown = access_pb2.RoleBinding(
            id=id_, tenant_id=TENANT, role_id=role_id, subject=subject, scope=scope,
            version=version, **fields,
        )  # fmt: skip
        message = events_pb2.RoleBindingChanged(binding=shown)
        return Facts.fact(message, entity=id_, version=version, hours=hours, scope=TENANT)

    @staticmethod
    def policy(
        id_: str, cedar: str, *, version: int = 1, hours: float = 0, **fields: Any
    ) -> Envelope:
        shown = access_pb2.AccessPolicy(
            id=id_, tenant_id=TENANT, name=id_, cedar=cedar, version=version,
            **{"enabled": True, **fields},
        )  # fmt: skip
        message = events_pb2.AccessPolicyChanged(policy=shown)
        return Facts.fact(message, entity=id_, version=version, hours=hours, scope=TENANT)

    @staticmethod
    def module(
        name: str, *, enabled: bool, version: int = 1, hours: float = 0, **fields: Any
    ) -> Envelope:
        shown = access_pb2.Module(
            name=name, tenant_id=TENANT, enabled=enabled, version=version, **fields
        )
        message = events_pb2.ModuleChanged(module=shown)
        return Facts.fact(message, entity=name, version=version, hours=hours, scope=TENANT)

    @staticmethod
    def member(
        id_: str, *, conversation: str, version: int, active: bool = True, role: Any = 0
    ) -> conversations_pb2.Member:
        return conversations_pb2.Member(
            conversation_id=conversation,
            person_id=id_,
            active=active,
            version=version,
            role=role or conversations_pb2.Member.ROLE_MEMBER,
        )

    @staticmethod
    def conversation(id_: str, members: list[str], *, hours: float = 0) -> Envelope:
        message = messaging_events.ConversationCreated(
            conversation=conversations_pb2.Conversation(
                id=id_, tenant_id=TENANT, version=1, name="Purchasing", topic="secret words"
            ),
            members=[Facts.member(each, conversation=id_, version=1) for each in members],
        )
        return Facts.fact(message, entity=id_, version=1, hours=hours)

    @staticmethod
    def joined(id_: str, members: list[str], *, version: int, hours: float) -> Envelope:
        shown = [Facts.member(each, conversation=id_, version=version) for each in members]
        message = messaging_events.MembersAdded(members=shown, membership_version=version)
        return Facts.fact(message, entity=id_, version=version, hours=hours)

    @staticmethod
    def left(id_: str, members: list[str], *, version: int, hours: float) -> Envelope:
        shown = [
            Facts.member(each, conversation=id_, version=version, active=False) for each in members
        ]
        message = messaging_events.MembersRemoved(members=shown, membership_version=version)
        return Facts.fact(message, entity=id_, version=version, hours=hours)

    @staticmethod
    def task(id_: str, *, version: int = 1, hours: float = 0, **fields: Any) -> Envelope:
        shown = tasks_pb2.Task(id=id_, tenant_id=TENANT, version=version, **fields)
        kind: Any = tasks_events.TaskCreated if version == 1 else tasks_events.TaskChanged
        return Facts.fact(kind(task=shown), entity=id_, version=version, hours=hours)

    @staticmethod
    def project(id_: str, members: list[str], *, version: int = 1, hours: float = 0) -> Envelope:
        shown = tasks_pb2.Project(
            id=id_, tenant_id=TENANT, version=version, owner_id=members[0], member_ids=members
        )
        kind: Any = tasks_events.ProjectCreated if version == 1 else tasks_events.ProjectChanged
        return Facts.fact(kind(project=shown), entity=id_, version=version, hours=hours)

    @staticmethod
    def decided(*, hours: float = 0, **fields: Any) -> Envelope:
        given: dict[str, Any] = {
            "method": "plexus.directory.v1.DirectoryService/DeactivatePerson",
            "permission": "people.manage",
            "effect": Requirement.EFFECT_CHANGE,
            "person_id": "per_ann",
            "session_id": "ses_ann",
            "object": "person:per_bo",
            "allowed": True,
            "outcome": "OK",
            "rule": "role:admin@tenant:ten_a",
            "access_version": 3,
            **fields,
        }
        return Facts.fact(DecisionMade(**given), entity=TENANT, version=1, hours=hours)


@pytest.fixture
def facts() -> type[Facts]:
    """The facts of the owners: `facts.person("per_ann", roles=["admin"])`."""
    return Facts


provisioned, db = database_fixtures(lambda db: Store(db).provision())


@pytest.fixture
def store(db: Database) -> Store:
    return Store(db)


@pytest.fixture
def ledger_writer(store: Store, clock: FrozenClock) -> LedgerWriter:
    return LedgerWriter(store, clock=clock)


@pytest.fixture
def happened() -> Callable[..., Occurrence]:
    """Something that happened: `happened(3, object="person:per_bo")`; the number is its event's."""

    def made(number: int, *, tenant: str = TENANT, **fields: Any) -> Occurrence:
        given: Mapping[str, Any] = {
            "tenant_id": tenant,
            "occurred_at": NOW,
            "event_id": f"evt_{tenant}_{number}",
            "action": "PersonChanged",
            "actor_id": "per_ann",
            "object": "person:per_bo",
            "version_before": number,
            "version_after": number + 1,
            "details": {"fields": "title"},
        }
        return Occurrence(**{**given, **fields})

    return made


@pytest.fixture
def ledger(db: Database) -> Collection:
    """Return the documents themselves, as an administrator of the database reaches them."""
    return db.collection("ledger", schema_version=1)
