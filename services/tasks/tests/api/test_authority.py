from collections.abc import Callable
from typing import Any

from plexus.authz.v1 import authority_pb2 as pb
from plexus.tasks.v1 import tasks_service_pb2 as tasks_pb

SignedIn = Callable[..., Any]


async def test_src_01_containers_come_once_per_version(authority: Any, signed_in: SignedIn) -> None:
    ann = signed_in("ann")
    request = tasks_pb.CreateProjectRequest(name="Move", member_ids=["per_bo"])
    project = (await ann.CreateProject(request)).project
    asked = {"tenant_id": "ten_a", "person_id": "per_bo"}

    first = await authority.ReadableContainers(pb.ReadableContainersRequest(**asked))
    again = await authority.ReadableContainers(
        pb.ReadableContainersRequest(**asked, known_version=first.version)
    )
    await ann.CreateProject(request)
    changed = await authority.ReadableContainers(
        pb.ReadableContainersRequest(**asked, known_version=first.version)
    )

    assert [(container.kind, container.id) for container in first.containers] == [
        ("project", project.id),
        ("task-participant", "per_bo"),
    ]
    assert again.unchanged
    assert not again.containers
    assert not changed.unchanged
    assert len(changed.containers) == 3


async def test_src_02_an_assignment_withdrawn_is_gone_at_the_next_recheck(
    authority: Any, signed_in: SignedIn
) -> None:
    ann = signed_in("ann")
    task = (
        await ann.CreateTask(
            tasks_pb.CreateTaskRequest(title="Order desks", assignee_ids=["per_bo"])
        )
    ).task
    request = pb.RecheckRequest(
        tenant_id="ten_a",
        person_id="per_bo",
        refs=[pb.ObjectRef(kind="task", id=task.id), pb.ObjectRef(kind="task", id="tsk_absent")],
    )

    before = await authority.Recheck(request)
    await ann.AssignTask(tasks_pb.AssignTaskRequest(task_id=task.id))
    after = await authority.Recheck(request)

    hidden = (False, 0)
    answers = [(verdict.readable, verdict.version) for verdict in before.verdicts]
    assert answers == [(True, 1), hidden]
    answers = [(verdict.readable, verdict.version) for verdict in after.verdicts]
    assert answers == [hidden, hidden]


async def test_a_snapshot_streams_relations_of_one_tenant(
    authority: Any, signed_in: SignedIn
) -> None:
    people = [f"per_{number}" for number in range(600)]
    request = tasks_pb.CreateProjectRequest(name="Large", member_ids=people)
    project = (await signed_in("ann").CreateProject(request)).project
    await signed_in("eve", tenant="ten_b").CreateProject(request)

    messages = [m async for m in authority.Snapshot(pb.SnapshotRequest(tenant_id="ten_a"))]

    relations = [relation for message in messages for relation in message.relations]
    assert [len(message.relations) for message in messages] == [500, 101]
    assert {relation.object for relation in relations} == {f"project:{project.id}"}
    assert {relation.relation for relation in relations} == {"member"}
    assert {relation.subject for relation in relations} == {
        f"person:{person_id}" for person_id in ("per_ann", *people)
    }
