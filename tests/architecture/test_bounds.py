"""Every field that a request can reach has declared bounds that fit (GW-8)."""

from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from plexus.bounds.v1.bounds_pb2 import Bounds
from plexuskit import bounds
from plexuskit.grpc import requirements
from plexuskit.grpc.options import MAX_MESSAGE_BYTES

# Fields whose elements the service validates one by one; each has a test that proves it.
APART = {
    "plexus.gateway.v1.SessionRequest.sends": "an_item_outside_its_bounds_is_refused_alone",
    "plexus.messaging.v1.AppendRequest.items": "in_a_stream_is_that_items_verdict",
    "plexus.messaging.v1.SendMessagesRequest.items": "in_a_batch_is_that_items_verdict",
    "plexus.messaging.v1.AdvanceCursorsRequest.advances": "cursor_is_that_advances_verdict",
    "plexus.messaging.v1.ImportMessagesRequest.messages": "of_an_import_is_refused_alone",
}


def _requests() -> dict[str, Descriptor]:
    return {
        info.request_class.DESCRIPTOR.full_name: info.request_class.DESCRIPTOR
        for info in requirements().values()
    }


def _fields() -> Iterator[FieldDescriptor]:
    found = {
        field.full_name: field
        for request in _requests().values()
        for field in bounds.reachable(request)
    }
    assert len(found) > 400, "fields of requests are not found any more"
    yield from found.values()


@pytest.mark.rule("GW-8")
def test_every_field_of_a_request_has_bounds_that_fit_its_type() -> None:
    found = [problem for field in _fields() for problem in bounds.problems(field)]

    assert not found, "\n".join(found)


@pytest.mark.rule("GW-8")
@pytest.mark.parametrize("name", sorted(_requests()))
def test_the_check_of_a_request_can_be_compiled(name: str) -> None:
    assert callable(bounds.compiled(_requests()[name]))


@pytest.mark.rule("GW-8")
def test_no_bound_is_above_what_the_transport_carries() -> None:
    found = [
        field.full_name
        for field in _fields()
        if _largest(bounds.declared(field)) > MAX_MESSAGE_BYTES
    ]

    assert not found, found


def _largest(declared: Bounds) -> int:
    own = max(declared.max_bytes, declared.max_chars, declared.max_items, declared.max_pairs)
    halves = (declared.key, declared.value)
    return max(own, *(max(half.max_bytes, half.max_chars) for half in halves))


@pytest.mark.rule("GW-8")
def test_elements_that_are_checked_apart_are_those_with_a_test(
    pytestconfig: pytest.Config,
) -> None:
    apart = {field.full_name for field in _fields() if bounds.declared(field).each_apart}
    texts = [
        path.read_text()
        for path in (pytestconfig.rootpath / "services").rglob("tests/**/test_*.py")
    ]

    assert apart == set(APART)
    for test in APART.values():
        assert any(test in text for text in texts), test
