"""The consumer groups: which facts become which documents."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from plexus.topics import SEARCH_MESSAGES, SEARCH_PEOPLE, SEARCH_TASKS, Consumer
from plexuskit.config import KafkaSection
from plexuskit.ids import new_id
from plexuskit.kafka import Handler, Record, consumer
from plexuskit.service import Runtime

from search import events, operations
from search.operations import Marks
from search.store import Store

READERS: Final[Sequence[tuple[Consumer, events.Reader]]] = (
    (SEARCH_MESSAGES, events.message_document),
    (SEARCH_TASKS, events.task_document),
    (SEARCH_PEOPLE, events.person_document),
)


@asynccontextmanager
async def consuming(store: Store, kafka: KafkaSection, runtime: Runtime) -> AsyncIterator[None]:
    """Index what happens, for the time of the block."""
    instance = new_id("idx", now=runtime.clock.now())
    async with AsyncExitStack() as stack:
        for group, read in READERS:
            marks = Marks(now=runtime.clock.now())
            handle = _handler(store, read=read, marks=marks, runtime=runtime)
            telling = operations.tell_progress(
                store, kafka, consumer=group, instance=instance, marks=marks, runtime=runtime
            )
            await stack.enter_async_context(runtime.background(f"progress.{group.group}", telling))
            await stack.enter_async_context(consumer(kafka, group, handle, runtime=runtime))
        yield


def _handler(store: Store, *, read: events.Reader, marks: Marks, runtime: Runtime) -> Handler:
    async def handle(records: Sequence[Record]) -> None:
        await operations.index_records(
            store, records=records, read=read, marks=marks, now=runtime.clock.now()
        )

    return handle
