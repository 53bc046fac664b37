"""Errors over Connect with JSON: a reason that can be read, faults that are named, over HTTP."""

import json
from typing import Any

import aiohttp
import pytest
from gateway.connect.errors import json_of
from gateway.connect.json_faults import fault_of
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st
from plexus.directory.v1.directory_service_pb2 import CreatePersonRequest, GetPersonRequest
from plexus.messaging.v1 import messaging_service_pb2 as messaging
from plexuskit.errors import Refusal
from plexuskit.grpc.status import Answer

DIRECTORY = "/plexus.directory.v1.DirectoryService"
PATH = f"{DIRECTORY}/GetPerson"
STREAM = "/plexus.audit.v1.AuditService/ExportAudit"


@pytest.fixture
async def http(running):
    async with aiohttp.ClientSession(running.http) as session:
        yield session


@pytest.fixture
def headers(running):
    return {"authorization": running.bearer()[0][1], "content-type": "application/json"}


def info(body: dict[str, Any]) -> dict[str, Any]:
    """Return the reason, domain and metadata of an error, as a client in any language reads it."""
    (found,) = [each["debug"] for each in body["details"] if each["type"] == "google.rpc.ErrorInfo"]
    return found


async def posted(http, headers, body, *, path=PATH) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with http.post(path, data=data, headers=headers) as answer:
        return answer.status, json.loads(await answer.text())


async def test_an_error_carries_reason_and_metadata_in_json(http, headers):
    status, body = await posted(http, headers, {"personId": "absent"})
    assert (status, body["code"]) == (404, "not_found")
    assert info(body) == {
        "reason": "PERSON_NOT_FOUND",
        "domain": "plexus.directory",
        "metadata": {"person_id": "absent"},
    }
    (retry,) = [each for each in body["details"] if each["type"] == "google.rpc.RetryInfo"]
    assert retry["debug"]["retryDelay"].endswith("s")
    # The protocol's own form stays beside it, for clients that read it.
    assert all(each["value"] for each in body["details"])


async def test_an_error_of_the_gateway_itself_carries_its_reason_in_json(http):
    status, body = await posted(http, {"content-type": "application/json"}, {})
    assert (status, info(body)["reason"]) == (401, "TOKEN_MISSING")
    assert info(body)["domain"] == "plexus.gateway"


async def test_the_error_of_a_stream_carries_its_reason_in_json(http):
    headers = {"content-type": "application/connect+json"}
    async with http.post(STREAM, data=b"\x00\x00\x00\x00\x02{}", headers=headers) as answer:
        envelope = await answer.read()
    assert envelope[0] == 2
    body = json.loads(envelope[5:])
    assert info(body["error"])["reason"] == "TOKEN_MISSING"


def test_a_detail_of_a_type_that_is_not_known_here_goes_on_as_bytes():
    detail = AnyMessage(type_url="type.googleapis.com/other.v1.Thing", value=b"\x01")
    status = Status(code=5, details=[detail]).SerializeToString()
    answer = Answer(
        code=StatusCode.NOT_FOUND, text="x", trailing=(("grpc-status-details-bin", status),)
    )
    assert json.loads(json_of(answer))["details"] == [{"type": "other.v1.Thing", "value": "AQ"}]


async def test_an_unknown_field_is_refused_by_its_name(http, headers, running):
    status, body = await posted(http, headers, {"personId": "per_bob", "later": 1})
    assert (status, body["code"]) == (400, "invalid_argument")
    assert info(body)["reason"] == "FIELD_UNKNOWN"
    assert info(body)["metadata"]["field"] == "later"
    assert body["message"] == (
        "plexus.directory.v1.GetPersonRequest has no field later. It has personId, handle, me."
    )
    _, body = await posted(http, headers, {"personID": "per_bob"})
    assert body["message"].endswith("has no field personID. Did you mean personId?")
    assert running.directory.seen == {}


async def test_an_unknown_enum_name_is_refused_with_the_names_that_there_are(http, headers):
    path = "/plexus.messaging.v1.MessagingService/SendMessage"
    status, body = await posted(
        http, headers, {"conversationId": "cnv_1", "priority": "VERY"}, path=path
    )
    assert (status, info(body)["reason"]) == (400, "ENUM_VALUE_UNKNOWN")
    assert info(body)["metadata"]["field"] == "priority"
    assert "PRIORITY_URGENT" in body["message"]


