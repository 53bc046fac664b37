"""Rules of groups over many people give the same as each rule over each person."""

from directory.people.domain.groups import Rule
from directory.people.domain.people import Kind
from directory.people.domain.rules import Matcher, Traits
from directory.shared.domain.ids import DepartmentId, PersonId
from hypothesis import given
from hypothesis import strategies as st

FEW = st.lists(st.sampled_from(["a", "b", "c"]), max_size=2).map(tuple)
KINDS = st.lists(st.sampled_from([Kind.HUMAN, Kind.GUEST]), max_size=2).map(tuple)
RULES = st.builds(Rule, department_ids=FEW, titles=FEW, skills=FEW, locales=FEW, kinds=KINDS)
PEOPLE = st.lists(
    st.tuples(FEW, FEW, FEW, st.sampled_from(["a", "b"]), st.sampled_from(["human", "guest"])),
    max_size=8,
)


@given(RULES, PEOPLE)
def test_an_index_gives_whom_each_field_of_a_rule_gives(rule, people):
    traits = [
        Traits(
            person_id=PersonId(f"per_{number}"),
            department_ids=departments,
            titles=titles,
            skills=skills,
            locale=locale,
            kind=kind,
        )
        for number, (departments, titles, skills, locale, kind) in enumerate(people)
    ]
    below = [DepartmentId(each) for each in rule.department_ids]

    expected = {
        each.person_id
        for each in traits
        if (not rule.department_ids or set(below) & set(each.department_ids))
        and (not rule.titles or set(rule.titles) & set(each.titles))
        and (not rule.skills or set(rule.skills) & set(each.skills))
        and (not rule.locales or each.locale in rule.locales)
        and (not rule.kinds or each.kind in {kind.value for kind in rule.kinds})
    }

    assert Matcher(traits).matching(rule, departments=below) == expected
