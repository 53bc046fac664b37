"""Forwarding on real sockets: GW-1, GW-2, GW-4, GW-6."""

import asyncio
import time
from typing import Any

import grpc
import pytest
from gateway.proxy import server
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_status import rpc_status
from plexus.authz.v1.authority_pb2 import RecheckRequest
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.directory.v1 import directory_service_pb2 as people
from plexus.directory.v1 import session_service_pb2 as sessions
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1.import_service_pb2 import ImportedMessage, ImportMessagesRequest
from plexus.messaging.v1.import_service_pb2_grpc import ImportServiceStub
from plexus.tasks.v1.tasks_service_pb2 import ListTasksRequest
from plexus.tasks.v1.tasks_service_pb2_grpc import TasksServiceStub
from plexus_testkit.wait import eventually
from plexuskit.config import GrpcSection
from plexuskit.grpc import METADATA_KEY, requirements, responses
from prometheus_client import REGISTRY

GET_PERSON = "plexus.directory.v1.DirectoryService/GetPerson"


def reason(error: grpc.aio.AioRpcError) -> str:
    return info(error).reason


def info(error: grpc.aio.AioRpcError) -> Any:
    status = rpc_status.from_call(error)
    assert status is not None
    found = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(found)
    return found


async def get_person(running: Any, person_id: str = "per_bob", **options: Any) -> Any:
    options.setdefault("metadata", running.bearer())
    stub = DirectoryServiceStub(running.channel)
    return await stub.GetPerson(people.GetPersonRequest(person_id=person_id), **options)


async def refused(running: Any, person_id: str = "per_bob", **options: Any) -> Any:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await get_person(running, person_id, **options)
    return error.value


async def test_gw_01_the_owner_sees_the_person_of_the_token(running):
    response = await get_person(running)

    assert response.person.id == "per_bob"
    assert response.person.display_name == "安"
    seen = running.directory.seen
    assert (seen["person"], seen["tenant"], seen["session"]) == ("per_ann", "ten_acme", "ses_ann")
    assert (seen["roles"], seen["service"], seen["audience"]) == (
        ["member"],
        "gateway",
        "directory",
    )


async def test_gw_01_nothing_of_the_clients_metadata_goes_on(running):
    forged = ((METADATA_KEY, b"forged"), ("x-person-id", "per_root"))
    await get_person(running, metadata=running.bearer() + forged)

    seen = running.directory.seen
    assert seen["person"] == "per_ann"
    assert {"authorization", "x-person-id"} & set(seen["metadata"]) == set()
    assert seen["metadata"].count(METADATA_KEY) == 1


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ((), "TOKEN_MISSING"),
        ((("authorization", ""),), "TOKEN_INVALID"),
        ((("authorization", "Bearer "),), "TOKEN_MISSING"),
        ((("authorization", "Basic YTpi"),), "TOKEN_INVALID"),
        ((("authorization", "Bearer x.y.z"),), "TOKEN_INVALID"),
    ],
    ids=str,
)
async def test_gw_01_without_a_good_token_nothing_reaches_the_owner(running, metadata, expected):
    error = await refused(running, metadata=metadata)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert (reason(error), info(error).domain) == (expected, "plexus.gateway")
    assert running.directory.seen == {}


async def test_gw_01_several_tokens_are_none(running):
    error = await refused(running, metadata=running.bearer() * 2)
    assert reason(error) == "TOKEN_INVALID"


async def test_gw_01_an_expired_token_says_so(running):
    now = int(time.time())
    error = await refused(running, metadata=running.bearer(iat=now - 900, nbf=0 + 1, exp=now - 1))
    assert reason(error) == "TOKEN_EXPIRED"


async def test_gw_01_public_methods_need_no_token_and_go_on_as_nobody(running):
    await SessionServiceStub(running.channel).SignIn(sessions.SignInRequest(handle="ann"))
    assert running.directory.seen == {
        "kind": CallerContext.KIND_ANONYMOUS,
        "person": "",
        "device_key": "",
    }


async def test_gw_01_a_missing_permission_is_named_and_nothing_is_forwarded(running):
    stub = DirectoryServiceStub(running.channel)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stub.CreatePerson(people.CreatePersonRequest(), metadata=running.bearer())
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert reason(error.value) == "PERMISSION_MISSING"
    assert dict(info(error.value).metadata) == {"permission": "people.manage"}


