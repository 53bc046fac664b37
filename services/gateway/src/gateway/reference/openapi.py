"""The OpenAPI 3.1 document of all plain methods over Connect with JSON."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from google.protobuf import json_format
from plexus.authz.v1.options_pb2 import Requirement

from gateway.limits import class_of
from gateway.reference.contract import (
    Contract,
    Method,
    Service,
    enums_below,
    messages_below,
)
from gateway.reference.errors import EVERY_CALL, WITH_TOKEN, Error, Errors
from gateway.reference.examples import Examples
from gateway.reference.schemas import Schema, reference_to, schema_of_enum, schema_of_message

TITLE: Final = "Plexus API"
ERROR: Final = "connect.Error"
_BEARER: Final = "bearer"
_JSON: Final = "application/json"
_TIMEOUT: Final = "timeout"
_REASON: Final = "reason"
_DESCRIPTION: Final = """\
Methods of Plexus over the Connect protocol with JSON. Each is a POST of its request. Names of
fields are in camel case; those of the contracts are accepted too. 64-bit integers are strings,
bytes are base64, times are RFC 3339. A field that is not set is left out of an answer. Unknown
fields of a request are ignored.

Streams are not in this document: {streams}. The pages below /docs describe them.
"""


def document(
    contract: Contract, *, errors: Errors, examples: Examples, version: str, url: str
) -> dict[str, Any]:
    """Return the document.

    Args:
        contract: public services and their messages.
        errors: errors of their methods.
        examples: example requests.
        version: version of this Plexus.
        url: public address of the gateway; empty if it is unknown.
    """
    streams = [f"{m.info.path[1:]}" for m in contract.methods if m.is_stream]
    plain = [method for method in contract.methods if not method.is_stream]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": version,
            "description": _DESCRIPTION.format(streams=", ".join(streams)),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url or "/"}],
        "security": [{_BEARER: []}],
        "tags": [_tag(service) for service in contract.services],
        "paths": {
            method.info.path: {
                "parameters": [{"$ref": f"#/components/parameters/{_TIMEOUT}"}],
                "post": _operation(method, service, errors=errors, examples=examples),
            }
            for service in contract.services
            for method in service.methods
            if not method.is_stream
        },
        "components": {
            "securitySchemes": {_BEARER: _SECURITY},
            "parameters": {_TIMEOUT: _TIMEOUT_HEADER, _REASON: _REASON_HEADER},
            "schemas": {ERROR: _ERROR, **_schemas(plain, contract=contract)},
        },
    }


_SECURITY: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access token of SignIn, or an API token (`plx_…`).",
}
_TIMEOUT_HEADER: Final = {
    "name": "Connect-Timeout-Ms",
    "in": "header",
    "description": "Milliseconds after which the call ends with `deadline_exceeded`.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 9_999_999_999},
}
_REASON_HEADER: Final = {
    "name": "Plexus-Reason",
    "in": "header",
    "required": True,
    "description": "Reason of the call, which is recorded with it. ASCII; otherwise send base64"
    " of UTF-8 in `Plexus-Reason-Bin`.",
    "schema": {"type": "string", "maxLength": 500},
}
_ERROR: Final = {
    "type": "object",
    "description": "An error of the Connect protocol. `details` contains a `google.rpc.ErrorInfo`,"
    " whose `debug` has `reason` and `metadata`, and a `google.rpc.RetryInfo` if waiting helps.",
    "required": ["code"],
    "properties": {
        "code": {"type": "string", "description": "For example `not_found`."},
        "message": {"type": "string", "description": "Sentence for a person."},
        "details": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "value"],
                "properties": {
                    "type": {
                        "type": "string",
                        "description": "For example `google.rpc.ErrorInfo`.",
                    },
                    "value": {
                        "type": "string",
                        "contentEncoding": "base64",
                        "description": "The serialized message, without padding.",
                    },
                    "debug": {
                        "type": "object",
                        "description": "The message in JSON: of a `google.rpc.ErrorInfo` `reason`,"
                        " for example `PERSON_NOT_FOUND`, `domain`, and `metadata`, an object of"
                        " strings.",
                    },
                },
            },
        },
    },
}


def _tag(service: Service) -> dict[str, Any]:
    described = {"description": service.comment} if service.comment else {}
    return {
        "name": service.full_name,
        **described,
        "externalDocs": {"url": f"/docs/{service.full_name}"},
    }


def _operation(
    method: Method, service: Service, *, errors: Errors, examples: Examples
) -> dict[str, Any]:
    required = method.info.requirement
    operation: dict[str, Any] = {
        "operationId": f"{service.owner}_{service.name}_{method.name}",
        "tags": [service.full_name],
        "summary": method.summary,
        **({"description": method.details} if method.details else {}),
        "requestBody": {
            "required": True,
            "content": {
                _JSON: {
                    "schema": reference_to(method.request.full_name),
                    "example": json_format.MessageToDict(examples.request(method)),
                }
            },
        },
        "responses": {
            "200": {
                "description": "The answer.",
                "content": {_JSON: {"schema": reference_to(method.response.full_name)}},
            },
            **_failures(method, errors=errors),
        },
        "x-plexus-effect": Requirement.Effect.Name(required.effect),
        "x-plexus-rate-class": class_of(method.info).value,
    }
    if required.public:
        operation["security"] = []
    else:
        operation["x-plexus-permission"] = required.permission
    if required.needs_reason:
        operation["parameters"] = [{"$ref": f"#/components/parameters/{_REASON}"}]
    return operation


def _failures(method: Method, *, errors: Errors) -> dict[str, Any]:
    """Return the answers of each HTTP status that a method can give besides 200."""
    common = EVERY_CALL if method.info.requirement.public else (*EVERY_CALL, *WITH_TOKEN)
    by_status: dict[int, list[Error]] = defaultdict(list)
    for error in (*errors.of(method), *common):
        by_status[error.http].append(error)
    return {
        str(status): {
            "description": ", ".join(dict.fromkeys(each.reason for each in found)),
            "content": {_JSON: {"schema": reference_to(ERROR)}},
        }
        for status, found in sorted(by_status.items())
    }


def _schemas(methods: Iterable[Method], *, contract: Contract) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for method in methods:
        for root in (method.request, method.response):
            for message in messages_below(root):
                if message.full_name not in found:
                    found[message.full_name] = schema_of_message(message, contract=contract)
            for enum in enums_below(root):
                if enum.full_name not in found:
                    found[enum.full_name] = schema_of_enum(enum, contract=contract)
    return dict(sorted(found.items()))
