"""AccessHistoryService over real gRPC: explanations and viewers, now and at a time."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import grpc
import pytest
from audit.store import Store
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.audit.v1 import access_service_pb2 as pb
from plexus.audit.v1.access_service_pb2_grpc import AccessHistoryServiceStub
from plexuskit.grpc import open_channel, refused

ROOM = "conversation:cnv_1"


def stamp(at: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at)
    return made


@pytest.fixture
async def company(tell: Callable[..., Any], facts: Any, store: Store) -> None:
    """Ann administers, Bo and Cy talk until Cy is removed at four o'clock."""
    await tell(
        facts.person("per_ann", roles=["admin", "member"]),
        facts.person("per_bo"),
        facts.person("per_cy"),
        facts.conversation("cnv_1", ["per_bo", "per_cy"], hours=1),
        facts.left("cnv_1", ["per_cy"], version=4, hours=4),
    )
    await store.history.begin(facts.at(0))


@pytest.fixture
async def access(
    target: str,
    company: None,  # noqa: ARG001 - the caller must be known
    token: Callable[..., Any],
) -> AsyncIterator[Callable[..., Any]]:
    """Call the service as a person: `await access("ann", "WhoCanSee", request)`."""
    async with open_channel(target) as opened:
        stub = AccessHistoryServiceStub(opened)

        async def call(name: str, method: str, request: Any, **more: Any) -> Any:
            return await getattr(stub, method)(request, metadata=token(name, **more), timeout=10)

        yield call


