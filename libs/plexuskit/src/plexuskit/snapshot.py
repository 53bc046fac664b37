"""Automatic catch-up of a projection from its owner's snapshot.

Topics keep facts for days; a projection that starts later, was stopped for longer, or covers more
of an entity than before, lacks entities that did not change since. So a projection requests the
latest fact of every entity from the owner's Authority, at each start and once a day, and handles
the responses like records, beside the consumer. Order does not matter: handlers guard by version.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from plexus.authz.v1.authority_pb2 import SnapshotRequest
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import Topic

from plexuskit.backoff import pause
from plexuskit.errors import Refusal
from plexuskit.grpc import RemoteFailure
from plexuskit.health import describe
from plexuskit.kafka import Handler, Record
from plexuskit.runtime import Runtime

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub

log = structlog.get_logger()

EVERY: Final = timedelta(days=1)
_BACK_OFF: Final = (0.5, 30.0)
_NOWHERE: Final = -1


async def load_snapshot(
    authority: "AuthorityAsyncStub", handlers: Mapping[Topic, Handler], *, tenant_id: str = ""
) -> int:
    """Pass the owner's latest facts to the handlers of their topics; return their number.

    Args:
        authority: the owner's.
        handlers: by topic, in the order in which topics are asked for. Each takes a frame at a
            time as records without a place in Kafka.
        tenant_id: the tenant; empty for every tenant.

    Raises:
        Refusal: the owner cannot be reached or refuses; also errors of a handler.
        RemoteFailure: the owner failed, or does not know snapshots of facts yet.
    """
    count = 0
    for topic, handle in handlers.items():
        request = SnapshotRequest(tenant_id=tenant_id, topics=[topic.name])
        async for frame in authority.Snapshot(request):
            if frame.facts:
                await handle(_records(topic, frame.facts))
                count += len(frame.facts)
    return count


@asynccontextmanager
async def snapshots(
    authority: "AuthorityAsyncStub",
    handlers: Mapping[Topic, Handler],
    *,
    owner: str,
    runtime: Runtime,
    every: timedelta = EVERY,
) -> AsyncIterator[None]:
    """Load a snapshot now, again after failures until it is there, and then once in a while.

    The check `snapshot.<owner>` shows whether the last one came, and is not required: a projection
    is of use before it is whole.

    Args:
        authority: the owner's.
        handlers: see load_snapshot.
        owner: name of the service.
        runtime: the process.
        every: time between two snapshots.
    """
    work = _keep_loading(authority, handlers, owner=owner, runtime=runtime, every=every)
    async with runtime.background(f"snapshot.{owner}", work):
        yield


async def _keep_loading(
    authority: "AuthorityAsyncStub",
    handlers: Mapping[Topic, Handler],
    *,
    owner: str,
    runtime: Runtime,
    every: timedelta,
) -> None:
    check, failures = f"snapshot.{owner}", 0
    runtime.health.set(check, ok=False, detail="not loaded yet", required=False)
    while True:
        try:
            count = await load_snapshot(authority, handlers)
        except Exception as error:
            expected = isinstance(error, Refusal | RemoteFailure)
            # For an unexpected error, the first trace of an episode is enough.
            trace = None if expected or failures else error
            log.warning("snapshot.failed", owner=owner, error=describe(error), exc_info=trace)
            runtime.health.set(
                check,
                ok=False,
                detail=describe(error),
                required=False,
                remedy=f"Restore {owner}, or see `snapshot.failed` in this process's log; "
                "the snapshot is asked for again by itself.",
            )
            await asyncio.sleep(pause(failures, _BACK_OFF))
            failures += 1
            continue
        failures = 0
        log.info("snapshot.loaded", owner=owner, facts=count)
        runtime.health.set(check, ok=True, detail=f"{count} facts", required=False)
        await asyncio.sleep(every.total_seconds())


async def _failed(runtime: Runtime, owner: str, detail: str, *, failures: int) -> int:
    """Report that a snapshot failed, wait for the next try, and return the number of failures."""
    runtime.health.set(
        f"snapshot.{owner}",
        ok=False,
        detail=detail,
        required=False,
        remedy=f"Restore {owner}; the snapshot is asked for again by itself.",
    )
    await asyncio.sleep(pause(failures, _BACK_OFF))
    return failures + 1


def _records(topic: Topic, facts: Sequence[Envelope]) -> list[Record]:
    return [
        Record(
            topic=topic.name,
            partition=_NOWHERE,
            offset=_NOWHERE,
            key=fact.scope,
            value=fact.SerializeToString(),
        )
        for fact in facts
    ]
