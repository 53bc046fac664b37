"""Projects in MongoDB."""

from collections.abc import AsyncIterator, Sequence

from plexuskit.mongo import ASCENDING, DESCENDING, Database, Index, Transaction

from tasks.domain.identity import Actor, ProjectId, TenantId
from tasks.domain.projects import Project
from tasks.store.documents import PROJECT_SCHEMA, Document, project_document, project_of


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
            ]
        )

    async def add(self, project: Project, *, tx: Transaction) -> None:
        """Store a new project."""
        await self._projects.insert(project_document(project), tx=tx)

    async def get(
        self, project_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Project | None:
        """Return a project of the tenant."""
        document = await self._projects.find_one({"_id": project_id, "tenant_id": tenant_id}, tx=tx)
        return project_of(document) if document else None

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
        return [project_of(document) for document in documents]

    async def count(self, *, tenant_id: TenantId) -> int:
        """Count the projects of a tenant."""
        return await self._projects.count({"tenant_id": tenant_id})

    async def everyone(self, *, tenant_id: str) -> AsyncIterator[Project]:
        """Yield every project, of one tenant or with an empty id of all."""
        wanted = {"tenant_id": tenant_id} if tenant_id else {}
        async for document in self._projects.find(wanted):
            yield project_of(document)


def _of_member(actor: Actor) -> Document:
    return {"tenant_id": actor.tenant_id, "member_ids": actor.person_id}
