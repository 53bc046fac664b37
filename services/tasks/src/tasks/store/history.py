"""The history of tasks in MongoDB: written with the change, never changed."""

from collections.abc import Sequence
from typing import Any

from plexuskit.mongo import ASCENDING, Database, Index, Transaction

from tasks.domain.history import Change
from tasks.domain.identity import TaskId, TenantId
from tasks.store.documents import HISTORY_SCHEMA, change_document, change_of


class HistoryStore:
    """Collection `history`: one document per changed field and version."""

    def __init__(self, db: Database) -> None:
        self._history = db.collection("history", schema_version=HISTORY_SCHEMA)

    async def ensure_indexes(self) -> None:
        """Create the indexes of these queries."""
        keys = [("task_id", ASCENDING), ("version", ASCENDING), ("ordinal", ASCENDING)]
        await self._history.ensure_indexes([Index(keys=keys, unique=True, name="of_task")])

    async def add(self, changes: Sequence[Change], *, tenant_id: TenantId, tx: Transaction) -> None:
        """Store the changes of one version or of several tasks' versions."""
        ordinals: dict[tuple[str, int], int] = {}
        documents = []
        for change in changes:
            entity = (change.task_id, change.version)
            ordinal = ordinals.get(entity, 0)
            ordinals[entity] = ordinal + 1
            documents.append(change_document(change, tenant_id=tenant_id, ordinal=ordinal))
        await self._history.insert_many(documents, tx=tx)

    async def page(
        self, task_id: TaskId, *, after: tuple[int, int] | None, limit: int
    ) -> list[tuple[Change, int]]:
        """Return changes of a task with their ordinals, oldest first.

        `after` is version and ordinal of the change after which to continue.
        """
        wanted: dict[str, Any] = {"task_id": task_id}
        if after is not None:
            version, ordinal = after
            wanted["version"] = {"$gte": version}
            wanted["$or"] = [
                {"version": {"$gt": version}},
                {"version": version, "ordinal": {"$gt": ordinal}},
            ]
        documents = await self._history.find_all(
            wanted, sort=[("version", ASCENDING), ("ordinal", ASCENDING)], limit=limit
        )
        return [(change_of(document), document["ordinal"]) for document in documents]
