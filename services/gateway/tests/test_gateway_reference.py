"""The API reference: every public method is in it, no internal one, and its examples are right."""

import json
import re
import shlex
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser

import grpc
import pytest
from connectrpc import _protocol
from gateway.connect.docs import PREFIX
from gateway.reference import vocabulary
from gateway.reference.contract import Contract, enums_below, messages_below
from gateway.reference.errors import HTTP, Errors
from gateway.reference.examples import Examples, curl_of
from google.protobuf import json_format
from plexuskit import bounds
from plexuskit.clock import SystemClock
from plexuskit.grpc import requirements

CONTRACT = Contract()
ERRORS = Errors()
EXAMPLES = Examples(CONTRACT, now=SystemClock().now())
METHODS = list(CONTRACT.methods)
INTERNAL = [info for info in requirements().values() if info.requirement.internal]
VOID = {"meta", "br"}

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.info.path)


class Page(HTMLParser):
    """Contents of a page: ids, links, elements; fails if elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.elements.append((tag, named))
        if "id" in named:
            self.ids.append(named["id"])
        if tag == "a":
            self.links.append(named["href"])
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


@pytest.fixture(scope="module")
def pages(reference_documents) -> dict[str, Page]:
    return {
        path: Page(document.content.decode())
        for path, document in reference_documents.items()
        if document.content_type.startswith(b"text/html")
    }


@pytest.mark.rule("GW-1")
def test_gw_01_every_public_method_is_described_and_no_internal_one(pages, reference_documents):
    public = {path for path, info in requirements().items() if not info.requirement.internal}
    assert {method.info.path for method in METHODS} == public
    for method in METHODS:
        service = method.info.path.split("/")[1]
        assert method.name in pages[f"{PREFIX}/{service}"].ids
        assert f"{PREFIX}/{service}#{method.name}" in pages[PREFIX].links

    text = "\n".join(document.content.decode() for document in reference_documents.values())
    names = {method.name for method in METHODS}
    services = {service.full_name for service in CONTRACT.services}
    assert len(INTERNAL) > 5
    for info in INTERNAL:
        service, _, name = info.path[1:].partition("/")
        assert info.path not in text
        assert service in services or service not in text
        assert name in names or not re.search(rf"\b{name}\b", text), name
        for message in (info.request_class, info.response_class):
            assert not re.search(rf"\b{message.DESCRIPTOR.name}\b", text)


@every_method
def test_every_public_method_has_a_comment_and_its_summary_is_its_first_sentence(method):
    assert method.comment
    assert method.comment.startswith(method.summary)
    assert len(method.summary) < 200


@every_method
@pytest.mark.rule("GW-8")
def test_gw_08_an_example_is_within_the_bounds_of_its_request(method):
    request = EXAMPLES.request(method)
    bounds.check(request)
    assert type(request) is method.info.request_class


@every_method
def test_a_curl_example_sends_a_request_that_the_method_reads(method):
    request = EXAMPLES.request(method)
    words = shlex.split(curl_of(method, request).replace("\\\n", ""))
    assert words[0] == "curl"
    assert words[-1] == f"$PLEXUS_URL{method.info.path}"
    data = words[words.index("--data") + 1]
    read = json_format.Parse(data, method.info.request_class())
    assert read == request
    headers = {words[place + 1] for place, word in enumerate(words) if word == "-H"}
    assert "Content-Type: application/json" in headers
    has_token = "Authorization: Bearer $TOKEN" in headers
    assert has_token is not method.info.requirement.public
    has_reason = any(header.startswith("Plexus-Reason: ") for header in headers)
    assert has_reason is method.info.requirement.needs_reason


def test_the_vocabulary_of_examples_names_fields_that_requests_have():
    found, qualified = set(), set()
    for method in METHODS:
        for message in messages_below(method.request):
            found |= {field.name for field in message.fields}
            qualified |= {f"{message.name}.{field.name}" for field in message.fields}
    tables = (
        *(vocabulary.TEXTS, vocabulary.NUMBERS, vocabulary.ENUMS),
        *(vocabulary.PAST, vocabulary.LATER, vocabulary.KEPT, vocabulary.LEFT_OUT),
    )
    for name in (name for table in tables for name in table):
        assert name in (qualified if "." in name else found), name
    nouns = {re.sub(r"(?:_id)?s?$", "", name).rpartition("_")[2] for name in found}
    assert set(vocabulary.PREFIXES) <= nouns


@every_method
def test_a_reason_in_the_comment_of_a_method_is_one_that_its_owner_gives(method):
    codes = {code.name for code in grpc.StatusCode}
    unknown = [
        reason
        for reason in ERRORS.named(method)
        if ERRORS.find(reason, service=method.info.service) is None and reason not in codes
    ]
    assert unknown == []


def test_a_method_has_the_errors_of_its_requirement_and_of_its_comment():
    by_path = {method.info.path: ERRORS.of(method) for method in METHODS}
    move = {error.reason for error in by_path["/plexus.tasks.v1.TasksService/MoveTask"]}
    assert move >= {
        "TASK_NOT_FOUND",
        "TRANSITION_NOT_ALLOWED",
        "VERSION_CONFLICT",
        "REQUEST_ID_REUSED",
    }
    anchors = by_path["/plexus.messaging.v1.MessagingService/ExportConversationAnchors"]
    assert {error.reason for error in anchors} >= {"REASON_REQUIRED", "NOT_RECORDED"}
    signing_in = by_path["/plexus.directory.v1.SessionService/SignIn"]
    assert [error.reason for error in signing_in] == ["SIGN_IN_REFUSED"]


def test_statuses_are_those_of_the_connect_library():
    table = _protocol._error_to_http_status
    assert {code.value: status.code for code, status in table.items()} == {
        "canceled" if code is grpc.StatusCode.CANCELLED else code.name.lower(): status
        for code, status in HTTP.items()
    }


def test_every_link_of_a_page_leads_to_a_page_and_a_place_in_it(pages, reference_documents):
    for path, page in pages.items():
        assert [name for name, count in Counter(page.ids).items() if count > 1] == [], path
        for link in page.links:
            if link.startswith("https://connectrpc.com/"):
                continue
            target, _, fragment = link.partition("#")
            found = target or path
            assert found in reference_documents, link
            if fragment:
                assert fragment in pages[found].ids, f"{path}: {link}"


def test_a_page_is_english_html_that_loads_and_runs_nothing(pages):
    for page in pages.values():
        elements = page.elements
        assert elements[0] == ("html", {"lang": "en"})
        loading = {"script", "link", "img", "iframe", "object", "form", "base", "video", "audio"}
        assert not loading & {tag for tag, _ in elements}
        names = {name for _, attributes in elements for name in attributes}
        assert not {name for name in names if name.startswith("on") or name in {"src", "style"}}
        assert [tag for tag, _ in elements].count("h1") == 1


def test_a_page_shows_types_bounds_and_errors_of_a_method(reference_documents):
    text = reference_documents[f"{PREFIX}/plexus.tasks.v1.TasksService"].content.decode()
    section = text.partition('<h2 id="CreateTask">')[2].partition("</section>")[0]
    for expected in (
        "<code>tasks.create</code> on the project in <code>projectId</code>",
        "at most 2,000 characters",
        "at most 200 elements",
        '<a href="#plexus.tasks.v1.TaskPriority">TaskPriority</a>',
        '<a href="#plexus.tasks.v1.Task">Task</a>',
        "/docs/errors#tasks-REQUEST_ID_REUSED",
        "curl -H &#39;Content-Type: application/json&#39;",
        "Changes state; recorded in the ledger of the company",
    ):
        assert expected in section, expected


def test_a_stream_says_which_client_to_use(reference_documents):
    text = reference_documents[f"{PREFIX}/plexus.gateway.v1.SessionService"].content.decode()
    subscribe = text.partition('<h2 id="Subscribe">')[2].partition("</section>")[0]
    session = text.partition('<h2 id="Session">')[2].partition("</section>")[0]
    assert "Connect client" in subscribe
    assert "native gRPC client on the gRPC port" in session
    assert "curl -H" not in subscribe + session


def test_every_type_that_a_method_uses_is_on_its_page(pages):
    for service in CONTRACT.services:
        ids = set(pages[f"{PREFIX}/{service.full_name}"].ids)
        for method in service.methods:
            for root in (method.request, method.response):
                inside = {each.full_name for each in messages_below(root)} - {root.full_name}
                assert inside | {each.full_name for each in enums_below(root)} <= ids


def test_the_policy_of_a_page_allows_its_own_style_alone(reference_documents):
    for document in reference_documents.values():
        if document.content_type.startswith(b"text/html"):
            style = document.content.partition(b"<style>")[2].partition(b"</style>")[0]
            assert style
            digest = b64encode(sha256(style).digest()).decode()
            assert f"style-src 'sha256-{digest}';" in document.policy.decode()


def test_texts_of_the_contracts_are_escaped(reference_documents):
    text = reference_documents[f"{PREFIX}/plexus.audit.v1.AccessHistoryService"].content.decode()
    assert "<code>person:&lt;id&gt;</code>" in text


def test_all_processes_of_one_day_serve_the_same_bytes(reference_documents):
    from gateway.reference import documents  # noqa: PLC0415 - the fixture has made them once

    again = documents(
        now=SystemClock().now(), url="https://plexus.example.com", max_body_bytes=4 << 20
    )
    assert again == dict(reference_documents)
    assert json.loads(again[f"{PREFIX}/openapi.json"].content)["openapi"] == "3.1.0"
