from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexus_testkit.databases import database_fixtures
from plexuskit.mongo import Database
from plexuskit.request_ids import Request
from tasks import operations
from tasks.domain.identity import Actor, PersonId, TenantId
from tasks.domain.projects import Project
from tasks.domain.steps import NewTask
from tasks.domain.task import Task
from tasks.store import Store

TENANT = TenantId("ten_a")
# Ahead of the server's clock: expiring documents are not deleted while a test looks at them.
NOW = datetime(2036, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


provisioned, db = database_fixtures(lambda db: _store(db).provision())


@pytest.fixture
def store(db: Database) -> Store:
    return _store(db)


def _store(db: Database) -> Store:
    return Store(db, zone=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def person() -> Callable[..., Actor]:
    """A person by a short name, of the tenant of most tests unless another is given."""

    def made(name: str, *, tenant: str = TENANT) -> Actor:
        return Actor(tenant_id=TenantId(tenant), person_id=PersonId(f"per_{name}"))

    return made


@pytest.fixture
def ann(person: Callable[..., Actor]) -> Actor:
    return person("ann")


@pytest.fixture
async def project(store: Store, ann: Actor) -> Project:
    """Ann's project with Bo and Cy."""
    return await operations.create_project(
        store,
        actor=ann,
        name="Move to Pudong",
        goal="",
        member_ids=["per_bo", "per_cy"],
        request=None,
        now=NOW,
    )


@pytest.fixture
def add_task(store: Store, ann: Actor) -> Callable[..., object]:
    """Make a task of Ann's: `await add_task("title", project_id=…, request_id=…, **fields)`."""

    async def made(
        title: str = "Order desks",
        *,
        project_id: str = "",
        request_id: str = "",
        now: datetime = NOW,
        **fields: object,
    ) -> Task:
        return await operations.create_task(
            store,
            actor=ann,
            project_id=project_id,
            new=NewTask(title=title, **fields),
            request=Request.of(
                pb.CreateTaskRequest(request_id=request_id, title=title, project_id=project_id),
                tenant_id=ann.tenant_id,
                person_id=ann.person_id,
            ),
            now=now,
        )

    return made


@pytest.fixture
def move(store: Store, ann: Actor) -> Callable[..., object]:
    """Move a task of Ann's: `await move(task, state=…, **fields)`."""

    async def moved(task: Task, **asked: object) -> Task:
        fields = {
            "expected_version": 0,
            "state": None,
            "column_id": "",
            "after_task_id": "",
            "request": None,
        }
        return await operations.move_task(
            store, task_id=task.id, **{**fields, "actor": ann, "now": NOW, **asked}
        )

    return moved


@pytest.fixture
def facts(db: Database) -> Callable[..., object]:
    """The events in the outbox of one scope, by number."""

    async def read(scope: str) -> list[Envelope]:
        documents = await db.collection("outbox", schema_version=1).find_all(
            {"scope": scope}, sort=[("number", 1)]
        )
        return [Envelope.FromString(document["event"]) for document in documents]

    return read
