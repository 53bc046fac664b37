"""Kinds of objects that policies are asked about, and policies that nothing would ask (GW-10)."""

import json

import cedarpy
import pytest
from plexus_access.asked import unasked
from plexus_access.asked_kinds import asked_kinds
from plexus_access.explain import READING
from plexus_access.objects import KINDS
from plexus_access.policies import NEVER_REFUSED
from plexus_access.roles import PERMISSIONS
from plexuskit.grpc.methods import requirements

PERSON = 'resource == Plexus::Object::"person:per_1"'
BY_KIND = 'resource) when { resource.kind == "person" && context.app'


def problem(action: str, rest: str) -> str:
    names = ", ".join(f'Plexus::Action::"{each}"' for each in action.split())
    scope = f"action in [{names}]" if names else "action"
    ends = " };" if "{" in rest else ");"
    found = json.loads(cedarpy.policies_to_json_str(f"forbid(principal, {scope}, {rest}{ends}"))
    [policy] = found["staticPolicies"].values()
    return unasked(policy, asked_kinds=asked_kinds)


@pytest.mark.rule("GW-10")
def test_gw_10_every_object_that_a_contract_names_can_be_asked_about() -> None:
    for path, method in requirements().items():
        required = method.requirement
        for need in (required, *required.also, *required.policed):
            if need.permission and need.resource in KINDS:
                assert need.resource in asked_kinds(need.permission), path
    assert all(kind in asked_kinds(permission) for kind, permission in READING.items())
    # Each permission is asked for something, so that a policy on all objects is never refused.
    for permission in PERMISSIONS - NEVER_REFUSED:
        assert not problem(permission, "resource"), permission


@pytest.mark.rule("GW-10")
@pytest.mark.parametrize("rest", [PERSON, BY_KIND, f"resource) when {{ {PERSON}"])
@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("people.manage", True),
        ("people.read", True),
        ("sessions.manage", True),
        ("access.explain_others", True),
        ("", True),
        ("audit.read", False),
        ("people.set_absence", True),
        ("messages.mark_read", False),
        ("people.manage audit.read", False),
    ],
)
def test_gw_10_a_policy_on_an_object_is_asked_or_names_what_is(
    rest: str, action: str, *, asked: bool
) -> None:
    found = problem(action, rest)
    assert (found == "") == asked, found
    if not asked:
        refused = action.rsplit(maxsplit=1)[-1]
        kinds = ", ".join(sorted(asked_kinds(refused)))
        assert found == f"{refused} is asked for {kinds} only, never for person"


@pytest.mark.rule("GW-10")
@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        ('when { ["tenant", "task"].contains(resource.kind) }', True),
        ('when { ["person", "task"].contains(resource.kind) }', False),
        ('unless { resource.kind == "tenant" }', False),
        ('unless { resource.kind == "tenant" && context.app }', True),
        ('when { !(resource.kind != "person") }', False),
        ('when { resource.kind == "person" || principal.guest }', True),
        ('when { resource in [Plexus::Object::"person:per_1"] }', False),
        ('when { resource.departments.contains("dep_1") }', False),
        ('when { resource.departments.containsAny(["dep_1"]) }', False),
        ('when { principal.departments.contains("dep_1") }', True),
        ('when { resource.id like "per*" }', True),
        ("when { if context.app then true else false }", True),
    ],
)
def test_gw_10_conditions_decide_about_the_kinds_as_far_as_they_can(
    condition: str, *, asked: bool
) -> None:
    assert (problem("audit.read", f"resource) {condition[:-2]}") == "") == asked


def test_gw_10_a_policy_about_no_kind_or_on_what_none_refuses_is_told_so() -> None:
    assert "no kind" in problem("", 'resource) when { resource.kind == "persn"')
    assert "no kind" in problem("", 'resource == Plexus::Object::"per_1"')
    assert problem("policies.manage", "resource") == "no policy refuses policies.manage"
