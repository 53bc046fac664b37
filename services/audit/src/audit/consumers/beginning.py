"""The owners' snapshots, requested until the history has begun."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog
from plexus.authz.v1.authority_pb2 import SnapshotRequest
from plexus.topics import (
    DIRECTORY_ACCESS_V1,
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_GROUP_V1,
    DIRECTORY_PERSON_V1,
    Topic,
)
from plexuskit.backoff import pause
from plexuskit.errors import Refusal
from plexuskit.grpc import RemoteFailure
from plexuskit.health import describe
from plexuskit.kafka import Handler, InvalidRecord, Record
from plexuskit.runtime import Runtime
from plexuskit.snapshot import load_snapshot

from audit import events, operations
from audit.domain.history import State
from audit.operations.beginning import Frames, Sources
from audit.store import Store

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub

log = structlog.get_logger()

CHECK: Final = "history"
TOPICS: Final[Sequence[Topic]] = (
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_PERSON_V1,
    DIRECTORY_GROUP_V1,
    DIRECTORY_ACCESS_V1,
)
_BACK_OFF: Final = (0.5, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """The Authority of each owner."""

    directory: "AuthorityAsyncStub"
    messaging: "AuthorityAsyncStub"
    tasks: "AuthorityAsyncStub"


@asynccontextmanager
async def beginning(store: Store, owners: Owners, *, runtime: Runtime) -> AsyncIterator[None]:
    """Load the current state beside the block, and retry after failures until it is loaded.

    The check `history` shows whether it is, and is not required: facts are recorded without it.
    """
    async with runtime.background(CHECK, _keep_trying(store, owners, runtime=runtime)):
        yield


async def _keep_trying(store: Store, owners: Owners, *, runtime: Runtime) -> None:
    runtime.health.set(CHECK, ok=False, detail="not begun yet", required=False)
    failures = 0
    while True:
        try:
            at = await operations.begin_history(store, _sources(owners), clock=runtime.clock)
        except Exception as error:
            expected = isinstance(error, Refusal | RemoteFailure)
            # For an unexpected error, the first trace of an episode is enough.
            trace = None if expected or failures else error
            log.warning("history.not_begun", error=describe(error), exc_info=trace)
            runtime.health.set(
                CHECK,
                ok=False,
                detail=describe(error),
                required=False,
                remedy="Restore the owners; their snapshots are asked for again by themselves.",
            )
            await asyncio.sleep(pause(failures, _BACK_OFF))
            failures += 1
            continue
        log.info("history.begun", at=at.isoformat())
        runtime.health.set(CHECK, ok=True, detail=f"since {at.isoformat()}", required=False)
        return


def _sources(owners: Owners) -> Sources:
    async def directory(put: Callable[[list[State]], Awaitable[None]]) -> None:
        async def handle(records: Sequence[Record]) -> None:
            await put([state for record in records for state in _current_states(record)])

        handlers: Mapping[Topic, Handler] = dict.fromkeys(TOPICS, handle)
        await load_snapshot(owners.directory, handlers)

    return Sources(
        directory=directory,
        memberships=lambda tenant_id: _relations(owners.messaging, tenant_id),
        work=lambda tenant_id: _relations(owners.tasks, tenant_id),
    )


def _current_states(record: Record) -> list[State]:
    """Read the states in a fact that an owner made for its snapshot."""
    try:
        parsed = events.parse_fact(record.envelope)
    except events.Unreadable as error:
        raise InvalidRecord(record, str(error)) from error
    return [replace(each, exact=False) for each in parsed.states] if parsed else []


async def _relations(authority: "AuthorityAsyncStub", tenant_id: str) -> Frames:
    async for frame in authority.Snapshot(SnapshotRequest(tenant_id=tenant_id)):
        yield frame.relations