async def test_gw_02_internal_methods_look_like_those_that_do_not_exist(running):
    md = running.bearer(roles=["admin", "member"])
    calls = [
        SessionServiceStub(running.channel).GetSigningKeys(
            sessions.GetSigningKeysRequest(), metadata=md
        ),
        AuthorityStub(running.channel).Recheck(RecheckRequest(), metadata=md),
        running.channel.unary_unary("/plexus.directory.v1.DirectoryService/Nothing")(
            b"", metadata=md
        ),
        running.channel.unary_unary("/evil.v1.Service/Method")(b"", metadata=md),
    ]
    answers = set()
    for call in calls:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        answers.add(
            (error.value.code(), error.value.details(), str(error.value.trailing_metadata()))
        )
    assert len(answers) == 1
    assert answers.pop()[0] is grpc.StatusCode.UNIMPLEMENTED


async def test_gw_01_every_other_method_of_every_contract_asks_for_a_token(running):
    asked = [
        info
        for info in requirements().values()
        if info.requirement.permission and info.service != "gateway"
    ]
    assert len(asked) > 30
    for method in asked:
        if method.client_streaming:
            call = running.channel.stream_stream(f"{method.path}")(iter([b""]))
            answer = call.read()
        else:
            answer = running.channel.unary_unary(method.path)(b"")
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await answer
        assert reason(error.value) == "TOKEN_MISSING", method.path


async def test_gw_06_refusals_of_owners_pass_unchanged(running):
    error = await refused(running, "absent")

    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == "No person is called absent."
    status = rpc_status.from_call(error)
    assert [detail.type_url.rpartition(".")[2] for detail in status.details] == [
        "ErrorInfo",
        "RetryInfo",
    ]
    assert (info(error).reason, info(error).domain) == ("PERSON_NOT_FOUND", "plexus.directory")
    assert dict(info(error).metadata) == {"person_id": "absent"}


