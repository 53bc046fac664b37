"""Projects in MongoDB."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from plexuskit.mongo import (
    ASCENDING,
    DESCENDING,
    Database,
    Document,
    Index,
    ReplaceOne,
    Retry,
    Transaction,
)

from tasks.domain.identity import Actor, ProjectId, TenantId
from tasks.domain.projects import Project
from tasks.store.documents import PROJECT_SCHEMA, PROJECTS

_SUMMARY: Final = {"goal": 0, "member_ids": 0, "columns": 0}


class ProjectStore:
    """Collection `projects`."""

    def __init__(self, db: Database) -> None:
        self._projects = db.collection("projects", schema_version=PROJECT_SCHEMA)

    async def ensure_indexes(self) -> None:
        """Create the indexes of these queries."""
        await self._projects.ensure_indexes(
            [
                Index(
                    keys=[("tenant_id", ASCENDING), ("member_ids", ASCENDING), ("_id", DESCENDING)],
                    name="of_member",
                ),
                Index(
                    keys=[("tenant_id", ASCENDING), ("owner_id", ASCENDING), ("_id", ASCENDING)],
                    name="of_owner",
                ),
            ]
        )

    async def add(self, project: Project, *, tx: Transaction) -> None:
        """Store a new project."""
        await self._projects.insert(PROJECTS.to_document(project), tx=tx)

    async def save(self, *projects: Project, tx: Transaction) -> None:
        """Store the next version of projects.

        Raises:
            Retry: one is no longer in the version before.
        """
        writes = [
            ReplaceOne({"_id": each.id, "version": each.version - 1}, PROJECTS.to_document(each))
            for each in projects
        ]
        outcome = await self._projects.bulk(writes, ordered=True, tx=tx)
        if outcome.matched != len(projects):
            raise Retry

    async def get_many(
        self, project_ids: Sequence[str], *, tenant_id: TenantId, tx: Transaction
    ) -> dict[ProjectId, Project]:
        """Return those that exist of some projects, by id."""
        documents = await self._projects.find_all(
            {"tenant_id": tenant_id, "_id": {"$in": list(project_ids)}}, tx=tx
        )
        return {
            ProjectId(document["_id"]): PROJECTS.from_document(document) for document in documents
        }

    async def open_of_owner(
        self,
        person_id: str,
        *,
        tenant_id: TenantId,
        whole: bool = False,
        limit: int,
        tx: Transaction | None = None,
    ) -> list[Project]:
        """Return projects that a person owns and that are not closed, oldest first.

        Args:
            person_id: the owner.
            tenant_id: of the person.
            whole: with goal, members and columns, to be changed.
            limit: how many.
            tx: the transaction in which they are changed.
        """
        documents = await self._projects.find_all(
            {"tenant_id": tenant_id, "owner_id": person_id, "closed": {"$ne": True}},
            projection=None if whole else _SUMMARY,
            sort=[("_id", ASCENDING)],
            limit=limit,
            hint="of_owner",
            tx=tx,
        )
        return [PROJECTS.from_document(document) for document in documents]

    async def get(
        self, project_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Project | None:
        """Return a project of the tenant."""
        document = await self._projects.find_one({"_id": project_id, "tenant_id": tenant_id}, tx=tx)
        return PROJECTS.from_document(document) if document else None

    async def ids_of_member(self, actor: Actor) -> list[ProjectId]:
        """Return the ids of all projects of a person, newest first."""
        documents = await self._projects.find_all(
            _of_member(actor), projection={"_id": 1}, sort=[("_id", DESCENDING)]
        )
        return [ProjectId(document["_id"]) for document in documents]

    async def of_member_among(
        self, actor: Actor, project_ids: Sequence[str]
    ) -> dict[ProjectId, int]:
        """Return which of these projects the person is a member of, with their versions."""
        documents = await self._projects.find_all(
            {"_id": {"$in": list(project_ids)}, **_of_member(actor)}, projection={"version": 1}
        )
        return {ProjectId(document["_id"]): document["version"] for document in documents}

    async def page_of_member(
        self, actor: Actor, *, before: str | None, limit: int
    ) -> list[Project]:
        """Return projects of a person, newest first, from the one after `before` on."""
        wanted: Document = _of_member(actor)
        if before is not None:
            wanted["_id"] = {"$lt": before}
        documents = await self._projects.find_all(wanted, sort=[("_id", DESCENDING)], limit=limit)
        return [PROJECTS.from_document(document) for document in documents]

    async def count(self, *, tenant_id: TenantId) -> int:
        """Count the projects of a tenant."""
        return await self._projects.count({"tenant_id": tenant_id})

    async def everyone(self, *, tenant_id: str) -> AsyncIterator[Project]:
        """Yield every project, of one tenant or with an empty id of all."""
        wanted = {"tenant_id": tenant_id} if tenant_id else {}
        async for document in self._projects.find(wanted):
            yield PROJECTS.from_document(document)


def _of_member(actor: Actor) -> Document:
    return {"tenant_id": actor.tenant_id, "member_ids": actor.person_id}
