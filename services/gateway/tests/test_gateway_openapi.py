"""The OpenAPI document: valid, complete, and true of the JSON that protobuf writes and reads."""

import json
from typing import Any

import pytest
from gateway.connect.docs import PREFIX
from gateway.reference.contract import Contract, choice_of, messages_below, value_of
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator
from plexus.messaging.v1 import messaging_service_pb2, personal_service_pb2
from plexus.tasks.v1 import tasks_pb2, tasks_service_pb2
from plexuskit.bounds.declared import FLOATS, INTEGERS, declared, halves_of, is_map, is_time

CONTRACT = Contract()
METHODS = list(CONTRACT.methods)
PLAIN = [method for method in METHODS if not method.is_stream]
MESSAGES = {
    message.full_name: message
    for method in PLAIN
    for root in (method.request, method.response)
    for message in messages_below(root)
}
# As many as the largest `oneof` of the contracts has members.
VARIANTS = 12

every_plain_method = pytest.mark.parametrize("method", PLAIN, ids=lambda method: method.info.path)


@pytest.fixture(scope="module")
def openapi(reference_documents) -> dict[str, Any]:
    return json.loads(reference_documents[f"{PREFIX}/openapi.json"].content)


@pytest.fixture(scope="module")
def accepts(openapi):
    """Return the check of a JSON value against the schema of a message."""

    def check(full_name: str, value: Any) -> None:
        schema = {
            "$ref": f"#/components/schemas/{full_name}",
            "components": openapi["components"],
        }
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
            value
        )

    return check


