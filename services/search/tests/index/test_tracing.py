"""Requests to a real index inside of a span: their names, and none of their content."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from plexus_testkit.spans import RecordedSpans, attributes_of, ids, parent_id
from plexuskit import telemetry
from search.config import OpensearchSection
from search.store import IndexUnreachable, Store, connect
from search.store.tracing import endpoint_of

WORDS = "the words of a person"


@pytest.fixture
def traced(recorded_spans: RecordedSpans, own_store: Store) -> Store:
    recorded_spans.clear()
    return own_store


async def test_a_write_and_a_search_have_spans_without_content(
    traced: Store,
    recorded_spans: RecordedSpans,
    now: datetime,
    message: Callable[..., Any],
    texts: Callable[..., Any],
) -> None:
    await traced.write([message("before")], now=now)
    with telemetry.span("work"):
        assert await traced.write([message(WORDS)], now=now) == []
        await traced.refresh()
        assert await texts("words") == [WORDS]

    work = recorded_spans.one("work")
    requests = [span for span in recorded_spans.all() if span is not work]
    assert all(span.kind is SpanKind.CLIENT for span in requests)
    assert {parent_id(span) for span in requests} == {ids(work)[1]}
    operations = {attributes_of(span)["db.operation.name"] for span in requests}
    assert {"bulk", "refresh"} <= operations
    assert operations & {"search", "msearch"}
    for span in requests:
        told = attributes_of(span)
        assert told["db.system.name"] == "opensearch"
        assert told["db.response.status_code"] == "200"
        assert told["http.request.method"] in {"GET", "POST", "PUT"}
        assert told["server.address"]
        assert not {"url.full", "db.query.text"} & told.keys()
    for content in ("words", "msg_", "ten_"):
        assert content not in recorded_spans.text()


async def test_an_index_that_is_away_is_an_error(recorded_spans: RecordedSpans) -> None:
    section = OpensearchSection(url="http://127.0.0.1:1")
    async with connect(section) as client:
        with telemetry.span("work"), suppress(IndexUnreachable):
            await Store(client, section).refresh()

    (span,) = [each for each in recorded_spans.all() if each.kind is SpanKind.CLIENT]
    assert span.status.status_code is StatusCode.ERROR
    assert attributes_of(span)["error.type"] == "ConnectionError"


@pytest.mark.parametrize(
    ("method", "url", "endpoint"),
    [
        ("POST", "/plexus-message/_search?allow=false", ("search", "plexus-message")),
        ("POST", "/_bulk", ("bulk", "")),
        ("PUT", "/plexus-progress/_doc/a-name", ("index", "plexus-progress")),
        ("GET", "/plexus-message/_doc/msg_1", ("get", "plexus-message")),
        ("PUT", "/plexus-task-v1", ("indices.create", "plexus-task-v1")),
        ("GET", "/_cluster/health", ("cluster", "")),
    ],
)
def test_a_request_is_named_after_its_endpoint(
    method: str, url: str, endpoint: tuple[str, str]
) -> None:
    assert endpoint_of(method, url) == endpoint
