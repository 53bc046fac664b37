"""Posts, skills, guests, absences, managers and rules: the allowed values of each."""

from datetime import UTC, datetime, timedelta

import pytest
from directory.people.domain import absences, groups, managers, people, tenants
from directory.people.domain.absences import Absence
from directory.people.domain.people import Changes, Draft, Kind
from directory.people.domain.posts import Post
from directory.people.domain.refusals import (
    GroupByName,
    GroupTooLarge,
    GuestExpired,
    ReportingCycle,
)
from directory.shared.domain.ids import DepartmentId, GroupId, PersonId, TenantId
from plexuskit.errors import InvalidArgument

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TENANT = tenants.create(
    tenant_id=TenantId("ten_1"), name="北方贸易", time_zone="Asia/Shanghai", now=NOW
)


def person(**fields: object) -> people.Person:
    draft = {"handle": "li", "display_name": "李雷", **fields}
    return people.create(
        Draft(**draft),  # type: ignore[arg-type]
        person_id=PersonId("per_1"),
        tenant=TENANT,
        now=NOW,
    )


def field_of(refused: pytest.ExceptionInfo[InvalidArgument]) -> str:
    return refused.value.metadata["field"]


def test_posts_are_in_departments_of_the_person_and_end_with_them() -> None:
    post = Post(DepartmentId("dep_b"), "采购经理")
    with pytest.raises(InvalidArgument) as refused:
        person(department_ids=["dep_a"], posts=[post])
    assert field_of(refused) == "posts"

    made = person(department_ids=["dep_a", "dep_b"], posts=[post, post])
    assert made.posts == (post,)
    left = people.change(made, Changes(department_ids=["dep_a"]), now=NOW)
    assert (left.posts, left.version) == ((), 2)


def test_skills_keep_their_order_and_come_once() -> None:
    made = person(skills=["Kafka", "谈判", "kafka"])
    assert made.skills == ("Kafka", "谈判")
    with pytest.raises(InvalidArgument):
        person(skills=[f"s{n}" for n in range(51)])
    with pytest.raises(InvalidArgument):
        person(skills=[" "])


def guest(**fields: object) -> people.Person:
    return person(**({"kind": Kind.GUEST, "guest_expires_at": NOW + DAY} | fields))


def test_gw_05_a_guest_has_an_end_a_role_of_their_own_and_no_department() -> None:
    made = guest()
    assert (made.roles, made.department_ids) == (("guest",), ())
    for wrong, field in (
        ({"guest_expires_at": None}, "guest_expires_at"),
        ({"guest_expires_at": NOW}, "guest_expires_at"),
        ({"guest_expires_at": NOW + 367 * DAY}, "guest_expires_at"),
        ({"roles": ["member"]}, "roles"),
        ({"roles": ["guest", "member"]}, "roles"),
        ({"department_ids": ["dep_a"]}, "department_ids"),
    ):
        with pytest.raises(InvalidArgument) as refused:
            guest(**wrong)
        assert field_of(refused) == field


def test_gw_05_nobody_else_is_a_guest_or_ends_like_one() -> None:
    with pytest.raises(InvalidArgument) as refused:
        person(roles=["guest"])
    assert field_of(refused) == "roles"
    with pytest.raises(InvalidArgument) as refused:
        person(guest_expires_at=NOW + DAY)
    assert field_of(refused) == "guest_expires_at"


def test_gw_05_a_guest_is_welcome_until_the_instant_it_ends() -> None:
    made = guest()
    assert made.welcome(now=NOW + DAY - timedelta(milliseconds=1))
    assert not made.welcome(now=NOW + DAY)
    gone = people.deactivate(made)
    with pytest.raises(GuestExpired):
        people.reactivate(gone, now=NOW + DAY)
    longer = people.change(gone, Changes(guest_expires_at=NOW + 3 * DAY), now=NOW + DAY)
    assert people.reactivate(longer, now=NOW + DAY).welcome(now=NOW + 2 * DAY)


def absence(**fields: object) -> Absence:
    given = {"starts_at": NOW, "ends_at": NOW + DAY, "deputy_id": "per_2", "note": " 年假 "}
    return Absence(**(given | fields))  # type: ignore[arg-type]


