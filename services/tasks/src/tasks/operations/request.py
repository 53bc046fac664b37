"""A request is carried out once, however often it comes (GW-6)."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from plexuskit.mongo import Transaction

from tasks.domain import inputs
from tasks.domain.identity import Actor
from tasks.domain.projects import Project
from tasks.domain.refusals import RequestIdReused
from tasks.domain.task import Task
from tasks.store import Store

AnswerT = TypeVar("AnswerT", Task, Project)
Content = dict[str, str | int | bool | list[str] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Request of a client: its own id (empty: none), the verb, and all arguments."""

    id: str
    verb: str
    content: Content

    def digest(self) -> bytes:
        """Return a digest that is equal exactly for requests with the same content."""
        text = json.dumps([self.verb, self.content], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).digest()


async def once(
    store: Store,
    work: Callable[[Transaction], Awaitable[AnswerT]],
    *,
    actor: Actor,
    request: Request,
    answer_type: type[AnswerT],
    now: datetime,
) -> AnswerT:
    """Run the work in a transaction, unless this request was answered in the last 7 days.

    Returns: the result of the work, now or the first time.

    Refusals: those of the work; RequestIdReused; InvalidArgument.
    """
    request_id = inputs.request_id(request.id)
    if not request_id:
        return await store.transact(work)
    digest = request.digest()

    async def recorded(tx: Transaction) -> AnswerT:
        earlier = await store.requests.answered(
            request_id, actor=actor, digest=digest, now=now, tx=tx
        )
        if isinstance(earlier, answer_type):
            return earlier
        if earlier is not None:
            raise RequestIdReused(request_id=request_id)

        answer = await work(tx)
        await store.requests.record(
            request_id, actor=actor, digest=digest, answer=answer, now=now, tx=tx
        )
        return answer

    return await store.transact(recorded)
