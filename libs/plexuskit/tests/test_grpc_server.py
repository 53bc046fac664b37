import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub, add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from opentelemetry.trace import SpanKind, StatusCode
from plexus.authz.v1 import authority_pb2, authority_pb2_grpc
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.directory.v1 import session_service_pb2, session_service_pb2_grpc
from plexus.messaging.v1 import log_service_pb2, log_service_pb2_grpc
from plexus.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc
from plexus_testkit.spans import RecordedSpans, attributes_of, ids, parent_id
from plexus_testkit.wait import eventually
from plexuskit import telemetry
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection
from plexuskit.errors import InvalidArgument, Kind, Refusal
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    UndeclaredMethod,
    actor,
    caller,
    interceptors,
    open_channel,
    refused,
    serve,
)
from plexuskit.grpc.budget import remaining
from plexuskit.service import Runtime
from prometheus_client import REGISTRY

KeysOf = Callable[[str], CallerSection]
Metadata = tuple[tuple[str, str | bytes], ...]
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
GET_TASK = "plexus.tasks.v1.TasksService/GetTask"


class TaskNotFound(Refusal):
    """Task {task_id} does not exist; look at its number again."""

    kind = Kind.NOT_FOUND


class Tasks(tasks_service_pb2_grpc.TasksServiceServicer):
    """Behaves as the task's id requests."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.seen: dict[str, Any] = {}

    async def GetTask(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the contract
        self.seen = {
            "person": actor().person_id,
            "traceparent": telemetry.inject(),
            "left": remaining(),
        }
        await self._behave(request.task_id, context)
        response = tasks_service_pb2.GetTaskResponse()
        response.task.id = request.task_id
        return response

    async def _behave(self, what: str, context: Any) -> None:
        match what:
            case "absent":
                raise TaskNotFound(retry_after=timedelta(seconds=3), task_id=what)
            case "empty":
                raise InvalidArgument(field="task_id", problem="is empty")
            case "broken":
                raise RuntimeError("the password is hunter2")
            case "inner-timeout":
                raise TimeoutError
            case "abort":
                await context.abort(grpc.StatusCode.DATA_LOSS, "by hand")
            case "slow":
                self.begun.set()
                try:
                    await self.go_on.wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise


class Authority(authority_pb2_grpc.AuthorityServicer):
    """Streams some relations, then behaves as the tenant's id requests."""

    async def Recheck(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the contract
        verdict = authority_pb2.Verdict(readable=True, version=len(caller().service))
        return authority_pb2.RecheckResponse(verdicts=[verdict])

    async def Snapshot(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ARG002, N802 - the contract
        for number in range(3):
            relation = authority_pb2.Relation(object=f"task:{number}")
            yield authority_pb2.SnapshotResponse(relations=[relation])
        if request.tenant_id == "broken":
            raise RuntimeError("no more")


class Log(log_service_pb2_grpc.LogServiceServicer):
    """Answers each frame with its references; reads and writes as gRPC's lower interface does."""

    def __init__(self) -> None:
        self.open = 0
        self.cancelled = 0
        self.finished = 0

    async def Append(self, requests: Any, context: Any) -> None:  # noqa: N802 - the contract
        self.open += 1
        try:
            async for request in requests:
                verdicts = [log_service_pb2.AppendVerdict(ref=item.ref) for item in request.items]
                await context.write(log_service_pb2.AppendResponse(verdicts=verdicts))
            self.finished += 1
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.open -= 1


class Sessions(session_service_pb2_grpc.SessionServiceServicer):
    """Signs any caller in."""

    async def SignIn(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the contract
        return session_service_pb2.SignInResponse()


class Served:
    """A running server and its client."""

    def __init__(self, keys_of: KeysOf, runtime: Runtime) -> None:
        self.keys_of = keys_of
        self.runtime = runtime
        self.tasks, self.log = Tasks(), Log()
        self.stack = AsyncExitStack()
        self.port = 0

    async def start(self, **section: Any) -> None:
        self.port = await self.stack.enter_async_context(
            serve(
                GrpcSection(**({"port": 0, "drain_seconds": 0.2} | section)),
                service="tasks",
                servicers=[
                    (tasks_service_pb2_grpc.add_TasksServiceServicer_to_server, self.tasks),
                    (authority_pb2_grpc.add_AuthorityServicer_to_server, Authority()),
                    (log_service_pb2_grpc.add_LogServiceServicer_to_server, self.log),
                    (session_service_pb2_grpc.add_SessionServiceServicer_to_server, Sessions()),
                ],
                verifier=CallerVerifier(self.keys_of("tasks"), "tasks"),
                runtime=self.runtime,
            )
        )

    async def connect(self) -> grpc.aio.Channel:
        return await self.stack.enter_async_context(open_channel(f"127.0.0.1:{self.port}"))

    def metadata(self, signer: str = "gateway", audience: str = "tasks", **fields: Any) -> Metadata:
        if not fields and signer == "gateway":
            fields = {
                "kind": CallerContext.KIND_PERSON,
                "tenant_id": "ten_1",
                "person_id": "per_1",
                "session_id": "ses_1",
            }
        context = CallerContext(**(fields or {"kind": CallerContext.KIND_SERVICE}))
        tokens = CallerTokens(CallerSigner(self.keys_of(signer)), context, clock=SystemClock())
        return ((METADATA_KEY, tokens.for_audience(audience)),)

    async def get_task(
        self, task_id: str, *, metadata: Metadata | None = None, within: float | None = 5
    ) -> Any:
        stub = tasks_service_pb2_grpc.TasksServiceStub(await self.connect())
        return await stub.GetTask(
            tasks_service_pb2.GetTaskRequest(task_id=task_id),
            metadata=self.metadata() if metadata is None else metadata,
            timeout=within,
        )


@pytest.fixture
async def served(caller_keys_of: KeysOf, runtime: Runtime) -> AsyncIterator[Served]:
    server = Served(caller_keys_of, runtime)
    async with server.stack:
        await server.start()
        yield server


async def error_of(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def calls(method: str, code: str) -> float:
    labels = {"rpc_method": method, "rpc_response_status_code": code}
    return REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0.0


async def test_gw_01_a_person_with_a_signed_context_is_served(served: Served) -> None:
    response = await served.get_task("tsk_1")

    assert response.task.id == "tsk_1"
    assert served.tasks.seen["person"] == "per_1"


@pytest.mark.parametrize(
    ("signer", "fields", "code", "reason"),
    [
        ("gateway", {"audience": "search"}, "UNAUTHENTICATED", "CALLER_CONTEXT_INVALID"),
        ("search", {}, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        (
            "gateway",
            {"kind": CallerContext.KIND_ANONYMOUS},
            "UNAUTHENTICATED",
            "UNAUTHENTICATED",
        ),
    ],
)
async def test_gw_01_a_method_with_a_permission_is_for_persons(
    served: Served, signer: str, fields: dict[str, Any], code: str, reason: str
) -> None:
    error = await error_of(served.get_task("1", metadata=served.metadata(signer, **fields)))

    assert (error.code().name, refused(error).reason) == (code, reason)
    assert served.tasks.seen == {}


async def test_gw_01_a_request_without_exactly_one_caller_context_is_refused(
    served: Served,
) -> None:
    missing = refused(await error_of(served.get_task("1", metadata=())))
    assert (missing.reason, missing.code.name) == ("CALLER_CONTEXT_MISSING", "UNAUTHENTICATED")
    assert missing.domain == "plexus.tasks"

    twice = served.metadata() * 2
    several = refused(await error_of(served.get_task("1", metadata=twice)))
    assert (several.reason, several.metadata["problem"]) == ("CALLER_CONTEXT_INVALID", "several")


async def test_gw_01_an_internal_method_is_for_services(served: Served) -> None:
    stub = authority_pb2_grpc.AuthorityStub(await served.connect())
    request = authority_pb2.RecheckRequest()

    response = await stub.Recheck(request, metadata=served.metadata("search"))
    assert response.verdicts[0].version == len("search")

    error = await error_of(stub.Recheck(request, metadata=served.metadata()))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert refused(error).reason == "INTERNAL_ONLY"


async def test_gw_01_a_public_method_is_open_to_the_anonymous_that_the_gateway_signs(
    served: Served,
) -> None:
    stub = session_service_pb2_grpc.SessionServiceStub(await served.connect())
    request = session_service_pb2.SignInRequest()
    anonymous = served.metadata(kind=CallerContext.KIND_ANONYMOUS)

    assert await stub.SignIn(request, metadata=anonymous) == session_service_pb2.SignInResponse()
    error = await error_of(stub.SignIn(request))
    assert refused(error).reason == "CALLER_CONTEXT_MISSING"


async def test_gw_01_a_method_that_declares_no_requirement_is_not_served(
    caller_keys_of: KeysOf, runtime: Runtime
) -> None:
    from grpc_health.v1.health import aio  # noqa: PLC0415 - a servicer whose contract is not ours

    with pytest.raises(UndeclaredMethod, match=r"grpc.health.v1.Health"):
        async with serve(
            GrpcSection(port=0),
            service="tasks",
            servicers=[(add_HealthServicer_to_server, aio.HealthServicer())],
            verifier=CallerVerifier(caller_keys_of("tasks"), "tasks"),
            runtime=runtime,
        ):
            pytest.fail("it is served")


async def test_a_method_that_would_block_the_loop_is_not_served(
    caller_keys_of: KeysOf, runtime: Runtime
) -> None:
    class Blocking(tasks_service_pb2_grpc.TasksServiceServicer):
        def GetTask(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the contract
            return tasks_service_pb2.GetTaskResponse()

    with pytest.raises(TypeError, match="GetTask must be served by an async function"):
        async with serve(
            GrpcSection(port=0),
            service="tasks",
            servicers=[(tasks_service_pb2_grpc.add_TasksServiceServicer_to_server, Blocking())],
            verifier=CallerVerifier(caller_keys_of("tasks"), "tasks"),
            runtime=runtime,
        ):
            pytest.fail("it is served")


async def test_a_method_left_to_the_generated_base_is_unimplemented(served: Served) -> None:
    stub = tasks_service_pb2_grpc.TasksServiceStub(await served.connect())

    call = stub.GetBoard(tasks_service_pb2.GetBoardRequest(), metadata=served.metadata())

    assert (await error_of(call)).code() is grpc.StatusCode.UNIMPLEMENTED


async def test_gw_06_a_refusal_reaches_the_caller_by_name(served: Served) -> None:
    error = await error_of(served.get_task("absent"))

    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == "Task absent does not exist; look at its number again."
    refusal = refused(error)
    assert (refusal.reason, refusal.domain) == ("TASK_NOT_FOUND", "plexus.tasks")
    assert refusal.metadata == {"task_id": "absent"}
    assert refusal.retry_after == timedelta(seconds=3)

    invalid = await error_of(served.get_task("empty"))
    assert invalid.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_unexpected_failure_is_logged_once_and_nothing_of_it_leaks(
    served: Served,
) -> None:
    metadata = (*served.metadata(), ("traceparent", TRACEPARENT))

    with structlog.testing.capture_logs() as lines:
        error = await error_of(served.get_task("broken", metadata=metadata))

    assert error.code() is grpc.StatusCode.INTERNAL
    refusal = refused(error)
    assert (refusal.reason, refusal.metadata) == ("INTERNAL", {"reference": TRACE})
    assert TRACE in (error.details() or "")
    assert "hunter2" not in repr(error)
    (line,) = [line for line in lines if line["event"] == "rpc.failed"]
    assert (line["method"], line["reference"]) == (GET_TASK, TRACE)
    assert isinstance(line["exc_info"], RuntimeError)
    assert line["exc_info"].__traceback__ is not None


async def test_a_failure_has_a_reference_also_without_a_trace(served: Served) -> None:
    first, second = [refused(await error_of(served.get_task("broken"))) for _ in range(2)]

    assert len(first.metadata["reference"]) == 32
    assert first.metadata["reference"] != second.metadata["reference"]


async def test_a_timeout_inside_is_a_failure_and_no_deadline(served: Served) -> None:
    error = await error_of(served.get_task("inner-timeout"))

    assert error.code() is grpc.StatusCode.INTERNAL


async def test_an_abort_by_hand_stays_as_it_is(served: Served) -> None:
    before = calls(GET_TASK, "DATA_LOSS")

    error = await error_of(served.get_task("abort"))

    assert (error.code(), error.details()) == (grpc.StatusCode.DATA_LOSS, "by hand")
    # Such a status leaves before the method does.
    await eventually(lambda: calls(GET_TASK, "DATA_LOSS") == before + 1)


async def test_the_trace_of_the_caller_goes_on(served: Served) -> None:
    await served.get_task("1", metadata=(*served.metadata(), ("traceparent", TRACEPARENT)))
    assert served.tasks.seen["traceparent"].split("-")[1] == TRACE

    await served.get_task("1")
    assert TRACE not in served.tasks.seen["traceparent"]


async def test_a_span_is_made_for_a_plain_call(
    served: Served, recorded_spans: RecordedSpans
) -> None:
    await served.get_task("1", metadata=(*served.metadata(), ("traceparent", TRACEPARENT)))

    _, trace_id, span_id, _ = served.tasks.seen["traceparent"].split("-")
    span = recorded_spans.one(GET_TASK)
    assert ids(span) == (int(trace_id, 16), int(span_id, 16))
    assert (trace_id, f"{parent_id(span):016x}") == tuple(TRACEPARENT.split("-")[1:3])
    assert span.kind is SpanKind.SERVER
    assert attributes_of(span) == {
        "rpc.system.name": "grpc",
        "rpc.method": GET_TASK,
        "rpc.response.status_code": "OK",
    }


async def test_a_refused_call_is_no_error_and_a_failed_one_is(
    served: Served, recorded_spans: RecordedSpans
) -> None:
    await error_of(served.get_task("absent"))
    await error_of(served.get_task("broken"))

    refused, failed = recorded_spans.named(GET_TASK)
    assert refused.status.status_code is StatusCode.UNSET
    assert attributes_of(refused)["rpc.response.status_code"] == "NOT_FOUND"
    assert attributes_of(refused)["plexus.refusal"] == "TASK_NOT_FOUND"
    assert "error.type" not in attributes_of(refused)
    assert failed.status.status_code is StatusCode.ERROR
    assert attributes_of(failed)["rpc.response.status_code"] == "INTERNAL"
    assert attributes_of(failed)["error.type"] == "INTERNAL"


async def test_every_call_is_counted_by_method_and_code(served: Served) -> None:
    before = [calls(GET_TASK, code) for code in ("OK", "NOT_FOUND", "UNAUTHENTICATED")]

    await served.get_task("1")
    await error_of(served.get_task("absent"))
    await error_of(served.get_task("1", metadata=()))

    after = [calls(GET_TASK, code) for code in ("OK", "NOT_FOUND", "UNAUTHENTICATED")]
    assert after == [count + 1 for count in before]


async def test_gw_06_a_request_without_a_deadline_gets_one(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served.get_task("1", within=None)
    assert 9 < served.tasks.seen["left"] <= 10

    monkeypatch.setattr(interceptors, "DEFAULT_DEADLINE", 0.1)
    error = await error_of(served.get_task("slow", within=None))

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert refused(error).reason == "DEADLINE_EXCEEDED"
    assert refused(error).domain == "plexus.tasks"
    assert served.tasks.cancelled.is_set()


@pytest.mark.alone
async def test_gw_06_the_deadline_of_the_caller_ends_the_work(served: Served) -> None:
    error = await error_of(served.get_task("slow", within=0.2))

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert served.tasks.seen["left"] < 0.3
    await asyncio.wait_for(served.tasks.cancelled.wait(), 2)


async def test_a_caller_that_goes_away_cancels_the_work(served: Served) -> None:
    before = calls(GET_TASK, "CANCELLED")
    call = asyncio.ensure_future(served.get_task("slow"))
    await asyncio.wait_for(served.tasks.begun.wait(), 5)

    call.cancel()

    await asyncio.wait_for(served.tasks.cancelled.wait(), 2)
    await eventually(lambda: calls(GET_TASK, "CANCELLED") == before + 1)


async def test_answers_are_streamed_and_a_failure_half_way_is_named(served: Served) -> None:
    stub = authority_pb2_grpc.AuthorityStub(await served.connect())
    metadata = served.metadata("search")

    whole = stub.Snapshot(authority_pb2.SnapshotRequest(), metadata=metadata)
    assert [part.relations[0].object async for part in whole] == ["task:0", "task:1", "task:2"]

    with structlog.testing.capture_logs() as lines:
        broken = stub.Snapshot(authority_pb2.SnapshotRequest(tenant_id="broken"), metadata=metadata)
        assert len([await broken.read() for _ in range(3)]) == 3
        error = await error_of(broken.read())
    assert error.code() is grpc.StatusCode.INTERNAL
    assert len([line for line in lines if line["event"] == "rpc.failed"]) == 1

    denied = stub.Snapshot(authority_pb2.SnapshotRequest(), metadata=served.metadata())
    assert refused(await error_of(denied.read())).reason == "INTERNAL_ONLY"


async def test_both_sides_stream_without_a_deadline(served: Served) -> None:
    stub = log_service_pb2_grpc.LogServiceStub(await served.connect())
    stream = stub.Append(metadata=served.metadata("gateway", kind=CallerContext.KIND_SERVICE))

    for ref in (7, 8):
        item = log_service_pb2.AppendItem(ref=ref)
        await stream.write(log_service_pb2.AppendRequest(items=[item]))
        assert (await stream.read()).verdicts[0].ref == ref
    await stream.done_writing()

    assert await stream.read() is grpc.aio.EOF
    assert await stream.code() is grpc.StatusCode.OK
    assert (served.log.finished, served.log.cancelled) == (1, 0)


async def test_cancelled_streams_leave_nothing_behind(served: Served) -> None:
    stub = log_service_pb2_grpc.LogServiceStub(await served.connect())
    metadata = served.metadata("gateway", kind=CallerContext.KIND_SERVICE)
    streams = [stub.Append(metadata=metadata) for _ in range(20)]
    await eventually(lambda: served.log.open == 20)

    for stream in streams:
        stream.cancel()

    await eventually(lambda: served.log.open == 0)
    # None of them was taken for a stream that its caller has finished.
    assert (served.log.finished, served.log.cancelled) == (0, 20)
    gc.collect()
    assert not [t for t in asyncio.all_tasks() if "Append" in repr(t.get_coro())]


async def test_a_stop_lets_plain_calls_finish_and_ends_streams_with_the_grace(
    caller_keys_of: KeysOf, runtime: Runtime
) -> None:
    served = Served(caller_keys_of, runtime)
    async with served.stack:
        await served.start(drain_seconds=0.5)
        stub = log_service_pb2_grpc.LogServiceStub(await served.connect())
        metadata = served.metadata("gateway", kind=CallerContext.KIND_SERVICE)
        stream = stub.Append(metadata=metadata)
        await eventually(lambda: served.log.open == 1)
        call = asyncio.ensure_future(served.get_task("slow"))
        await asyncio.wait_for(served.tasks.begun.wait(), 5)

        draining = asyncio.ensure_future(runtime.drain(share=lambda: 5.0))
        await eventually(lambda: not runtime.health.ready)
        late = await error_of(served.get_task("1", within=1))
        assert late.code() is grpc.StatusCode.UNAVAILABLE
        assert served.log.open == 1
        served.tasks.go_on.set()

        assert (await call).task.id == "slow"
        async with asyncio.timeout(60):
            await draining
        await eventually(lambda: served.log.open == 0)
        assert served.log.cancelled == 1
        await error_of(stream.read())


async def test_probes_need_no_caller_and_learn_of_the_drain(
    caller_keys_of: KeysOf, runtime: Runtime
) -> None:
    served = Served(caller_keys_of, runtime)
    async with served.stack:
        await served.start(drain_seconds=5)
        stub = HealthStub(await served.connect())
        watched = stub.Watch(health_pb2.HealthCheckRequest(service="plexus.tasks.v1.TasksService"))
        assert (await watched.read()).status == health_pb2.HealthCheckResponse.SERVING
        answer = await stub.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert runtime.health.ready

        draining = asyncio.ensure_future(runtime.drain(share=lambda: 5.0))

        assert (await watched.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert [check.name for check in runtime.health.failing(required=True)] == ["grpc"]
        watched.cancel()
        await draining


async def test_reflection_is_there_only_when_it_is_asked_for(
    caller_keys_of: KeysOf, runtime: Runtime
) -> None:
    async def services(served: Served) -> list[str]:
        stub = ServerReflectionStub(await served.connect())
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([asked]))
        response = await call.read()
        call.cancel()
        return [service.name for service in response.list_services_response.service]

    open_server, closed_server = (Served(caller_keys_of, runtime) for _ in range(2))
    async with open_server.stack, closed_server.stack:
        await open_server.start(reflection=True)
        await closed_server.start()

        assert "plexus.tasks.v1.TasksService" in await services(open_server)
        error = await error_of(services(closed_server))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_message_over_the_limit_is_refused(
    caller_keys_of: KeysOf, runtime: Runtime
) -> None:
    served = Served(caller_keys_of, runtime)
    async with served.stack:
        await served.start(max_message_bytes=1000)

        error = await error_of(served.get_task("x" * 2000))

        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_port_is_never_shared(
    served: Served, caller_keys_of: KeysOf, runtime: Runtime
) -> None:
    second = Served(caller_keys_of, runtime)
    async with second.stack:
        with pytest.raises(RuntimeError, match="bind"):
            await second.start(port=served.port)


async def test_bytes_that_are_no_request_are_refused_and_not_logged(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = await served.connect()
    call = channel.unary_unary("/plexus.tasks.v1.TasksService/GetTask")

    error = await error_of(call(b"\xff\xff\xff", metadata=served.metadata(), timeout=5))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused(error).reason == "REQUEST_UNREADABLE"
    assert "Traceback" not in "".join(capsys.readouterr())


@pytest.mark.rule("GW-8")
async def test_a_request_outside_its_bounds_is_refused_before_the_method_reads_it(
    served: Served,
) -> None:
    error = await error_of(served.get_task("t" * 257))

    refusal = refused(error)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (refusal.reason, refusal.metadata["field"]) == ("FIELD_OUT_OF_RANGE", "task_id")
    assert served.tasks.seen == {}


@pytest.mark.rule("GW-8")
async def test_a_frame_outside_its_bounds_is_refused_before_the_stream_reads_it(
    served: Served,
) -> None:
    stub = log_service_pb2_grpc.LogServiceStub(await served.connect())
    stream = stub.Append(metadata=served.metadata("gateway", kind=CallerContext.KIND_SERVICE))
    items = [log_service_pb2.AppendItem(ref=ref) for ref in range(1_025)]

    await stream.write(log_service_pb2.AppendRequest(items=items))
    error = await error_of(stream.read())

    refusal = refused(error)
    assert (refusal.reason, refusal.metadata["field"]) == ("FIELD_OUT_OF_RANGE", "items")


@pytest.mark.rule("GW-8")
async def test_a_request_of_unknown_fields_is_refused(served: Served) -> None:
    channel = await served.connect()
    call = channel.unary_unary("/plexus.tasks.v1.TasksService/GetTask")
    # Field 100 with 20,000 bytes.
    content = b"\xa2\x06\xa0\x9c\x01" + bytes(20_000)

    error = await error_of(call(content, metadata=served.metadata(), timeout=5))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused(error).metadata["field"] == "unknown fields"
