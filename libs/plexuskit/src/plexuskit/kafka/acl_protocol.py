"""Requests that the client library has no method for: access rules and SCRAM users.

Its own classes for access rules carry one rule each; these carry a whole list in one request, which
the controller applies as one change.
"""

from collections.abc import Sequence
from typing import Any, Final

from aiokafka.protocol.admin import (
    CreateAclsRequest_v1,
    DeleteAclsRequest_v1,
    DescribeAclsRequest_v1,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

ANY: Final = 1
LITERAL: Final = 3
ALLOW: Final = 3
SCRAM_SHA_512: Final = 2

Rule = tuple[int, str, int, str, str, int, int]
"""Kind of resource, its name, kind of name, principal, host, operation, permission."""


class CreateRules(Request[CreateAclsRequest_v1]):  # type: ignore[misc] # the client carries no types
    """Create access rules."""

    API_KEY = 30

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = list(rules)

    def build(self, request_struct_class: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        """Return the request in its only supported version."""
        return request_struct_class(self._rules)


class DeleteRules(Request[DeleteAclsRequest_v1]):  # type: ignore[misc] # the client carries no types
    """Delete access rules by exact filters."""

    API_KEY = 31

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = list(rules)

    def build(self, request_struct_class: type[DeleteAclsRequest_v1]) -> DeleteAclsRequest_v1:
        """Return the request in its only supported version."""
        return request_struct_class(self._rules)


class DescribeRules(Request[DescribeAclsRequest_v1]):  # type: ignore[misc] # the client carries no types
    """List all access rules."""

    API_KEY = 29

    def build(self, request_struct_class: type[DescribeAclsRequest_v1]) -> DescribeAclsRequest_v1:
        """Return the request in its only supported version: a filter that matches every rule."""
        return request_struct_class(ANY, None, ANY, None, None, ANY, ANY)


class AlterScramResponse(Response):  # type: ignore[misc] # the client carries no types
    """One outcome per user."""

    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class AlterScramStruct(RequestStruct):  # type: ignore[misc] # the client carries no types
    """Credentials to set; the password itself is not in it."""

    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = AlterScramResponse
    SCHEMA = Schema(
        (
            "deletions",
            CompactArray(
                ("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields)
            ),
        ),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class AlterScram(Request[AlterScramStruct]):  # type: ignore[misc] # the client carries no types
    """Set the SCRAM credentials of users."""

    API_KEY = 51

    def __init__(self, upsertions: Sequence[tuple[str, int, bytes, bytes]]) -> None:
        """Set name, iterations, salt and salted password of each user."""
        self._upsertions = upsertions

    def build(self, request_struct_class: type[AlterScramStruct]) -> AlterScramStruct:
        """Return the request in its only version."""
        no_tags: dict[int, Any] = {}
        listed = [
            (name, SCRAM_SHA_512, iterations, salt, salted, no_tags)
            for name, iterations, salt, salted in self._upsertions
        ]
        return request_struct_class([], listed, no_tags)
