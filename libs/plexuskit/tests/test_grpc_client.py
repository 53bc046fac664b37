import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from opentelemetry.trace import SpanKind, StatusCode
from plexus.authz.v1 import authority_pb2, authority_pb2_grpc
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.messaging.v1 import log_service_pb2, log_service_pb2_grpc
from plexus.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc
from plexus_testkit.spans import RecordedSpans, attributes_of, ids, parent_id
from plexuskit import telemetry
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection
from plexuskit.errors import DependencyDown, Kind, Refusal
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    MethodInfo,
    RawClient,
    RemoteFailure,
    RemoteRefusal,
    UndeclaredMethod,
    caller,
    channel,
    open_channel,
    refused,
    requirements,
    serve,
)
from plexuskit.grpc.methods import served_method
from plexuskit.service import Runtime

KeysOf = Callable[[str], CallerSection]
RECHECK = "/plexus.authz.v1.Authority/Recheck"


class PersonUnknown(Refusal):
    """Person {person_id} does not exist."""

    kind = Kind.NOT_FOUND


class Authority(authority_pb2_grpc.AuthorityServicer):
    """Behaves as the person's id requests, and records the metadata of the call."""

    def __init__(self) -> None:
        self.seen: list[SimpleNamespace] = []
        self.stopped = asyncio.Event()

    async def Recheck(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract
        self._note(context)
        match request.person_id:
            case "absent":
                raise PersonUnknown(retry_after=timedelta(seconds=2), person_id="absent")
            case "broken":
                raise RuntimeError("no")
            case "slow":
                await asyncio.sleep(30)
        return authority_pb2.RecheckResponse(verdicts=[authority_pb2.Verdict(readable=True)])

    async def Snapshot(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802 - the contract
        self._note(context)
        try:
            for number in range(3):
                relation = authority_pb2.Relation(object=f"task:{number}")
                yield authority_pb2.SnapshotResponse(relations=[relation])
            if request.tenant_id == "absent":
                raise PersonUnknown(person_id="absent")
            if request.tenant_id == "endless":
                await asyncio.sleep(30)
        finally:
            self.stopped.set()

    def _note(self, context: Any) -> None:
        self.seen.append(
            SimpleNamespace(
                caller=caller(),
                left=context.time_remaining(),
                traceparent=dict(context.invocation_metadata()).get("traceparent"),
            )
        )


class Log(log_service_pb2_grpc.LogServiceServicer):
    """Answers each frame with its references."""

    async def Append(self, requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ARG002, N802 - the contract
        async for request in requests:
            if not request.items:
                raise PersonUnknown(person_id="nobody")
            verdicts = [log_service_pb2.AppendVerdict(ref=item.ref) for item in request.items]
            yield log_service_pb2.AppendResponse(verdicts=verdicts)


class Calling(tasks_service_pb2_grpc.TasksServiceServicer):
    """Asks another service before it answers."""

    def __init__(self, authority: Any) -> None:
        self._authority = authority

    async def GetTask(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the contract
        asked = authority_pb2.RecheckRequest(person_id=request.task_id)
        await self._authority.Recheck(asked, timeout=60)
        return tasks_service_pb2.GetTaskResponse()


class Directory:
    """A running service called `directory`, and channels to it."""

    def __init__(self, keys_of: KeysOf, runtime: Runtime) -> None:
        self.keys_of = keys_of
        self.runtime = runtime
        self.authority = Authority()
        self.stack = AsyncExitStack()
        self.port = 0

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[int]:
        async with serve(
            GrpcSection(port=port, drain_seconds=0.1),
            service="directory",
            servicers=[
                (authority_pb2_grpc.add_AuthorityServicer_to_server, self.authority),
                (log_service_pb2_grpc.add_LogServiceServicer_to_server, Log()),
            ],
            verifier=CallerVerifier(self.keys_of("directory"), "directory"),
            runtime=self.runtime,
        ) as bound:
            yield bound

    async def connect(self, *, port: int = 0, audience: str = "directory") -> grpc.aio.Channel:
        return await self.stack.enter_async_context(
            channel(
                f"127.0.0.1:{port or self.port}",
                audience=audience,
                signer=CallerSigner(self.keys_of("search")),
                service="search",
            )
        )

    async def stub(self) -> Any:
        return authority_pb2_grpc.AuthorityStub(await self.connect())

    async def raw(self) -> tuple[RawClient, tuple[tuple[str, str | bytes], ...]]:
        plain = await self.stack.enter_async_context(open_channel(f"127.0.0.1:{self.port}"))
        tokens = CallerTokens(
            CallerSigner(self.keys_of("search")),
            CallerContext(kind=CallerContext.KIND_SERVICE),
            clock=SystemClock(),
        )
        return RawClient(plain), ((METADATA_KEY, tokens.for_audience("directory")),)


@pytest.fixture
async def directory(caller_keys_of: KeysOf, runtime: Runtime) -> AsyncIterator[Directory]:
    served = Directory(caller_keys_of, runtime)
    async with served.stack:
        served.port = await served.stack.enter_async_context(served.running())
        yield served


async def test_gw_01_a_service_calls_in_its_own_name(directory: Directory) -> None:
    stub = await directory.stub()

    response = await stub.Recheck(authority_pb2.RecheckRequest())

    assert response.verdicts[0].readable
    (seen,) = directory.authority.seen
    assert seen.caller.kind == CallerContext.KIND_SERVICE
    assert (seen.caller.service, seen.caller.audience) == ("search", "directory")


async def test_gw_01_nobody_calls_with_the_key_of_another(directory: Directory) -> None:
    with pytest.raises(ValueError, match="tasks cannot sign with the key of search"):
        async with channel(
            "127.0.0.1:1",
            audience="directory",
            signer=CallerSigner(directory.keys_of("search")),
            service="tasks",
        ):
            pytest.fail("it connects")


@pytest.mark.alone
async def test_gw_06_a_call_ends_in_5_seconds_unless_it_says_otherwise(
    directory: Directory,
) -> None:
    stub = await directory.stub()

    await stub.Recheck(authority_pb2.RecheckRequest())
    await stub.Recheck(authority_pb2.RecheckRequest(), timeout=2)
    async for _ in stub.Snapshot(authority_pb2.SnapshotRequest()):
        pass

    first, second, stream = directory.authority.seen
    # gRPC rounds the timeout it sends up, by a few milliseconds.
    assert 4 < first.left < 5.1
    assert 1 < second.left < 2.1
    assert stream.left is None


@pytest.mark.alone
async def test_gw_06_a_call_ends_with_the_request_that_it_serves(
    directory: Directory, runtime: Runtime
) -> None:
    calling = Calling(await directory.stub())
    tokens = CallerTokens(
        CallerSigner(directory.keys_of("gateway")),
        CallerContext(kind=CallerContext.KIND_PERSON, tenant_id="t", person_id="p", session_id="s"),
        clock=SystemClock(),
    )
    async with (
        serve(
            GrpcSection(port=0, drain_seconds=0.1),
            service="tasks",
            servicers=[(tasks_service_pb2_grpc.add_TasksServiceServicer_to_server, calling)],
            verifier=CallerVerifier(directory.keys_of("tasks"), "tasks"),
            runtime=runtime,
        ) as port,
        open_channel(f"127.0.0.1:{port}") as plain,
    ):
        stub = tasks_service_pb2_grpc.TasksServiceStub(plain)
        metadata = ((METADATA_KEY, tokens.for_audience("tasks")),)
        await stub.GetTask(tasks_service_pb2.GetTaskRequest(), metadata=metadata, timeout=3)

        # A refusal of the other service is passed on, with its original domain.
        request = tasks_service_pb2.GetTaskRequest(task_id="absent")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetTask(request, metadata=metadata, timeout=3)

    assert 1 < directory.authority.seen[0].left < 3.1
    passed_on = refused(caught.value)
    assert (passed_on.reason, passed_on.domain) == ("PERSON_UNKNOWN", "plexus.directory")


async def test_a_refusal_is_raised_by_name(directory: Directory) -> None:
    stub = await directory.stub()

    with pytest.raises(RemoteRefusal) as caught:
        await stub.Recheck(authority_pb2.RecheckRequest(person_id="absent"))

    refusal = caught.value
    assert (refusal.kind, refusal.reason) == (Kind.NOT_FOUND, "PERSON_UNKNOWN")
    assert refusal.message() == "Person absent does not exist."
    assert refusal.metadata == {"person_id": "absent"}
    assert refusal.retry_after == timedelta(seconds=2)
    assert isinstance(refusal.__cause__, grpc.aio.AioRpcError)


async def test_a_failure_over_there_is_no_refusal(directory: Directory) -> None:
    stub = await directory.stub()

    with pytest.raises(RemoteFailure) as caught:
        await stub.Recheck(authority_pb2.RecheckRequest(person_id="broken"))

    assert caught.value.refusal.metadata["reference"] in str(caught.value)


async def test_no_answer_is_a_dependency_that_is_down(directory: Directory) -> None:
    stub = await directory.stub()

    with pytest.raises(DependencyDown) as late:
        await stub.Recheck(authority_pb2.RecheckRequest(person_id="slow"), timeout=0.2)
    assert late.value.metadata == {"dependency": "directory", "cause": "DEADLINE_EXCEEDED"}

    nowhere = authority_pb2_grpc.AuthorityStub(await directory.connect(port=1))
    with pytest.raises(DependencyDown) as absent:
        await nowhere.Recheck(authority_pb2.RecheckRequest())
    assert absent.value.metadata == {"dependency": "directory", "cause": "UNAVAILABLE"}

    with pytest.raises(DependencyDown):
        await anext(aiter(nowhere.Snapshot(authority_pb2.SnapshotRequest())))

    stranger = authority_pb2_grpc.AuthorityStub(await directory.connect(audience="tasks"))
    with pytest.raises(DependencyDown) as misdirected:
        await stranger.Recheck(authority_pb2.RecheckRequest())
    assert misdirected.value.metadata["cause"] == "CALLER_CONTEXT_INVALID"


async def test_a_cancelled_call_stays_cancelled(directory: Directory) -> None:
    stub = await directory.stub()
    request = authority_pb2.RecheckRequest(person_id="slow")
    call = asyncio.ensure_future(stub.Recheck(request))
    await asyncio.sleep(0.05)

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_call_inside_of_a_span_has_one_and_takes_the_trace_along(
    directory: Directory, recorded_spans: RecordedSpans
) -> None:
    stub = await directory.stub()

    with telemetry.span("asking"):
        await stub.Recheck(authority_pb2.RecheckRequest())

    asking = recorded_spans.one("asking")
    served, called = recorded_spans.named(RECHECK[1:])
    assert (called.kind, served.kind) == (SpanKind.CLIENT, SpanKind.SERVER)
    assert (ids(asking)[1], ids(called)[1]) == (parent_id(called), parent_id(served))
    assert ids(asking)[0] == ids(called)[0] == ids(served)[0]
    assert attributes_of(called) == {
        "rpc.system.name": "grpc",
        "rpc.method": RECHECK[1:],
        "rpc.response.status_code": "OK",
        "server.address": "directory",
    }
    sent = directory.authority.seen[0].traceparent
    assert sent == f"00-{ids(called)[0]:032x}-{ids(called)[1]:016x}-03"


async def test_a_call_outside_of_a_span_begins_no_trace(
    directory: Directory, recorded_spans: RecordedSpans
) -> None:
    stub = await directory.stub()

    await stub.Recheck(authority_pb2.RecheckRequest())

    assert directory.authority.seen[0].traceparent is None
    assert [span.kind for span in recorded_spans.all()] == [SpanKind.SERVER]


@pytest.mark.parametrize(
    ("person", "error", "code"),
    [
        ("absent", RemoteRefusal, "NOT_FOUND"),
        ("broken", RemoteFailure, "INTERNAL"),
        ("slow", DependencyDown, "DEADLINE_EXCEEDED"),
    ],
)
async def test_every_status_but_ok_is_an_error_of_the_call(
    directory: Directory,
    recorded_spans: RecordedSpans,
    person: str,
    error: type[Exception],
    code: str,
) -> None:
    stub = await directory.stub()

    with telemetry.span("asking"), pytest.raises(error):
        await stub.Recheck(authority_pb2.RecheckRequest(person_id=person), timeout=1)

    (called,) = [span for span in recorded_spans.all() if span.kind is SpanKind.CLIENT]
    assert called.status.status_code is StatusCode.ERROR
    assert attributes_of(called)["rpc.response.status_code"] == code
    assert attributes_of(called)["error.type"] == code


async def test_answers_stream_in_and_end_by_name(directory: Directory) -> None:
    stub = await directory.stub()

    whole = stub.Snapshot(authority_pb2.SnapshotRequest())
    assert [part.relations[0].object async for part in whole] == ["task:0", "task:1", "task:2"]

    broken = aiter(stub.Snapshot(authority_pb2.SnapshotRequest(tenant_id="absent")))
    seen = [await anext(broken) for _ in range(3)]
    with pytest.raises(RemoteRefusal) as caught:
        await anext(broken)
    assert (len(seen), caught.value.reason) == (3, "PERSON_UNKNOWN")


async def test_who_stops_reading_ends_the_stream(directory: Directory) -> None:
    stub = await directory.stub()
    stream = stub.Snapshot(authority_pb2.SnapshotRequest(tenant_id="endless"))

    reader = aiter(stream)
    await anext(reader)
    assert not directory.authority.stopped.is_set()
    await reader.aclose()

    await asyncio.wait_for(directory.authority.stopped.wait(), 5)


async def test_both_directions_stream(directory: Directory) -> None:
    stub: Any = log_service_pb2_grpc.LogServiceStub(await directory.connect())
    stream = stub.Append()

    for ref in (1, 2):
        item = log_service_pb2.AppendItem(ref=ref)
        await stream.write(log_service_pb2.AppendRequest(items=[item]))
        assert (await stream.read()).verdicts[0].ref == ref
    await stream.done_writing()
    assert await stream.read() is grpc.aio.EOF

    refusing = stub.Append()
    await refusing.write(log_service_pb2.AppendRequest())
    with pytest.raises(RemoteRefusal) as caught:
        await refusing.read()
    assert caught.value.reason == "PERSON_UNKNOWN"


async def test_a_service_that_comes_back_is_found_again(
    caller_keys_of: KeysOf, runtime: Runtime
) -> None:
    directory = Directory(caller_keys_of, runtime)
    async with directory.stack:
        async with directory.running() as port:
            stub: Any = authority_pb2_grpc.AuthorityStub(await directory.connect(port=port))
            await stub.Recheck(authority_pb2.RecheckRequest())
        with pytest.raises(DependencyDown):
            await stub.Recheck(authority_pb2.RecheckRequest())

        async with directory.running(port=port):
            request = authority_pb2.RecheckRequest()
            await stub.Recheck(request, wait_for_ready=True, timeout=5)


async def test_a_raw_client_passes_bytes(directory: Directory) -> None:
    client, metadata = await directory.raw()
    item = log_service_pb2.AppendItem(ref=9)
    frame = log_service_pb2.AppendRequest(items=[item]).SerializeToString()

    async def frames() -> AsyncIterator[bytes]:
        yield frame
        yield frame

    answer = await client.unary_unary(RECHECK, b"", metadata=metadata, timeout=5)
    parts = client.unary_stream(
        "/plexus.authz.v1.Authority/Snapshot", b"", metadata=metadata, timeout=5
    )
    verdicts = client.stream_stream(
        "/plexus.messaging.v1.LogService/Append", frames(), metadata=metadata, timeout=5
    )

    assert authority_pb2.RecheckResponse.FromString(answer).verdicts[0].readable
    assert len([part async for part in parts]) == 3
    received = [log_service_pb2.AppendResponse.FromString(part) async for part in verdicts]
    assert [response.verdicts[0].ref for response in received] == [9, 9]


async def test_a_raw_client_sends_many_for_one_answer() -> None:
    async def join(requests: Any, context: Any) -> bytes:  # noqa: ARG001 - gRPC's signature
        return b"+".join([request async for request in requests])

    server = grpc.aio.server()
    handlers = {"Join": grpc.stream_unary_rpc_method_handler(join)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Bytes", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async def requests() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    async with open_channel(f"127.0.0.1:{port}") as plain:
        call = RawClient(plain).stream_unary("/test.Bytes/Join", requests(), metadata=(), timeout=5)
        assert await call == b"a+b"
    await server.stop(None)


async def test_a_raw_client_leaves_errors_as_they_came(directory: Directory) -> None:
    client, metadata = await directory.raw()
    request = authority_pb2.RecheckRequest(person_id="absent").SerializeToString()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.unary_unary(RECHECK, request, metadata=metadata, timeout=5)

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert "grpc-status-details-bin" in dict(caught.value.trailing_metadata())


def test_gw_01_every_method_of_every_contract_has_a_requirement() -> None:
    every = requirements()

    services = {info.service for info in every.values()}
    assert {"authz", "directory", "gateway", "messaging", "notify", "search", "tasks"} <= services
    assert all(path == info.path for path, info in every.items())

    get_task = every["/plexus.tasks.v1.TasksService/GetTask"]
    assert isinstance(get_task, MethodInfo)
    assert get_task.requirement.permission == "tasks.read"
    assert get_task.request_class is tasks_service_pb2.GetTaskRequest
    assert get_task.response_class is tasks_service_pb2.GetTaskResponse
    assert (get_task.client_streaming, get_task.server_streaming) == (False, False)

    assert every["/plexus.directory.v1.SessionService/SignIn"].requirement.public
    append = every["/plexus.messaging.v1.LogService/Append"]
    assert (append.client_streaming, append.server_streaming) == (True, True)
    assert append.requirement.internal


def test_gw_01_a_method_of_no_contract_has_no_requirement() -> None:
    with pytest.raises(UndeclaredMethod, match="in no contract"):
        served_method("plexus.tasks.v1.TasksService", "DropEverything")
