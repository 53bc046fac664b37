"""Request records of 0.2.0 are honoured until they expire."""

from datetime import datetime, timedelta

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.tasks.v1 import tasks_pb2
from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexuskit.mongo import Database
from plexuskit.request_ids import Request, RequestIdReused
from tasks import operations
from tasks.domain.identity import Actor
from tasks.domain.projects import Project
from tasks.store import Store

from ..requests_support import identified

AT = Timestamp()
AT.FromJsonString("2026-03-02T09:30:00Z")

# Requests, and the hashes that 0.2.0 stored of them.
HASHES = [
    (
        pb.CreateProjectRequest(name="搬家", member_ids=["per_bo"]),
        "382aa7741f55480b34b2befdd6f22185f37a874eb5275b6e7ba827b9f13cdbc8",
    ),
    (
        pb.CreateTaskRequest(
            project_id="prj_1",
            title="桌子",
            description="d",
            priority=tasks_pb2.TASK_PRIORITY_HIGH,
            owner_id="per_bo",
            assignee_ids=["per_cy"],
            due=tasks_pb2.Due(date="2026-03-02"),
        ),
        "f3120f47ddf19d75cb6ab956d6ea105d208698fb93996f3ce37f37d17bc627cf",
    ),
    (
        pb.CreateTaskRequest(title="t"),
        "1aea5020c307e10ce30f4a7658e3e249063410bf9bc2217e0787c01285161c10",
    ),
    (
        pb.UpdateTaskRequest(
            task_id="tsk_1", expected_version=3, title="t", due=tasks_pb2.Due(at=AT)
        ),
        "75eb5a67ff14900de0dac5b910e6467be3d9a8b95287285ba2555c47f42b72cf",
    ),
    (
        pb.AssignTaskRequest(task_id="tsk_1", assignee_ids=["per_bo", "per_cy"]),
        "fb80817785dc7b746b90ef2c2274e5f2efdec68e529537930a3a1d103463b0c0",
    ),
    (
        pb.MoveTaskRequest(
            task_id="tsk_1",
            expected_version=2,
            state=tasks_pb2.Task.STATE_DOING,
            column_id="c",
            after_task_id="tsk_2",
        ),
        "4619b35e238abd7e911b45cf46b969093270ade0747191868ad70239e1a2a80d",
    ),
]


async def record(db: Database, digest: str, answer: dict[str, object], now: datetime) -> None:
    await db.collection("requests", schema_version=1).insert(
        {
            "_id": "ten_a/per_ann/r1",
            "tenant_id": "ten_a",
            "digest": bytes.fromhex(digest),
            "answer": answer,
            "expires_at": now + timedelta(days=7),
        }
    )


def with_id(message: Message, ann: Actor) -> Request:
    asked = type(message)(request_id="r1")
    asked.MergeFrom(message)
    request = identified(asked, ann)
    assert request
    return request


@pytest.mark.parametrize(("message", "digest"), HASHES)
async def test_gw_06_a_repeat_after_an_upgrade_is_recognised(
    store: Store, db: Database, ann: Actor, now: datetime, message: Message, digest: str
) -> None:
    await record(db, digest, {"task": {"_id": "tsk_old", "title": "t"}}, now)

    answer = await store.requests.answer(with_id(message, ann), now=now)

    assert answer == {"id": "tsk_old"}
    with pytest.raises(RequestIdReused):
        await store.requests.answer(with_id(pb.CreateTaskRequest(title="other"), ann), now=now)


async def test_gw_06_a_project_made_before_an_upgrade_is_made_once(
    store: Store, db: Database, ann: Actor, project: Project, now: datetime
) -> None:
    message, digest = HASHES[0]
    await record(db, digest, {"project": {"_id": project.id, "name": project.name}}, now)

    again = await operations.create_project(
        store,
        actor=ann,
        name="搬家",
        goal="",
        member_ids=["per_bo"],
        request=with_id(message, ann),
        now=now,
    )

    assert again == project
