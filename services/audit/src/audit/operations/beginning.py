"""Start of the history: the current state, loaded from the owners once."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from plexus.authz.v1.authority_pb2 import Relation as RelationMessage
from plexuskit.clock import Clock

from audit.domain.history import Relation, State
from audit.operations.remembering import remember
from audit.store import Store

BATCH: Final = 500
_CONVERSATION: Final = "conversation:"

Frames = AsyncIterator[Iterable[RelationMessage]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The owners' snapshots.

    Attributes:
        directory: passes the current states of people and their grants, of every tenant, to the
            given function.
        memberships: relations of a tenant, with the version of each single membership.
        work: relations of a tenant, with the version of the object, those of an object together.
    """

    directory: Callable[[Callable[[list[State]], Awaitable[None]]], Awaitable[None]]
    memberships: Callable[[str], Frames]
    work: Callable[[str], Frames]


async def begin_history(store: Store, sources: Sources, *, clock: Clock) -> datetime:
    """Load the current state unless that was done before; return when the history begins.

    Facts consumed meanwhile make no difference: a version in both has the fact's time.

    Raises:
        Refusal: an owner or the store cannot be reached; nothing is lost, and it can be repeated.
        RemoteFailure: an owner failed.
    """
    begun = await store.history.begins_at()
    if begun is not None:
        return begun
    at = clock.now()

    async def put(states: list[State]) -> None:
        await remember(store, states=states)

    await sources.directory(put)
    for tenant_id in await store.history.tenants():
        async for frame in sources.memberships(tenant_id):
            await put(list(relation_states(frame, tenant_id=tenant_id, at=at)))
        async for frame in _by_object(sources.work(tenant_id)):
            await put(list(relation_states(frame, tenant_id=tenant_id, at=at)))
    now = clock.now()
    await store.history.begin(now)
    return now


def relation_states(
    relations: Iterable[RelationMessage], *, tenant_id: str, at: datetime
) -> Iterator[State]:
    """Read the states of parts out of relations, those of one object together.

    A membership of a conversation is a part of its own; a project or a task is one as a whole.
    """
    for object_, group in groupby(relations, key=lambda each: each.object):
        alone = object_.startswith(_CONVERSATION)
        parts: dict[str, tuple[int, set[Relation]]] = {}
        for each in group:
            for subject in (*each.subjects, *((each.subject,) if each.subject else ())):
                part = f"{object_}/{subject}" if alone else object_
                _, found = parts.setdefault(part, (max(each.version, 1), set()))
                found.add(Relation(object_, each.relation, subject))
        for part, (version, found) in parts.items():
            yield State(
                tenant_id=tenant_id,
                part=part,
                version=version,
                at=at,
                relations=frozenset(found),
                exact=False,
            )


async def _by_object(frames: Frames) -> Frames:
    """Yield relations so that those of one object come together, however frames divide them."""
    kept: list[RelationMessage] = []
    async for frame in frames:
        for relation in frame:
            if len(kept) >= BATCH and kept[-1].object != relation.object:
                yield kept
                kept = []
            kept.append(relation)
    if kept:
        yield kept
