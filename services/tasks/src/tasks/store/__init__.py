"""Every query, index and document shape of the service."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from plexus.authz.v1.authority_pb2 import ReadFactsRequest, ReadFactsResponse
from plexuskit.lines import Lines
from plexuskit.mongo import Database, DuplicateKey, Retry, Transaction, UpdateOne
from plexuskit.outbox import Outbox
from plexuskit.relay import OUTBOX, read_facts
from plexuskit.request_ids import Requests

from tasks.domain.identity import Actor, ColumnId, ProjectId, TenantId
from tasks.domain.projects import Project
from tasks.domain.refusals import ProjectNotFound, TaskNotFound
from tasks.domain.task import Task
from tasks.domain.visibility import may_see
from tasks.store.documents import COLUMN_LOCK_SCHEMA, COUNTER_SCHEMA
from tasks.store.history import HistoryStore
from tasks.store.older_requests import OlderRequests
from tasks.store.people import PeopleStore
from tasks.store.projects import ProjectStore
from tasks.store.tasks import TaskFilter, TaskStore

__all__ = ["Seen", "Store", "TaskFilter"]

T = TypeVar("T")

# Processes meet at one counter per tenant, so they may have to wait for each other.
_ATTEMPTS: Final = 60
_WITHIN: Final = timedelta(seconds=8)
# Moves touch one of these, spreading touches all: moves exclude spreading but hardly each other.
_STRIPES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A task that the caller may see, and the project that it is in."""

    task: Task
    project: Project | None


class Store:
    """The service's database.

    Days end in `zone` for people whose zone is not known (TSK-3).

    Attributes:
        lines: turns of people who change tasks, and of requests for a tenant's next number.
    """

    def __init__(self, db: Database, *, zone: ZoneInfo) -> None:
        self._db = db
        self.lines = Lines()
        self.people = PeopleStore(db)
        self.tasks = TaskStore(db, people=self.people, zone=zone)
        self.projects = ProjectStore(db)
        self.history = HistoryStore(db)
        self.requests = Requests(db, older=OlderRequests())
        self.outbox = Outbox(db)
        self._counters = db.collection("counters", schema_version=COUNTER_SCHEMA)
        self._column_locks = db.collection("lanes", schema_version=COLUMN_LOCK_SCHEMA)

    async def provision(self) -> None:
        """Create the collections and indexes that are missing; run any number of times."""
        await self.people.ensure_indexes()
        await self.tasks.ensure_indexes()
        await self.projects.ensure_indexes()
        await self.history.ensure_indexes()
        await self.requests.ensure_indexes()
        await self.outbox.ensure_indexes()
        await self._counters.ensure_indexes([])
        await self._column_locks.ensure_indexes([])

    async def read_facts(self, request: ReadFactsRequest) -> ReadFactsResponse:
        """Read published facts by their numbers; see `plexuskit.relay.read_facts`."""
        return await read_facts(self._db, [OUTBOX], request)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run the work in one transaction, again after conflicts; see `Database.transact`."""
        return await self._db.transact(work, attempts=_ATTEMPTS, within=_WITHIN)

    async def visible_task(
        self, task_id: str, *, actor: Actor, tx: Transaction | None = None
    ) -> Seen:
        """Return a task with its project.

        Refusals: TaskNotFound, the same for one that is hidden from the actor (GW-2).
        """
        task = await self.tasks.get(task_id, tenant_id=actor.tenant_id, tx=tx)
        project = None
        if task is None or task.project_id or actor.person_id not in task.participants:
            # Also queried for an unknown task: hidden objects must not cost more than absent ones.
            project_id = task.project_id if task is not None else ""
            project = await self.projects.get(project_id, tenant_id=actor.tenant_id, tx=tx)
        if task is None or not may_see(task, project=project, person_id=actor.person_id):
            raise TaskNotFound(task_id=task_id)
        return Seen(task=task, project=project)

    async def visible_project(
        self, project_id: str, *, actor: Actor, tx: Transaction | None = None
    ) -> Project:
        """Return a project of the actor.

        Refusals: ProjectNotFound, the same for one that is hidden from the actor (GW-2).
        """
        project = await self.projects.get(project_id, tenant_id=actor.tenant_id, tx=tx)
        if project is None or actor.person_id not in project.member_ids:
            raise ProjectNotFound(project_id=project_id)
        return project

    async def next_number(self, *, tenant_id: TenantId, tx: Transaction) -> int:
        """Return the next task number of a tenant, dense from 1: an abort releases it.

        Raises:
            Retry: another process made the tenant's counter at the same moment.
        """
        try:
            counter = await self._counters.find_and_update(
                {"_id": tenant_id}, {"$inc": {"last": 1}}, upsert=True, tx=tx
            )
        except DuplicateKey as made:
            raise Retry from made
        if counter is None:
            raise Retry
        return int(counter["last"])

    async def touch_column_lock(
        self, project_id: ProjectId, column_id: ColumnId, *, number: int, tx: Transaction
    ) -> None:
        """Record that a place in a column is taken, so that its keys are not redistributed.

        A key that was picked between two others would be wrong if those got new ones in the same
        moment. `number` is anything that differs between tasks.

        Raises:
            Retry: another process touched it for the first time at the same moment.
        """
        await self._touch([f"{project_id}:{column_id}:{number % _STRIPES}"], tx=tx)

    async def close_column(
        self, project_id: ProjectId, column_id: ColumnId, *, tx: Transaction
    ) -> None:
        """Record that a column's keys are redistributed: concurrent moves into it run again.

        Raises:
            Retry: as for `touch_column_lock`.
        """
        stripes = [f"{project_id}:{column_id}:{stripe}" for stripe in range(_STRIPES)]
        await self._touch(stripes, tx=tx)

    async def _touch(self, keys: Sequence[str], *, tx: Transaction) -> None:
        moved = {"$inc": {"moves": 1}}
        writes = [UpdateOne({"_id": key}, moved, upsert=True) for key in keys]
        try:
            await self._column_locks.bulk(writes, tx=tx)
        except DuplicateKey as made:
            raise Retry from made