@pytest.mark.parametrize(
    ("what", "code", "expected"),
    [
        ("invalid", grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
        ("down", grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_DOWN"),
        ("broken", grpc.StatusCode.INTERNAL, "INTERNAL"),
    ],
)
async def test_gw_06_whatever_an_owner_answers_is_the_answer(running, what, code, expected):
    error = await refused(running, what)
    assert (error.code(), reason(error)) == (code, expected)
    assert info(error).domain == "plexus.directory"
    assert "hunter2" not in str(error)


async def test_gw_06_an_owner_that_is_not_there_is_unavailable(running):
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await TasksServiceStub(running.channel).ListTasks(
            ListTasksRequest(), metadata=running.bearer()
        )
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason(error.value) == "OWNER_UNREACHABLE"
    assert dict(info(error.value).metadata) == {"owner": "tasks"}
    assert running.targets["tasks"] not in str(error.value)


async def test_gw_06_a_method_that_the_owner_does_not_serve_yet_is_unimplemented(running):
    stub = DirectoryServiceStub(running.channel)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stub.ListPeople(people.ListPeopleRequest(), metadata=running.bearer())
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert reason(error.value) == "UNIMPLEMENTED"


async def test_gw_06_bytes_that_are_no_message_are_the_callers_fault(running):
    call = running.channel.unary_unary(f"/{GET_PERSON}")
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call(b"\xff\xff\xff", metadata=running.bearer())
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert reason(error.value) == "REQUEST_UNREADABLE"


@pytest.mark.alone
async def test_gw_06_the_deadline_goes_on(running):
    await get_person(running, timeout=3)
    # gRPC rounds a timeout up when it writes it, to hundredths of a second.
    assert 2 < running.directory.seen["left"] < 3.02
    await get_person(running)
    # The remaining time is sent in steps of a tenth of a second, rounded up.
    assert 9 < running.directory.seen["left"] <= 10.1


async def test_gw_06_a_deadline_that_passes_ends_the_owners_work(running):
    error = await refused(running, "slow", timeout=0.3)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(60):
        await running.directory.cancelled.wait()


async def test_gw_06_a_caller_that_leaves_ends_the_owners_work(running):
    call = asyncio.create_task(get_person(running, "slow"))
    await running.directory.begun.wait()
    call.cancel()
    async with asyncio.timeout(60):
        await running.directory.cancelled.wait()


async def test_the_callers_trace_goes_on(running):
    trace = "0af7651916cd43dd8448eb211c80319c"
    parent = (("traceparent", f"00-{trace}-b7ad6b7169203331-01"),)
    await get_person(running, metadata=running.bearer() + parent)
    assert trace in running.directory.seen["traceparent"]


async def test_gw_04_an_ended_session_is_refused_at_once(running):
    await get_person(running)
    running.ended.end(["ses_ann"])
    assert reason(await refused(running)) == "SESSION_ENDED"
    assert await get_person(running, metadata=running.bearer(sid="ses_2", jti="jti_2"))


async def test_streams_both_ways_are_forwarded_message_by_message(running):
    stub = ImportServiceStub(running.channel)
    call = stub.ImportMessages(metadata=running.bearer(roles=["admin"]))
    for count in (1, 2, 3):
        await call.write(ImportMessagesRequest(messages=[ImportedMessage()] * count))
        assert (await call.read()).imported == count
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert running.imports.finished.is_set()
    assert running.imports.person == "per_ann"


@pytest.mark.rule("GW-8")
async def test_what_an_owner_refuses_while_the_gateway_still_writes_is_told(running):
    stub = ImportServiceStub(running.channel)
    small = ImportMessagesRequest(messages=[ImportedMessage()])
    beyond = ImportMessagesRequest(messages=[ImportedMessage()] * 513)
    large = ImportMessagesRequest(messages=[ImportedMessage(text="x" * 300_000)])

    async def requests():
        for frame in (small, small, beyond, *[large] * 10):
            yield frame

    async def refused_stream():
        call = stub.ImportMessages(requests(), metadata=running.bearer(roles=["admin"]))
        with pytest.raises(grpc.aio.AioRpcError) as error:
            _ = [response async for response in responses(call)]
        return error.value.code(), reason(error.value)

    # Some of them meet gRPC's client at the gateway in the middle of a write.
    outcomes = set()
    for _ in range(20):
        outcomes.update(await asyncio.gather(*(refused_stream() for _ in range(5))))

    assert outcomes == {(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_OUT_OF_RANGE")}


async def test_a_lost_caller_is_not_taken_for_a_finished_one(running):
    stub = ImportServiceStub(running.channel)
    call = stub.ImportMessages(metadata=running.bearer(roles=["admin"]))
    await call.write(ImportMessagesRequest())
    await call.read()
    call.cancel()
    async with asyncio.timeout(60):
        await running.imports.cancelled.wait()
    assert not running.imports.finished.is_set()


async def test_gw_04_a_forwarded_stream_ends_with_its_session(running):
    stub = ImportServiceStub(running.channel)
    call = stub.ImportMessages(metadata=running.bearer(roles=["admin"]))
    await call.write(ImportMessagesRequest())
    await call.read()

    running.ended.end(["ses_ann"])

    with pytest.raises(grpc.aio.AioRpcError) as error:
        async with asyncio.timeout(1):
            await call.read()
    assert reason(error.value) == "SESSION_ENDED"
    await running.imports.cancelled.wait()


async def test_gw_01_a_stream_needs_its_permission(running):
    stub = ImportServiceStub(running.channel)
    call = stub.ImportMessages(metadata=running.bearer())
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call.read()
    assert reason(error.value) == "PERMISSION_MISSING"


async def test_calls_are_counted_by_method_and_code(running):
    def counted(code: str) -> float:
        labels = {"rpc_method": GET_PERSON, "rpc_response_status_code": code}
        return REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0

    ok, unauthenticated = counted("OK"), counted("UNAUTHENTICATED")
    await get_person(running)
    await refused(running, metadata=())
    # The owner runs in this process, and counts too.
    assert counted("OK") == ok + 2
    assert counted("UNAUTHENTICATED") == unauthenticated + 1


async def test_health_needs_no_token(running):
    stub = HealthStub(running.channel)
    response = await stub.Check(health_pb2.HealthCheckRequest())
    assert response.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_drain_finishes_what_runs_and_takes_nothing_new(running):
    slow = asyncio.create_task(get_person(running, "slow"))
    await running.directory.begun.wait()

    drain = asyncio.create_task(running.server_runtime.drain(share=lambda: 5.0))
    await eventually(
        lambda: (
            [check.name for check in running.server_runtime.health.failing(required=True)]
            == ["grpc", "http"]
        )
    )
    running.directory.go_on.set()
    assert (await slow).person.id == "slow"
    await drain
    error = await refused(running, timeout=1)
    assert error.code() is grpc.StatusCode.UNAVAILABLE


class NoMethods(grpc.GenericRpcHandler):
    services = ()

    def service(self, _):
        return None


@pytest.mark.rule("GW-13")
async def test_gw_13_a_connection_without_a_call_is_closed_after_its_time(runtime, monkeypatch):
    monkeypatch.setattr(server, "IDLE_MS", 500)
    async with (
        server.serve(
            GrpcSection(port=0, drain_seconds=1), handlers=NoMethods(), runtime=runtime
        ) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        async with asyncio.timeout(30):
            await channel.channel_ready()
            await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