FAULTS = [
    (GetPersonRequest, b"{x", "it is not JSON (line 1, column 2)"),
    (GetPersonRequest, b"\xff", "it is not JSON in UTF-8"),
    (GetPersonRequest, b"[]", "it is not an object"),
    (GetPersonRequest, b'{"personId":7}', "personId must be text"),
    (GetPersonRequest, b'{"me":"yes"}', "me must be true or false"),
    (CreatePersonRequest, b'{"departmentIds":"dep_1"}', "departmentIds must be a list"),
    (CreatePersonRequest, b'{"departmentIds":[7]}', "departmentIds[0] must be text"),
    (CreatePersonRequest, b'{"departmentIds":[null]}', "departmentIds[0] must not be null"),
    (messaging.SendMessageRequest, b'{"replyToSeq":[]}', "replyToSeq must be a number"),
    (messaging.SendMessageRequest, b'{"replyToSeq":"x"}', "replyToSeq must be a number"),
]


@pytest.mark.parametrize(("message", "body", "problem"), FAULTS)
def test_every_fault_is_reported_in_words_of_json(message, body, problem):
    refusal = fault_of(body, message.DESCRIPTOR, problem="the library's words")
    assert (refusal.reason, refusal.metadata["problem"]) == ("JSON_UNREADABLE", problem)


def test_faults_in_nested_messages_are_reported_by_their_path():
    body = b'{"messages":[{"text":"a"},{"text":"b","notify":"NOBODY"}]}'
    refusal = fault_of(body, messaging.SendMessagesRequest.DESCRIPTOR, problem="")
    assert refusal.metadata["field"] in {"messages", "messages[1].notify"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["text", "mentions", "priority", "spans", "x", "replyToSeq"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_body_that_is_refused_is_refused_by_name(value):
    body = json.dumps(value).encode()
    refusal = fault_of(body, messaging.SendMessageRequest.DESCRIPTOR, problem="other words")
    assert isinstance(refusal, Refusal)
    assert "{" not in refusal.message().replace("{}", "")


async def test_a_long_name_of_a_hostile_body_is_shortened(http, headers):
    status, body = await posted(http, headers, b'{"\\ud800' + b"x" * 5_000 + b'":1}')
    assert (status, info(body)["reason"]) == (400, "FIELD_UNKNOWN")
    assert len(body["message"]) < 1_000


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml; charset=utf-8", ""])
async def test_a_wrong_content_type_explains_itself(http, headers, content_type):
    async with http.post(
        PATH, data=b"{}", headers=headers | {"content-type": content_type}
    ) as answer:
        assert answer.status == 415
        assert answer.content_type == "application/json"
        assert "application/json" in answer.headers["accept-post"]
        body = json.loads(await answer.text())
    assert (body["code"], info(body)["reason"]) == ("invalid_argument", "CONTENT_TYPE_NOT_ACCEPTED")
    assert "application/json, application/proto" in info(body)["metadata"]["accepted"]
    assert (content_type.partition(";")[0] or "without Content-Type") in body["message"]
    assert (
        f"curl -H 'Content-Type: application/json' -d '{{}}' https://PLEXUS{PATH}"
        in body["message"]
    )


async def test_a_stream_says_that_it_needs_another_content_type(http, headers):
    status, body = await posted(http, headers, {}, path=STREAM)
    assert (status, info(body)["reason"]) == (415, "CONTENT_TYPE_NOT_ACCEPTED")
    assert "application/connect+json" in body["message"]


@pytest.mark.rule("GW-2")
async def test_gw_02_internal_and_unknown_methods_have_the_same_answer(http, headers):
    answers = set()
    for path in (
        f"{PATH}/",
        f"{DIRECTORY}/Nothing",
        "/plexus.directory.v1.SessionService/GetSigningKeys",
        "/nothing",
    ):
        async with http.post(path, data="{}", headers=headers) as answer:
            answers.add((answer.status, await answer.text()))
    ((status, text),) = answers
    assert status == 404
    assert info(json.loads(text))["reason"] == "UNIMPLEMENTED"
    assert "without a slash at the end" in json.loads(text)["message"]


@pytest.mark.parametrize("path", [PATH, f"{PATH}/", f"{DIRECTORY}/Nothing"])
async def test_a_get_of_a_method_says_how_it_is_called(http, path):
    async with http.get(path) as answer:
        assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")
        assert "POST" in await answer.text()