async def reason(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    found = refused(error.value)
    return found.reason, found.message()


async def test_gw_03_who_could_see_a_conversation_before_and_after_a_removal(
    access: Callable[..., Any], facts: Any
) -> None:
    before = await access(
        "ann", "WhoCanSee", pb.WhoCanSeeRequest(object=ROOM, at=stamp(facts.at(3)))
    )
    after = await access("ann", "WhoCanSee", pb.WhoCanSeeRequest(object=ROOM))

    assert [each.person_id for each in before.viewers] == ["per_bo", "per_cy"]
    assert [each.person_id for each in after.viewers] == ["per_bo"]
    assert before.as_of == stamp(facts.at(3))
    assert before.viewers[1].path[0] == f"{ROOM}#member@person:per_cy"
    assert before.viewers[1].rule == "role:member@tenant:ten_a"


async def test_gw_03_why_somebody_could_and_can_no_longer(
    access: Callable[..., Any], facts: Any
) -> None:
    request = pb.ExplainAccessRequest(
        subject="person:per_cy", permission="messages.read", object=ROOM
    )
    now = await access("ann", "ExplainAccess", request)
    request.at.CopyFrom(stamp(facts.at(3)))
    then = await access("ann", "ExplainAccess", request)

    assert (then.allowed, now.allowed) == (True, False)
    relation = next(step for step in then.steps if step.kind == pb.Step.KIND_RELATION)
    assert list(relation.path) == [f"{ROOM}#member@person:per_cy"]
    assert now.steps[-1].kind == pb.Step.KIND_RELATION
    assert "does not belong" in now.summary


async def test_pages_of_viewers_are_of_one_time(access: Callable[..., Any]) -> None:
    first = await access(
        "ann", "WhoCanSee", pb.WhoCanSeeRequest(object="person:per_bo", page_size=2)
    )
    second = await access(
        "ann", "WhoCanSee",
        pb.WhoCanSeeRequest(object="person:per_bo", page_size=2, page_token=first.next_page_token),
    )  # fmt: skip

    assert (first.total, second.total) == (3, 3)
    assert second.as_of == first.as_of
    found = [each.person_id for page in (first, second) for each in page.viewers]
    assert found == ["per_ann", "per_bo", "per_cy"]


async def test_everybody_may_ask_about_themselves_and_only_auditors_about_others(
    access: Callable[..., Any],
) -> None:
    own = pb.ExplainAccessRequest(subject="person:per_bo", permission="messages.read", object=ROOM)
    assert (await access("bo", "ExplainAccess", own)).allowed

    answers = [
        await reason(
            access("bo", "ExplainAccess", pb.ExplainAccessRequest(
                subject=f"person:{who}", permission="messages.read", object=ROOM))
        )
        for who in ("per_cy", "per_no")
    ]  # fmt: skip
    assert [each for each, _ in answers] == ["SUBJECT_NOT_FOUND"] * 2
    assert answers[0][1].replace("per_cy", "") == answers[1][1].replace("per_no", "")


async def test_gw_02_hidden_and_absent_objects_get_the_same_answer(
    access: Callable[..., Any], tell: Callable[..., Any], facts: Any
) -> None:
    await tell(
        facts.person("per_dee", roles=[]),
        facts.department("dep_1"),
        facts.group("grp_1", ["per_ann"]),
        facts.conversation("cnv_2", ["per_ann"]),
        facts.task("tsk_1", creator_id="per_ann", owner_id="per_ann"),
        facts.binding("bnd_1", role_id="rol_1", subject="person:per_dee", scope="department:dep_9"),
        facts.role("rol_1", ["people.read", "departments.read", "groups.read", "tasks.read",
                             "messages.read"]),
    )  # fmt: skip
    hidden = {
        "conversation:cnv_2": "messages.read",
        "task:tsk_1": "tasks.read",
        "person:per_ann": "people.read",
        "department:dep_1": "departments.read",
        "group:grp_1": "groups.read",
    }

    for object_, permission in hidden.items():
        answers = []
        for asked in (object_, f"{object_.partition(':')[0]}:none"):
            request = pb.ExplainAccessRequest(
                subject="person:per_dee", permission=permission, object=asked
            )
            found = await access("dee", "ExplainAccess", request)
            found.ClearField("as_of")
            answers.append(str(found).replace(asked, "it"))
        assert answers[0] == answers[1], object_
        assert "allowed" not in answers[0], object_


async def test_gw_02_who_can_see_tells_nothing_to_who_may_not_ask(
    access: Callable[..., Any],
) -> None:
    answers = [
        await reason(access("bo", "WhoCanSee", pb.WhoCanSeeRequest(object=f"conversation:{id_}")))
        for id_ in ("cnv_1", "none")
    ]
    absent = await reason(
        access("ann", "WhoCanSee", pb.WhoCanSeeRequest(object="conversation:none"))
    )

    # Decided on the owner's own replica of roles, before any query.
    assert answers[0] == answers[1]
    assert answers[0][0] == "PERMISSION_MISSING"
    assert absent[0] == "OBJECT_NOT_FOUND"


async def test_a_token_that_is_limited_to_less_asks_about_nobody(
    access: Callable[..., Any],
) -> None:
    request = pb.WhoCanSeeRequest(object=ROOM)
    limited = {"api_token_id": "tok_1", "scopes": ["access.explain"]}
    full = {"api_token_id": "tok_1", "scopes": ["access.explain", "access.explain_others"]}

    assert (await reason(access("ann", "WhoCanSee", request, **limited)))[0] == "PERMISSION_MISSING"
    assert (await access("ann", "WhoCanSee", request, **full)).total == 1


async def test_what_cannot_be_answered_is_refused_by_name(access: Callable[..., Any]) -> None:
    who, why = pb.WhoCanSeeRequest, pb.ExplainAccessRequest
    for request, wanted in (
        (who(object=ROOM, at={"seconds": 1}), "TIME_TOO_EARLY"),
        (who(object=ROOM, at={"seconds": 10**10}), "INVALID_ARGUMENT"),
        (who(object="cnv_1"), "INVALID_ARGUMENT"),
        (who(object="tenant:ten_a"), "INVALID_ARGUMENT"),
        (why(subject="per_bo", permission="tasks.read"), "INVALID_ARGUMENT"),
        (why(subject="person:per_bo", permission="x"), "INVALID_ARGUMENT"),
    ):
        method = "WhoCanSee" if isinstance(request, who) else "ExplainAccess"
        assert (await reason(access("ann", method, request)))[0] == wanted, request


async def test_before_the_history_has_begun_nothing_is_said(
    target: str, token: Callable[..., Any]
) -> None:
    async with open_channel(target) as opened:
        stub = AccessHistoryServiceStub(opened)
        call = stub.WhoCanSee(pb.WhoCanSeeRequest(object=ROOM), metadata=token("ann"), timeout=10)
        assert (await reason(call))[0] == "HISTORY_NOT_BEGUN"
