"""Attribute policies in Cedar: parsed, checked, and accepted only if all they can do is refuse.

The engine reports no position for text that it cannot parse, so the position is searched: text is
cut into statements, and a statement into the lines at whose end its problem shows.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NoReturn

import cedarpy
from plexus_access.asked import AskedKinds, unasked
from plexus_access.policies import SCHEMA
from plexus_access.roles import PERMISSIONS
from plexuskit.names import clean_name

from directory.access.domain.refusals import PolicyInvalid
from directory.access.domain.roles import check_version
from directory.shared.domain.ids import PolicyId, TenantId

MAX_CHARACTERS: Final = 20_000
MAX_NAME: Final = 100
# Semicolons in texts and comments end no statement.
_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"?|//[^\n]*|;|[^";/]+|/', re.DOTALL)
_BLANK: Final = re.compile(r"(?:\s|//[^\n]*)*")
_UNFINISHED: Final = "unexpected end of input"
_POLICY: Final = re.compile(r"policy(\d+)")
_PREAMBLE: Final = re.compile(r"^for policy `policy\d+`, ")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """A named text of policies; it refuses while it is enabled."""

    id: PolicyId
    tenant_id: TenantId
    name: str
    cedar: str
    enabled: bool
    version: int
    removed: bool = False


def create(
    *,
    policy_id: PolicyId,
    tenant_id: TenantId,
    name: str,
    cedar: str,
    enabled: bool,
    asked_kinds: AskedKinds,
) -> AccessPolicy:
    """Make a policy at version 1.

    In: `plexus_access.asked_kinds`, as for `change` and `check`.

    Raises:
        PolicyInvalid: the text cannot be kept; with line and problem.
        InvalidArgument: the name is not allowed.
    """
    check(cedar, asked_kinds=asked_kinds)
    return AccessPolicy(
        id=policy_id,
        tenant_id=tenant_id,
        name=name_of(name),
        cedar=cedar,
        enabled=enabled,
        version=1,
    )


def change(
    policy: AccessPolicy,
    *,
    cedar: str,
    enabled: bool,
    expected_version: int,
    asked_kinds: AskedKinds,
) -> AccessPolicy:
    """Replace the text. Out: the same object when nothing differs, else the next version.

    Raises:
        PolicyInvalid: the text cannot be stored; with line and problem.
        VersionConflict: `expected_version` is neither 0 nor the current one.
    """
    check_version(expected_version, current=policy.version)
    if enabled or cedar != policy.cedar:
        # Any stored text can be switched off, also one that would be refused now.
        check(cedar, asked_kinds=asked_kinds)
    changed = replace(policy, cedar=cedar, enabled=enabled)
    return policy if changed == policy else replace(changed, version=policy.version + 1)


def remove(policy: AccessPolicy) -> AccessPolicy:
    """Delete a policy; it refuses nothing any more."""
    return replace(policy, removed=True, version=policy.version + 1)


def name_of(value: str) -> str:
    """Clean the name of a policy: 1 to 100 characters.

    Raises:
        InvalidArgument: nothing visible is left, or it is longer.
    """
    return clean_name(value, field="name", max_chars=MAX_NAME)


def check(cedar: str, *, asked_kinds: AskedKinds) -> None:
    """Check that a text has only policies that forbid by known attributes and are asked.

    Raises:
        PolicyInvalid: it does not; with the line, from 1, and the problem.
    """
    if len(cedar) > MAX_CHARACTERS:
        _refuse(1, f"the text is longer than {MAX_CHARACTERS} characters")
    statements = list(_statements(cedar))
    if not statements:
        _refuse(1, "there is no policy")
    for line, text in statements:
        _check_statement(text, line=line)
    found = cedarpy.validate_policies(cedar, _schema())
    for each in found.errors:
        named = _POLICY.fullmatch(each.policy_id)
        line = statements[int(named[1])][0] if named else 1
        _refuse(line, _PREAMBLE.sub("", each.error))
    for line, text in statements:
        for policy in json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values():
            if problem := unasked(policy, asked_kinds=asked_kinds):
                _refuse(line, problem)


def _check_statement(text: str, *, line: int) -> None:
    if problem := _problem(text):
        _refuse(line + _line_of_problem(text, problem), problem)
    parsed = json.loads(cedarpy.policies_to_json_str(text))
    if parsed["templates"]:
        _refuse(line, "it is a template; write it without ?principal and ?resource")
    if any(each["effect"] != "forbid" for each in parsed["staticPolicies"].values()):
        _refuse(line, "it permits; policies only forbid what roles would grant")


def _problem(text: str) -> str:
    try:
        cedarpy.policies_to_json_str(text)
    except ValueError as error:
        return str(error)
    return ""


def _line_of_problem(text: str, problem: str) -> int:
    """Find the line, from 0, up to which a statement must be read for its problem to show."""
    lines = text.splitlines() or [""]
    if problem == _UNFINISHED:
        return len(lines) - 1
    ends = range(1, len(lines))
    return bisect_left(ends, 1, key=lambda end: _problem("\n".join(lines[:end])) == problem)


def _statements(cedar: str) -> Iterator[tuple[int, str]]:
    """Cut a text into statements, each with the line, from 1, on which it begins."""
    begin = _after_blank(cedar, 0)
    while begin < len(cedar):
        end = _end_of_statement(cedar, begin)
        yield cedar.count("\n", 0, begin) + 1, cedar[begin:end]
        begin = _after_blank(cedar, end)


def _after_blank(cedar: str, at: int) -> int:
    blank = _BLANK.match(cedar, at)
    return blank.end() if blank else at


def _end_of_statement(cedar: str, begin: int) -> int:
    for token in _TOKEN.finditer(cedar, begin):
        if token[0] == ";":
            return token.end()
    return len(cedar)


@lru_cache(maxsize=1)
def _schema() -> cedarpy.Schema:
    actions = ", ".join(json.dumps(each) for each in sorted(PERMISSIONS))
    return cedarpy.Schema.from_str(SCHEMA % actions)


def _refuse(line: int, problem: str) -> NoReturn:
    raise PolicyInvalid(line=line, problem=problem)
