from datetime import UTC, datetime

import pytest
from directory.people.domain import departments, people, tenants
from directory.people.domain.people import Changes, Draft, Person
from directory.shared.domain.actors import ADMIN, GUEST, MEMBER, Actor, State, require
from directory.shared.domain.ids import DepartmentId, PersonId, SessionId, TenantId
from directory.shared.domain.refusals import PermissionMissing
from plexus_access.roles import permissions_of
from plexuskit.errors import InvalidArgument, VersionConflict

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
TENANT = tenants.create(
    tenant_id=TenantId("ten_1"), name="北方贸易", time_zone="Asia/Shanghai", now=NOW
)


def person(**fields: object) -> Person:
    draft = {"handle": "Li", "display_name": " 李雷 ", **fields}
    return people.create(
        Draft(**draft),  # type: ignore[arg-type]
        person_id=PersonId("per_1"),
        tenant=TENANT,
        now=NOW,
    )


def test_a_person_starts_active_at_version_1_with_the_tenants_zone() -> None:
    made = person()
    assert (made.version, made.state, made.handle) == (1, State.ACTIVE, "li")
    assert (made.display_name, made.time_zone, made.locale) == ("李雷", "Asia/Shanghai", "zh-CN")
    assert made.roles == (MEMBER,)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_name", " "),
        ("display_name", "x" * 101),
        ("display_name", "\u200b\u202e"),
        ("email", "nobody"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("locale", "中文"),
        ("roles", ["owner"]),
        ("department_ids", [f"dep_{n}" for n in range(21)]),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(InvalidArgument) as refused:
        person(**{field: value})
    assert refused.value.metadata["field"] == field


def test_names_and_posts_of_people_hold_no_tricks() -> None:
    made = person(display_name="李\u202e雷\n\u200b二\x1b[31m", title="经\u2066理\x00")
    assert (made.display_name, made.title) == ("李雷 二[31m", "经理")
    renamed = people.change(made, Changes(display_name="a\u2069b", title="\u200f"), now=NOW)
    assert (renamed.display_name, renamed.title) == ("ab", "")


def test_only_set_fields_change_and_count_once() -> None:
    before = person(title="经理")
    after = people.change(before, Changes(display_name="李磊", email=""), now=NOW)
    assert (after.display_name, after.title, after.version) == ("李磊", "经理", 2)


def test_a_change_to_what_is_there_changes_nothing() -> None:
    before = person()
    assert people.change(before, Changes(display_name="李雷", roles=[]), now=NOW) is before


def test_another_version_than_expected_is_a_conflict() -> None:
    with pytest.raises(VersionConflict):
        people.change(person(), Changes(title="x"), expected_version=2, now=NOW)


def test_deactivating_twice_is_deactivating_once() -> None:
    gone = people.deactivate(person())
    assert (gone.active, gone.version) == (False, 2)
    assert people.deactivate(gone) is gone


def test_an_administrator_is_lost_by_role_and_by_deactivation() -> None:
    admin = person(roles=[ADMIN])
    assert people.loses_administrator(admin, people.deactivate(admin))
    assert people.loses_administrator(admin, people.change(admin, Changes(roles=[MEMBER]), now=NOW))
    assert not people.loses_administrator(admin, people.change(admin, Changes(title="x"), now=NOW))


@pytest.mark.rule("GW-12")
def test_gw_12_the_owner_believes_no_role_beyond_those_that_everybody_has() -> None:
    def actor(*roles: str) -> Actor:
        return Actor(
            tenant_id=TenantId("t"),
            person_id=PersonId("p"),
            session_id=SessionId("s"),
            roles=frozenset(roles),
        )

    held = permissions_of(frozenset({MEMBER}))
    for permission in held:
        require(actor(ADMIN), permission)
        require(actor(MEMBER), permission)
    for permission in permissions_of(frozenset({ADMIN})) - held:
        for roles in ((MEMBER,), (ADMIN,), (ADMIN, MEMBER), ()):
            with pytest.raises(PermissionMissing):
                require(actor(*roles), permission)
    for roles, permission in [((), "people.read"), (("?",), "x.y"), ((GUEST,), "groups.read")]:
        with pytest.raises(PermissionMissing):
            require(actor(*roles), permission)


def test_a_department_knows_its_way_from_the_root() -> None:
    root = departments.create(
        department_id=DepartmentId("dep_1"),
        tenant_id=TenantId("ten_1"),
        name="总部",
        parent=None,
        external_id="",
    )
    child = departments.create(
        department_id=DepartmentId("dep_2"),
        tenant_id=TenantId("ten_1"),
        name="采购",
        parent=root,
        external_id="hr:7",
    )
    assert (root.path, root.depth) == (("dep_1",), 1)
    assert (child.path, child.parent_id) == (("dep_1", "dep_2"), "dep_1")


def test_a_tree_is_at_most_20_deep() -> None:
    parent = None
    for level in range(20):
        parent = departments.create(
            department_id=DepartmentId(f"dep_{level}"),
            tenant_id=TenantId("ten_1"),
            name="x",
            parent=parent,
            external_id="",
        )
    with pytest.raises(InvalidArgument):
        departments.create(
            department_id=DepartmentId("dep_20"),
            tenant_id=TenantId("ten_1"),
            name="x",
            parent=parent,
            external_id="",
        )