def filled(descriptor, *, variant: int = 0) -> Any:
    """Return a message with every field set; of a `oneof`, the member selected by the variant."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        choice = choice_of(field)
        if choice is None or choice.fields[variant % len(choice.fields)] == field:
            fill(message, field, variant=variant)
    return message


def fill(message: Any, field: FieldDescriptor, *, variant: int) -> None:
    if is_map(field):
        key, value = halves_of(field)
        getattr(message, field.name)[sample(key, variant=variant)] = sample(value, variant=variant)
    elif is_time(field):
        getattr(message, field.name).FromSeconds(1_800_000_000)
        getattr(message, field.name).nanos = 123_000_000 * (variant % 2)
    elif field.message_type is not None:
        inner = filled(field.message_type, variant=variant)
        if field.is_repeated:
            getattr(message, field.name).append(inner)
        else:
            getattr(message, field.name).CopyFrom(inner)
            getattr(message, field.name).SetInParent()
    elif field.is_repeated:
        getattr(message, field.name).append(sample(field, variant=variant))
    else:
        setattr(message, field.name, sample(field, variant=variant))


def sample(field: FieldDescriptor, *, variant: int) -> Any:
    """Return the lowest or the highest value of a field in turns."""
    bounds = declared(field)
    if field.enum_type is not None:
        numbers = sorted(field.enum_type.values_by_number)
        return numbers[variant % len(numbers)] or numbers[-1]
    if field.type == FieldDescriptor.TYPE_STRING:
        return "x" * min(bounds.max_chars or 8, 200)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b"\xff" * min(bounds.max_bytes or 8, 200)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    if field.type in FLOATS:
        return (0.25, 1e100)[variant % 2]
    low, high = INTEGERS[field.type]
    if bounds.HasField("max"):
        low, high = bounds.min, bounds.max
    return (high, low or 1)[variant % 2]


def test_the_document_is_valid_openapi(openapi):
    assert list(OpenAPIV31SpecValidator(openapi).iter_errors()) == []


@pytest.mark.rule("GW-1")
def test_gw_01_every_plain_public_method_has_a_path_and_nothing_else_has(openapi):
    assert set(openapi["paths"]) == {method.info.path for method in PLAIN}
    assert len(openapi["paths"]) > 100
    for method in METHODS:
        if method.is_stream:
            assert method.info.path[1:] in openapi["info"]["description"]
    names = [path["post"]["operationId"] for path in openapi["paths"].values()]
    assert len(names) == len(set(names))


def test_every_message_of_a_plain_method_has_a_schema_that_something_refers_to(openapi):
    schemas = openapi["components"]["schemas"]
    assert set(MESSAGES) < set(schemas)
    text = json.dumps(openapi)
    for name in schemas:
        assert f'"#/components/schemas/{name}"' in text


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_schema_accepts_what_protobuf_writes(accepts, name):
    for variant in range(VARIANTS):
        message = filled(MESSAGES[name], variant=variant)
        accepts(name, json.loads(json_format.MessageToJson(message)))
    accepts(name, {})


def test_the_variants_cover_every_member_of_every_choice():
    sizes = {len(oneof.fields) for message in MESSAGES.values() for oneof in message.oneofs}
    assert max(sizes) <= VARIANTS


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_schema_names_every_field_by_its_name_in_json(openapi, name):
    schema = openapi["components"]["schemas"][name]
    names = {field.json_name for field in MESSAGES[name].fields}
    assert set(schema.get("properties", {})) == names
    assert set(json_format.MessageToDict(filled(MESSAGES[name]))) <= names


@every_plain_method
def test_the_example_of_a_method_is_accepted_by_its_schema(accepts, openapi, method):
    body = openapi["paths"][method.info.path]["post"]["requestBody"]["content"]
    example = body["application/json"]["example"]
    accepts(method.request.full_name, example)
    json_format.ParseDict(example, method.info.request_class())


@every_plain_method
def test_a_method_requires_a_token_unless_it_is_public(openapi, method):
    operation = openapi["paths"][method.info.path]["post"]
    public = method.info.requirement.public
    assert operation.get("security", openapi["security"]) == ([] if public else [{"bearer": []}])
    assert operation.get("x-plexus-permission", "") == method.info.requirement.permission
    assert {"200", "400", "429", "503"} <= set(operation["responses"])
    assert public or "401" in operation["responses"]


def refused(accepts, message: Any, **changed: Any) -> None:
    value = {**json_format.MessageToDict(message), **changed}
    with pytest.raises(ValidationError):
        accepts(message.DESCRIPTOR.full_name, value)


def test_a_schema_refuses_what_the_bounds_and_the_types_refuse(accepts):
    task = tasks_service_pb2.CreateTaskRequest(title="Check")
    accepts(task.DESCRIPTOR.full_name, json_format.MessageToDict(task))
    refused(accepts, task, title="x" * 2001)
    refused(accepts, task, title=5)
    refused(accepts, task, projectId="prj 1")
    refused(accepts, task, assigneeIds=["per_1"] * 201)
    refused(accepts, task, priority="TASK_PRIORITY_GREATEST")
    refused(accepts, tasks_service_pb2.ListTasksRequest(), pageSize=-1)
    refused(accepts, tasks_service_pb2.ListTasksRequest(), states=["STATE_UNSPECIFIED"])
    refused(accepts, tasks_service_pb2.UpdateTaskRequest(), expectedVersion="-1")
    refused(accepts, personal_service_pb2.ScheduleMessageRequest(), sendAt="tomorrow")


def test_a_schema_refuses_two_members_of_a_choice(accepts):
    refused(accepts, tasks_pb2.Due(date="2031-05-01"), at="2031-05-01T09:00:00Z")
    get = messaging_service_pb2.GetMessageRequest(conversation_id="cnv_1", seq=1)
    accepts(get.DESCRIPTOR.full_name, json_format.MessageToDict(get))
    refused(accepts, get, messageId="msg_1")


def test_a_field_of_a_message_in_a_list_refers_to_its_schema(openapi):
    schema = openapi["components"]["schemas"]["plexus.tasks.v1.ListTasksResponse"]
    assert schema["properties"]["tasks"] == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/plexus.tasks.v1.Task"},
    }
    assert value_of(tasks_service_pb2.ListTasksResponse.DESCRIPTOR.fields[0]).message_type
