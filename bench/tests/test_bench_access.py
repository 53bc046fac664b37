"""The company of the decision benchmark: reproducible, and with correct expected answers."""

from datetime import UTC, datetime

import pytest
from plexus_access.policies import check
from plexus_access.roles import PERMISSIONS
from plexus_bench.access.company import Company, Size, make_company
from plexus_bench.access.decisions import POLICIES, hold, warm, with_policies
from plexus_bench.access.facts import roster_frames
from plexus_bench.access.questions import Asking

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SMALL = Size(people=60, departments=20, groups=5, bindings=30, memberships=900)


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company(SMALL, seed=7)


def test_a_seed_gives_one_company(company: Company) -> None:
    again, other = make_company(SMALL, seed=7), make_company(SMALL, seed=8)
    assert list(roster_frames(again)) == list(roster_frames(company))
    assert list(roster_frames(other)) != list(roster_frames(company))
    assert company.memberships == SMALL.memberships


def test_gw_03_a_mix_is_answered_as_the_company_implies(company: Company) -> None:
    state = hold(company, now=NOW).state
    questions = Asking(company, seed=7).mixed(400)
    assert {each.allowed for each in questions} == {True, False}
    assert warm(state, questions, now=NOW).per_second > 0
    with_policies(state)
    assert len(state.policies) == len(POLICIES)
    assert all(state.policies.concern(each.ask.permission) for each in questions)
    assert warm(state, questions, now=NOW).per_second > 0


@pytest.mark.parametrize("cedar", POLICIES)
def test_the_policies_are_ones_that_a_tenant_could_put(cedar: str) -> None:
    check(cedar, permissions=PERMISSIONS)
