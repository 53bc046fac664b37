"""Consumer groups, one for each searchable kind."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from plexuskit.config import KafkaSection
from plexuskit.ids import new_id
from plexuskit.kafka import Handler, Owners, Probe, Record, Subscription, consumer, subscription
from plexuskit.service import Runtime

from search import operations
from search.domain.definitions import Definition, Reader
from search.domain.types import DocumentType
from search.kinds import KINDS
from search.operations import Marks
from search.store import Store


def declared(definition: Definition) -> Subscription:
    """Declare the handler of a kind: it takes every fact of its topics, and notes how far it is."""
    return subscription(definition.group).read_by(definition.read)


SUBSCRIPTIONS: Final = tuple(declared(definition) for definition in KINDS.definitions)


@asynccontextmanager
async def consuming(
    store: Store, kafka: KafkaSection, runtime: Runtime, *, owners: Owners
) -> AsyncIterator[None]:
    """Index facts, for the duration of the block; `owners` have facts that topics leave out."""
    instance = new_id("idx", now=runtime.clock.now())
    async with AsyncExitStack() as stack:
        for definition in store.kinds.definitions:
            group = definition.group
            marks = Marks(now=runtime.clock.now())
            handle = _handler(store, read=definition.read, marks=marks, runtime=runtime)
            reporting = partial(
                operations.report_progress,
                store,
                kafka,
                consumer=group,
                instance=instance,
                marks=marks,
                runtime=runtime,
            )
            await stack.enter_async_context(runtime.kept(f"progress.{group.group}", reporting))
            await stack.enter_async_context(
                consumer(
                    kafka,
                    declared(definition).of(handle),
                    probe=_probe(store, definition.type, runtime=runtime),
                    runtime=runtime,
                    owners=owners,
                )
            )
        yield


def _probe(store: Store, type_: DocumentType, *, runtime: Runtime) -> Probe:
    async def probe() -> None:
        await store.probe(type_, now=runtime.clock.now())

    return probe


def _handler(store: Store, *, read: Reader, marks: Marks, runtime: Runtime) -> Handler:
    async def handle(records: Sequence[Record]) -> None:
        await operations.index_records(
            store, records=records, read=read, marks=marks, now=runtime.clock.now()
        )

    return handle
