"""The history begins with the current state, loaded from the owners once."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from audit import events
from audit.consumers import Owners, beginning
from audit.operations import remember
from audit.queries.past import load_state
from audit.store import Store
from plexus.authz.v1.authority_pb2 import Relation, SnapshotRequest, SnapshotResponse
from plexus_access.engine import Ask, Engine
from plexus_access.objects import Object
from plexus_testkit.wait import eventually
from plexuskit.errors import DependencyDown
from plexuskit.runtime import Runtime

TENANT = "ten_a"


class Authority:
    """Minimal owner; unavailable for its first responses if configured."""

    def __init__(self, *frames: SnapshotResponse, away: int = 0) -> None:
        self._frames = frames
        self._away = away
        self.asked: list[SnapshotRequest] = []

    async def Snapshot(  # noqa: N802 - the contract's
        self, request: SnapshotRequest
    ) -> AsyncIterator[SnapshotResponse]:
        self.asked.append(request)
        if len(self.asked) <= self._away:
            raise DependencyDown(dependency="owner")
        for frame in self._frames:
            if not request.topics or any(
                request.topics[0].split(".")[1] in fact.type.lower() for fact in frame.facts
            ):
                yield frame


def relation(object_: str, name: str, *subjects: str, version: int = 1) -> Relation:
    first, *rest = subjects
    return Relation(
        tenant_id=TENANT, object=object_, relation=name, subject=first, subjects=rest,
        version=version,
    )  # fmt: skip


@pytest.fixture
def owners(facts: Any) -> Callable[..., Owners]:
    def made(*, away: int = 0) -> Owners:
        people: list[Any] = [facts.person(each, version=3) for each in ("per_ann", "per_bo")]
        return Owners(
            directory=Authority(SnapshotResponse(facts=people), away=away),  # type: ignore[arg-type]
            messaging=Authority(  # type: ignore[arg-type]
                SnapshotResponse(
                    relations=[
                        relation("conversation:cnv_1", "member", "person:per_ann"),
                        relation("conversation:cnv_1", "member", "person:per_bo", version=6),
                    ]
                )
            ),
            tasks=Authority(  # type: ignore[arg-type]
                # The relations of one project, divided between two frames.
                SnapshotResponse(relations=[relation("project:prj_1", "member", "person:per_ann")]),
                SnapshotResponse(
                    relations=[
                        relation("project:prj_1", "member", "person:per_bo"),
                        relation("task:tsk_1", "project", "project:prj_1"),
                    ]
                ),
            ),
        )

    return made


async def begun(store: Store, owners: Owners, runtime: Runtime) -> None:
    async with beginning(store, owners, runtime=runtime):
        await eventually(store.history.begins_at, within=30)


async def may(
    store: Store, runtime: Runtime, person: str, permission: str, object_: Object
) -> bool:
    now = runtime.clock.now()
    state = await load_state(store, tenant_id=TENANT, people=[person], object_=object_, at=now)
    ask = Ask(person_id=person, permission=permission, object=object_)
    return Engine(state).decide(ask, now=now).allowed


async def test_what_was_so_before_decides_after_the_owners_were_asked(
    store: Store, owners: Callable[..., Owners], runtime: Runtime
) -> None:
    asked = owners()
    await begun(store, asked, runtime)

    for person in ("per_ann", "per_bo"):
        assert await may(store, runtime, person, "messages.read", Object("conversation", "cnv_1"))
        assert await may(store, runtime, person, "tasks.read", Object("task", "tsk_1"))
    assert not await may(store, runtime, "per_cy", "tasks.read", Object("task", "tsk_1"))

    await begun(store, again := owners(), runtime)
    assert again.directory.asked == []  # type: ignore[attr-defined]


async def test_an_owner_that_is_away_is_asked_again(
    store: Store, owners: Callable[..., Owners], runtime: Runtime
) -> None:
    asked = owners(away=1)
    await begun(store, asked, runtime)

    assert len(asked.directory.asked) == 5  # type: ignore[attr-defined]
    assert await may(store, runtime, "per_bo", "people.read", Object("person", "per_ann"))


async def test_facts_that_came_first_keep_their_time(
    store: Store, owners: Callable[..., Owners], runtime: Runtime, facts: Any
) -> None:
    left = facts.left("cnv_1", ["per_bo"], version=7, hours=7)
    told = events.parse_fact(left)
    assert told is not None
    await remember(store, states=told.states)

    await begun(store, owners(), runtime)

    room = Object("conversation", "cnv_1")
    assert await may(store, runtime, "per_ann", "messages.read", room)
    assert not await may(store, runtime, "per_bo", "messages.read", room)
