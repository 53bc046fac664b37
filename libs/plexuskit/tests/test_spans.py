import re
from collections.abc import Sequence

import pytest
from opentelemetry import trace
from opentelemetry.semconv._incubating.attributes import (
    db_attributes,
    http_attributes,
    messaging_attributes,
    rpc_attributes,
)
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from opentelemetry.trace import SpanKind, StatusCode
from plexus_testkit.spans import (
    RecordedSpans,
    attributes_of,
    ids,
    origins_of,
    parent_id,
    recording,
)
from plexuskit import telemetry
from plexuskit.errors import DependencyDown, VersionConflict
from plexuskit.grpc import tracing as calls
from plexuskit.kafka import Record, tracing
from plexuskit.kafka.producer import Outgoing

TRACE, ROOT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{ROOT}-01"
UNSAMPLED = f"00-{TRACE}-{ROOT}-00"
ELSEWHERE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def record(offset: int, traceparent: str = "", *, topic: str = "tasks.task.v1") -> Record:
    headers = {"traceparent": traceparent.encode()} if traceparent else {}
    return Record(topic=topic, partition=2, offset=offset, key="k", value=b"", headers=headers)


def outgoing(traceparent: str, *, topic: str = "tasks.task.v1") -> Outgoing:
    return topic, "key", b"what a person wrote", {"traceparent": traceparent.encode()}


@pytest.mark.usefixtures("recorded_spans")
def test_a_traceparent_continues_its_trace() -> None:
    with telemetry.extracted(SAMPLED), telemetry.span("consume"):
        continued = telemetry.inject()

    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", continued)
    assert continued != SAMPLED
    assert telemetry.inject() == ""


@pytest.mark.parametrize("traceparent", ["", "nonsense", "00-0-0-00"])
@pytest.mark.usefixtures("recorded_spans")
def test_without_a_usable_traceparent_a_new_trace_begins(traceparent: str) -> None:
    with telemetry.span("outer"):
        outer = telemetry.inject()
        with telemetry.extracted(traceparent), telemetry.span("consume"):
            inner = telemetry.inject()

    assert inner.split("-")[1] != outer.split("-")[1]


def test_a_span_has_its_attributes_and_its_service(recorded_spans: RecordedSpans) -> None:
    attributes = {"plexus.conversation_id": "cnv_1", "plexus.items": 3}
    with telemetry.extracted(SAMPLED), telemetry.span("send", attributes=attributes):
        pass

    span = recorded_spans.one("send")
    assert attributes_of(span) == attributes
    assert span.kind is SpanKind.INTERNAL
    assert span.resource.attributes["service.name"] == "plexus.test"


@pytest.mark.parametrize(
    ("error", "status", "attributes"),
    [
        (
            VersionConflict(expected_version=1, current_version=2),
            StatusCode.UNSET,
            {"plexus.refusal": "VERSION_CONFLICT"},
        ),
        (
            DependencyDown(),
            StatusCode.ERROR,
            {"plexus.refusal": "DEPENDENCY_DOWN", "error.type": "DEPENDENCY_DOWN"},
        ),
        (KeyError("a person's words"), StatusCode.ERROR, {"error.type": "KeyError"}),
    ],
)
def test_a_refusal_is_an_answer_and_an_error_is_an_error(
    error: Exception,
    status: StatusCode,
    attributes: dict[str, str],
    recorded_spans: RecordedSpans,
) -> None:
    with pytest.raises(type(error)), telemetry.span("send"):
        raise error

    span = recorded_spans.one("send")
    assert span.status.status_code is status
    assert attributes_of(span) == attributes
    assert not span.events
    assert "words" not in recorded_spans.text()


def test_nothing_is_made_in_a_trace_that_is_not_sampled(recorded_spans: RecordedSpans) -> None:
    with telemetry.extracted(UNSAMPLED):
        before = trace.get_current_span()
        with telemetry.span("serve", kind=SpanKind.SERVER) as span:
            assert not span.is_recording()
            assert trace.get_current_span() is before
            assert telemetry.started("find", kind=SpanKind.CLIENT) is None
        assert telemetry.inject() == UNSAMPLED

    assert recorded_spans.all() == []


def test_without_a_recorder_a_request_has_ids_and_no_span() -> None:
    assert not telemetry.recording()

    with telemetry.span("serve", kind=SpanKind.SERVER):
        outer = telemetry.inject()
        with telemetry.span("call", kind=SpanKind.CLIENT):
            assert telemetry.inject() == outer
    with telemetry.extracted(SAMPLED), telemetry.span("serve", kind=SpanKind.SERVER):
        assert telemetry.inject() == SAMPLED

    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-02", outer)
    assert telemetry.inject() == ""


