"""An operation as services have them: it makes a thing, once for each request id."""

from datetime import datetime

from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexuskit.ids import new_id
from plexuskit.mongo import Database, Transaction
from plexuskit.request_ids import Request, Requests


class Things:
    """A service that makes things."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.requests = Requests(db)
        self.things = db.collection("things", schema_version=1)

    async def provision(self) -> None:
        await self.requests.ensure_indexes()
        await self.things.ensure_indexes([])

    async def make(
        self, name: str, *, request_id: str, person_id: str = "per_ann", now: datetime
    ) -> str:
        """Return the id of what this request made."""
        asked = pb.CreateTaskRequest(request_id=request_id, title=name)
        request = Request.of(asked, tenant_id="ten_a", person_id=person_id)
        thing_id = new_id("thg", now=now)

        async def work(tx: Transaction) -> str:
            if answered := await self.requests.answer(request, now=now, tx=tx):
                made: str = answered["id"]
                return made
            await self.requests.record(request, {"id": thing_id}, now=now, tx=tx)
            await self.things.insert({"_id": thing_id, "name": name}, tx=tx)
            return thing_id

        return await self._db.transact(work, attempts=60)
