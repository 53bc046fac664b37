"""Attribute policies: texts that are accepted, and the reported position of a problem."""

from functools import partial

import pytest
from directory.access.domain import access_policies
from directory.access.domain.refusals import PolicyInvalid
from directory.shared.domain.ids import PolicyId, TenantId
from plexus_access.asked_kinds import asked_kinds
from plexuskit.errors import VersionConflict

check = partial(access_policies.check, asked_kinds=asked_kinds)
create = partial(access_policies.create, asked_kinds=asked_kinds)
change = partial(access_policies.change, asked_kinds=asked_kinds)

NIGHT = """\
// Nobody changes people at night.
forbid(
  principal,
  action == Plexus::Action::"people.manage",
  resource
) when { context.minute < 360 };
"""


def refusal(cedar: str) -> PolicyInvalid:
    with pytest.raises(PolicyInvalid) as refused:
        check(cedar)
    return refused.value


def test_gw_3_a_policy_of_known_attributes_is_kept() -> None:
    check(NIGHT)
    check(
        'forbid(principal, action, resource) when { principal.departments.contains("dep_1") '
        '&& resource.kind == "task" && !context.second_factor }; // a; comment\n'
        'forbid(principal, action, resource) when { principal.title == "a;b" };'
    )


@pytest.mark.parametrize(
    ("cedar", "line", "part"),
    [
        ("", 1, "no policy"),
        ("// only a comment;\n", 1, "no policy"),
        ("permit(principal, action, resource);", 1, "permits"),
        (NIGHT + "\n\npermit(principal, action, resource);", 9, "permits"),
        ("forbid(principal == ?principal, action, resource);", 1, "template"),
        ("\n\nforbid(principal,\naction\nresource);", 5, "unexpected token"),
        (NIGHT + "forbid(principal, action, resource)\nwhen { 1 + };", 8, "unexpected token"),
        ("forbid(principal, action,\n resource)", 2, "end of input"),
        (NIGHT + "forbid(principal, action, resource) when { 'x' };", 7, "invalid token"),
        (NIGHT + "\nforbid(principal, action, resource) when { principal.age > 3 };", 8, "age"),
        (
            'forbid(principal, action == Plexus::Action::"people.eat", resource);',
            1,
            "people.eat",
        ),
        (
            NIGHT + 'forbid(principal, action, resource)\nwhen { context.weekday == "Monday" };',
            7,
            "not compatible",
        ),
        ("x" * (access_policies.MAX_CHARACTERS + 1), 1, "longer"),
        ("é\\\"'%forbid", 1, "token"),
    ],
)
def test_gw_3_a_policy_that_cannot_be_kept_is_refused_with_its_line(
    cedar: str, line: int, part: str
) -> None:
    refused = refusal(cedar)
    assert (refused.reason, refused.metadata["line"]) == ("POLICY_INVALID", str(line))
    assert part in refused.metadata["problem"]


def test_a_policy_changes_by_version_and_only_when_something_differs() -> None:
    policy = create(
        policy_id=PolicyId("pol_1"),
        tenant_id=TenantId("ten_1"),
        name=" night ",
        cedar=NIGHT,
        enabled=True,
    )
    assert (policy.name, policy.version) == ("night", 1)
    same = change(policy, cedar=NIGHT, enabled=True, expected_version=1)
    assert same is policy
    off = change(policy, cedar=NIGHT, enabled=False, expected_version=0)
    assert (off.enabled, off.version) == (False, 2)
    with pytest.raises(VersionConflict):
        change(off, cedar=NIGHT, enabled=True, expected_version=1)
