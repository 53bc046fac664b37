"""Request ids on a real mongod: one effect, one answer, whatever happens in between (GW-6)."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from plexus.directory.v1 import directory_service_pb2 as directory_pb
from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexuskit.errors import InvalidArgument
from plexuskit.fault import VARIABLE
from plexuskit.mongo import Database, Transaction
from plexuskit.request_ids import KEPT_FOR, Request, RequestIdReused, Requests

from .request_ids_support import Things

CHILD = Path(__file__).parent / "request_ids_child.py"
# Ahead of the server's clock: what expires is not deleted while a test looks at it.
NOW = datetime(2036, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
async def things(db: Database) -> Things:
    made = Things(db)
    await made.provision()
    return made


def recognised(message: Any, *, person_id: str = "per_ann") -> Request:
    request = Request.of(message, tenant_id="ten_a", person_id=person_id)
    assert request is not None
    return request


async def test_gw_06_a_repeat_gets_the_same_answer_and_has_no_effect(things: Things) -> None:
    first = await things.make("desk", request_id="r1", now=NOW)

    assert await things.make("desk", request_id="r1", now=NOW + timedelta(days=6)) == first
    assert await things.things.count({}) == 1


async def test_gw_06_twenty_copies_at_once_have_one_effect_and_one_answer(things: Things) -> None:
    copies = (things.make("desk", request_id="r1", now=NOW) for _ in range(20))

    assert len(set(await asyncio.gather(*copies))) == 1
    assert await things.things.count({}) == 1


async def test_gw_06_another_request_with_the_id_is_refused_by_content_and_by_type(
    things: Things,
) -> None:
    await things.make("desk", request_id="r1", now=NOW)

    with pytest.raises(RequestIdReused) as refused:
        await things.make("chair", request_id="r1", now=NOW)
    assert refused.value.metadata == {"request_id": "r1"}
    for other in (pb.CreateProjectRequest(request_id="r1"), pb.CreateTaskRequest(request_id="r1")):
        with pytest.raises(RequestIdReused):
            await things.requests.answer(recognised(other), now=NOW)
    assert await things.things.count({}) == 1


async def test_gw_06_ids_are_of_one_person(things: Things) -> None:
    first = await things.make("desk", request_id="r1", now=NOW)

    assert await things.make("chair", request_id="r1", person_id="per_bo", now=NOW) != first


async def test_gw_06_after_seven_days_an_id_is_new_though_its_record_is_still_there(
    things: Things,
) -> None:
    first = await things.make("desk", request_id="r1", now=NOW)

    second = await things.make("chair", request_id="r1", now=NOW + KEPT_FOR)

    assert second != first
    assert await things.make("chair", request_id="r1", now=NOW + KEPT_FOR) == second


async def test_gw_06_a_change_that_fails_leaves_no_record(things: Things, db: Database) -> None:
    request = recognised(pb.CreateTaskRequest(request_id="r1", title="desk"))

    async def failing(tx: Transaction) -> None:
        await things.requests.record(request, {"id": "thg_1"}, now=NOW, tx=tx)
        raise InvalidArgument(field="title", problem="is wrong")

    with pytest.raises(InvalidArgument):
        await db.transact(failing)
    assert await things.requests.answer(request, now=NOW) is None


async def test_gw_06_a_process_killed_before_it_answers_has_answered_the_repeat(
    things: Things, db: Database, mongo_url: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(CHILD), mongo_url, db.name),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, VARIABLE: "transaction.after_commit:kill@1"},
    )
    async with asyncio.timeout(60):
        printed, _ = await process.communicate()
    assert (process.returncode, printed) == (-signal.SIGKILL, b"")
    (made,) = await things.things.find_all({})

    again = await things.make("desk", request_id="r1", now=datetime.now(UTC))

    assert again == made["_id"]
    assert await things.things.count({}) == 1


def test_gw_06_a_request_without_an_id_is_none_and_one_that_is_too_long_is_refused() -> None:
    assert Request.of(pb.CreateTaskRequest(title="x"), tenant_id="t", person_id="p") is None
    recognised(pb.CreateTaskRequest(request_id="x" * 128))
    for wrong in ("x" * 129, "a\nb", "a\u2028b"):
        with pytest.raises(InvalidArgument):
            recognised(pb.CreateTaskRequest(request_id=wrong))


def test_gw_06_a_password_is_in_no_hash_and_every_other_field_is() -> None:
    asked = {"request_id": "r1", "handle": "li", "display_name": "李"}
    one = recognised(directory_pb.CreatePersonRequest(**asked, password="correct horse"))
    other = recognised(directory_pb.CreatePersonRequest(**asked, password="battery staple"))
    assert one.content_hash == other.content_hash
    assert "correct horse" not in repr(one)

    asked["display_name"] = "王"
    changed = recognised(directory_pb.CreatePersonRequest(**asked, password="correct horse"))
    assert changed.content_hash != one.content_hash


async def test_an_answer_without_an_id_is_a_mistake(db: Database) -> None:
    async def work(tx: Transaction) -> None:
        await Requests(db).record(None, {}, now=NOW, tx=tx)

    with pytest.raises(ValueError, match="at least one id"):
        await db.transact(work)