def test_a_call_of_a_client_begins_no_trace(recorded_spans: RecordedSpans) -> None:
    with telemetry.span("call", kind=SpanKind.CLIENT):
        assert telemetry.inject() == ""

    assert recorded_spans.all() == []


def test_the_ratio_decides_about_traces_that_begin_here() -> None:
    with recording(sample_ratio=0) as spans:
        for _ in range(50):
            with telemetry.span("serve", kind=SpanKind.SERVER):
                assert telemetry.inject().endswith("-02")
            assert telemetry.started("frame", kind=SpanKind.CLIENT, root=True) is None
        with telemetry.extracted(SAMPLED), telemetry.span("serve", kind=SpanKind.SERVER):
            pass
        with telemetry.batch("process", traceparents=[SAMPLED, ELSEWHERE]):
            pass

        assert [span.name for span in spans.all()] == ["serve", "process"]


def test_a_batch_of_one_trace_continues_it_and_links_to_it(recorded_spans: RecordedSpans) -> None:
    records = [record(0, SAMPLED), record(1, SAMPLED), record(2)]

    with tracing.processing(records, group="search.tasks"):
        pass

    span = recorded_spans.one("process tasks.task.v1")
    assert span.kind is SpanKind.CONSUMER
    assert ids(span)[0] == int(TRACE, 16)
    assert parent_id(span) == int(ROOT, 16)
    assert [f"{origin.span_id:016x}" for origin in origins_of(span)] == [ROOT]
    assert attributes_of(span) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "tasks.task.v1",
        "messaging.destination.partition.id": "2",
        "messaging.batch.message_count": 3,
        "messaging.consumer.group.name": "search.tasks",
    }


def test_a_batch_of_several_traces_is_one_trace_with_links(recorded_spans: RecordedSpans) -> None:
    records = [
        record(0, SAMPLED),
        record(1, ELSEWHERE, topic="tasks.project.v1"),
        record(2, "00-11111111111111111111111111111111-2222222222222222-00"),
    ]

    with tracing.processing(records, group="search.tasks"):
        pass

    span = recorded_spans.one("process")
    assert parent_id(span) == 0
    assert {f"{origin.trace_id:032x}" for origin in origins_of(span)} == {
        TRACE,
        ELSEWHERE.split("-")[1],
    }
    assert "messaging.destination.name" not in attributes_of(span)


@pytest.mark.parametrize(
    ("traceparents", "continued"),
    [([UNSAMPLED], UNSAMPLED), ([UNSAMPLED, f"00-{TRACE[::-1]}-{ROOT}-02"], "")],
)
def test_a_batch_without_a_sampled_origin_has_ids_and_no_span(
    traceparents: Sequence[str], continued: str, recorded_spans: RecordedSpans
) -> None:
    with tracing.processing([record(0, each) for each in traceparents], group="search.tasks"):
        inside = telemetry.inject()

    assert inside == continued or inside not in traceparents
    assert inside.endswith(("-00", "-02"))
    assert recorded_spans.all() == []


def test_a_batch_that_is_sent_has_one_span_and_keeps_its_headers(
    recorded_spans: RecordedSpans,
) -> None:
    records = [outgoing(SAMPLED), outgoing(ELSEWHERE)]

    with tracing.sending(records):
        pass

    span = recorded_spans.one("send tasks.task.v1")
    assert span.kind is SpanKind.PRODUCER
    assert len(origins_of(span)) == 2
    assert attributes_of(span) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "tasks.task.v1",
        "messaging.batch.message_count": 2,
    }
    assert records == [outgoing(SAMPLED), outgoing(ELSEWHERE)]
    assert "a person wrote" not in recorded_spans.text()


def test_a_batch_of_five_hundred_traces_links_to_all(recorded_spans: RecordedSpans) -> None:
    with telemetry.batch("process", traceparents=[f"00-{n:032x}-{ROOT}-01" for n in range(1, 501)]):
        pass

    assert len(recorded_spans.one("process").links) == 500


def test_the_names_are_those_of_the_semantic_conventions(recorded_spans: RecordedSpans) -> None:
    known = {
        value
        for module in (
            db_attributes,
            error_attributes,
            http_attributes,
            messaging_attributes,
            rpc_attributes,
            server_attributes,
        )
        for value in vars(module).values()
        if isinstance(value, str)
    }
    with calls.server_span("/plexus.tasks.v1.TasksService/GetTask") as span:
        with tracing.processing([record(0)], group="search.tasks"), tracing.sending([outgoing("")]):
            pass
        with calls.client_span("/plexus.authz.v1.Authority/Recheck", server="tasks") as called:
            calls.answered(called, calls.grpc.StatusCode.INTERNAL)
        calls.served(span, calls.grpc.StatusCode.INTERNAL)

    used = {name for span in recorded_spans.all() for name in attributes_of(span)}
    assert len(used) > 10
    assert used <= known