def test_an_absence_ends_later_than_it_starts_and_than_now() -> None:
    assert absences.check(absence(), of="per_1", now=NOW).note == "年假"
    for wrong, field in (
        ({"ends_at": NOW}, "absence.ends_at"),
        ({"starts_at": NOW - 2 * DAY, "ends_at": NOW - DAY}, "absence.ends_at"),
        ({"ends_at": NOW + 800 * DAY}, "absence.ends_at"),
        ({"deputy_id": "per_1"}, "absence.deputy_id"),
        ({"note": "x" * 201}, "absence.note"),
    ):
        with pytest.raises(InvalidArgument) as refused:
            absences.check(absence(**wrong), of="per_1", now=NOW)
        assert field_of(refused) == field


def test_absences_that_follow_one_another_do_not_meet() -> None:
    first, next_ = absence(), absence(starts_at=NOW + DAY, ends_at=NOW + 2 * DAY)
    assert not first.meets(next_)
    assert first.meets(absence(starts_at=NOW + DAY / 2, ends_at=NOW + 2 * DAY))


def test_nobody_reports_to_themselves_however_long_the_way() -> None:
    managers.check_chain("a", {"a": "b", "b": "c", "c": ""})
    for way in ({"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "a"}):
        with pytest.raises(ReportingCycle):
            managers.check_chain("a", way)


def group(**fields: object) -> groups.Group:
    given = {
        "group_id": GroupId("grp_1"),
        "tenant_id": TenantId("ten_1"),
        "name": "采购委员会",
        "description": "",
        "department_id": "",
        "by": None,
        "external_id": "",
        "size": 0,
    }
    return groups.create(**(given | fields))  # type: ignore[arg-type]


def rule(**fields: object) -> groups.Rule:
    given = dict.fromkeys(("department_ids", "titles", "skills", "locales", "kinds"), ())
    return groups.rule(**(given | fields))  # type: ignore[arg-type]


def test_a_rule_says_something() -> None:
    with pytest.raises(InvalidArgument) as refused:
        rule()
    assert field_of(refused) == "rule"
    with pytest.raises(InvalidArgument) as refused:
        rule(titles=[f"t{n}" for n in range(201)])
    assert field_of(refused) == "rule.titles"
    assert rule(kinds=[Kind.HUMAN, Kind.HUMAN]).kinds == (Kind.HUMAN,)


def test_a_group_by_name_takes_no_rule_and_none_holds_too_many() -> None:
    with pytest.raises(GroupByName):
        groups.change(
            group(), name=None, description=None, by=rule(titles=["x"]), expected_version=0
        )
    with pytest.raises(GroupTooLarge):
        group(size=10_001)


def test_groups_of_a_merged_department_go_on_in_the_other() -> None:
    closed, into = DepartmentId("dep_a"), DepartmentId("dep_b")
    of_it = group(department_id="dep_a", by=rule(department_ids=["dep_b", "dep_a"]))
    after = groups.rehomed(of_it, closed=closed, into=into)
    assert (after.department_id, after.version) == ("dep_b", 2)
    assert after.rule == rule(department_ids=["dep_b"])
    other = group(department_id="dep_c")
    assert groups.rehomed(other, closed=closed, into=into) is other


def test_a_transfer_keeps_the_place_and_takes_posts_along() -> None:
    made = person(
        department_ids=["dep_a", "dep_b"], posts=[Post(DepartmentId("dep_a"), "采购经理")]
    )
    moved = people.transfer(made, previous=DepartmentId("dep_a"), after=DepartmentId("dep_c"))
    assert moved.department_ids == ("dep_c", "dep_b")
    assert moved.posts == (Post(DepartmentId("dep_c"), "采购经理"),)
    joined = people.transfer(made, previous=DepartmentId("dep_a"), after=DepartmentId("dep_b"))
    assert joined.department_ids == ("dep_b",)
    assert (
        people.transfer(made, previous=DepartmentId("dep_x"), after=DepartmentId("dep_b")) is made
    )
