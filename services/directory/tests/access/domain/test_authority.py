"""Grants of people by place, compared with a plain reading of the tree (GW-3)."""

import pytest
from directory.access.domain.grants import (
    IN_TENANT,
    Grants,
    Held,
    Place,
    place_of_departments,
    place_of_group,
)
from directory.access.domain.refusals import GrantExceedsOwn
from directory.shared.domain.refusals import PermissionMissing
from hypothesis import given
from hypothesis import strategies as st
from plexus_access.masks import NONE, Masks
from plexus_access.objects import Object
from plexus_access.roles import ADMIN, AUDITOR, BUILT_IN, GUEST, MEMBER

MANAGE = "people.manage"


def bound(department: str, *permissions: str) -> Held:
    scope = Object("department", department)
    return Held(
        permissions=frozenset(permissions or {MANAGE}),
        scope=scope,
        place=Place(ways=(frozenset({scope}),)),
    )


def path_of(department: int, parents: dict[int, int | None]) -> list[str]:
    path: list[str] = []
    at: int | None = department
    while at is not None:
        path.insert(0, f"dep_{at}")
        at = parents[at]
    return path


def is_below(department: int, other: int, parents: dict[int, int | None]) -> bool:
    """A plain reading: `department` is `other`, or its parent is below `other`."""
    parent = parents[department]
    return department == other or (parent is not None and is_below(parent, other, parents))


@st.composite
def trees(draw: st.DrawFn) -> dict[int, int | None]:
    size = draw(st.integers(1, 12))
    return {
        node: draw(st.one_of(st.none(), st.integers(0, node - 1))) if node else None
        for node in range(size)
    }


@given(tree=trees(), data=st.data())
def test_gw_3_a_binding_gives_the_permission_on_the_subtree_also_after_moves(
    tree: dict[int, int | None], data: st.DataObject
) -> None:
    nodes = sorted(tree)
    scopes = data.draw(st.sets(st.sampled_from(nodes), max_size=3))
    grants = Grants(within=tuple(bound(f"dep_{scope}") for scope in scopes))
    for _ in range(3):
        for node in nodes:
            place = place_of_departments([path_of(node, tree)])
            expected = any(is_below(node, scope, tree) for scope in scopes)
            assert grants.holds(MANAGE, place) == expected
            assert not grants.holds("departments.manage", place)
        moved = data.draw(st.sampled_from(nodes))
        targets = [node for node in nodes if not is_below(node, moved, tree)]
        tree[moved] = data.draw(st.sampled_from([None, *targets]))


@given(tree=trees(), data=st.data())
def test_gw_3_somebody_of_several_departments_is_managed_where_all_of_them_are(
    tree: dict[int, int | None], data: st.DataObject
) -> None:
    nodes = st.sampled_from(sorted(tree))
    scopes, belongs = data.draw(st.sets(nodes, max_size=3)), data.draw(st.sets(nodes, max_size=3))
    grants = Grants(within=tuple(bound(f"dep_{scope}") for scope in scopes))
    place = place_of_departments(path_of(node, tree) for node in belongs)
    expected = bool(belongs) and all(
        any(is_below(node, scope, tree) for scope in scopes) for node in belongs
    )
    assert grants.holds(MANAGE, place) == expected


def test_gw_3_what_is_held_for_the_tenant_is_held_everywhere() -> None:
    grants = Grants(everywhere=frozenset({MANAGE}))
    assert grants.holds(MANAGE, IN_TENANT)
    assert grants.holds(MANAGE, place_of_departments([["dep_1"], ["dep_2"]]))


def test_gw_3_what_lies_in_the_tenant_only_is_in_no_department() -> None:
    grants = Grants(within=(bound("dep_1"),))
    assert not grants.holds(MANAGE, IN_TENANT)
    assert grants.holds(MANAGE, place_of_group("grp_1", path=["dep_0", "dep_1"]))
    assert not grants.holds(MANAGE, place_of_group("grp_1", path=()))


def test_gw_1_a_permission_held_nowhere_is_named() -> None:
    scoped = Grants(within=(bound("dep_1"),))
    scoped.require(MANAGE)
    with pytest.raises(PermissionMissing):
        scoped.require("roles.bind")
    with pytest.raises(PermissionMissing) as refused:
        scoped.require_everywhere(MANAGE)
    assert refused.value.metadata == {"permission": MANAGE}


def test_an_api_token_has_no_more_than_its_scopes() -> None:
    limited = Grants(
        everywhere=BUILT_IN[ADMIN],
        within=(bound("dep_1"),),
        limited_to=frozenset({"people.read"}),
    )
    assert limited.holds_everywhere("people.read")
    assert not limited.holds(MANAGE, place_of_departments([["dep_1"]]))
    with pytest.raises(PermissionMissing):
        limited.require(MANAGE)


def test_gw_3_nobody_gives_more_than_they_hold_there() -> None:
    grants = Grants(
        everywhere=frozenset({"people.read"}), within=(bound("dep_1", MANAGE, "groups.manage"),)
    )
    inside, outside = place_of_departments([["dep_1", "dep_2"]]), place_of_departments([["dep_9"]])
    grants.require_giving({MANAGE, "people.read"}, inside)
    grants.require_giving({"people.read"}, outside)
    with pytest.raises(GrantExceedsOwn) as refused:
        grants.require_giving({MANAGE, "people.read", "groups.manage"}, outside)
    assert refused.value.metadata == {"permission": "groups.manage"}


def test_gw_3_roles_that_come_with_an_account_are_no_grant() -> None:
    scoped = Grants(everywhere=BUILT_IN[MEMBER], within=(bound("dep_1"),))
    scoped.require_roles((), (MEMBER,))
    scoped.require_roles((MEMBER,), (GUEST,))
    for role in (ADMIN, AUDITOR):
        with pytest.raises(GrantExceedsOwn):
            scoped.require_roles((MEMBER,), (role, MEMBER))
        with pytest.raises(GrantExceedsOwn):
            scoped.require_roles((role, MEMBER), (MEMBER,))
    Grants(everywhere=BUILT_IN[ADMIN]).require_roles((), (ADMIN, AUDITOR, MEMBER))


def test_gw_3_taking_over_somebody_gains_nothing() -> None:
    mine = Grants(everywhere=BUILT_IN[MEMBER], within=(bound("dep_1", MANAGE),))
    mine.require_standing_over(Grants(everywhere=BUILT_IN[MEMBER]))
    mine.require_standing_over(Grants(within=(bound("dep_1", MANAGE),)))
    for more in (
        Grants(everywhere=BUILT_IN[ADMIN]),
        Grants(within=(bound("dep_2", MANAGE),)),
        Grants(within=(bound("dep_1", "groups.manage"),)),
    ):
        with pytest.raises(GrantExceedsOwn):
            mine.require_standing_over(more)


def test_gw_3_nobody_shows_columns_that_they_do_not_see() -> None:
    names = Masks({"Person": frozenset({"id", "handle"})})
    wider = Masks({"Person": frozenset({"id", "handle", "email"})})
    other = Masks({"Person": frozenset({"id"}), "Task": frozenset({"id"})})
    mine = Grants(
        everywhere=frozenset({MANAGE, "people.read"}),
        masked={MANAGE: names},
        within=(bound("dep_1"),),
    )
    for masks in (names, other):
        mine.require_giving({MANAGE}, IN_TENANT, masks=masks)
    for masks in (wider, NONE):
        with pytest.raises(GrantExceedsOwn):
            mine.require_giving({MANAGE}, IN_TENANT, masks=masks)
        mine.require_giving({"people.read"}, IN_TENANT, masks=masks)
        mine.require_giving({MANAGE}, place_of_departments([["dep_1"]]), masks=masks)
    with pytest.raises(GrantExceedsOwn):
        mine.require_standing_over(Grants(everywhere=frozenset({MANAGE})))
    mine.require_standing_over(Grants(everywhere=frozenset({MANAGE}), masked={MANAGE: other}))
    assert not Grants(everywhere=BUILT_IN[ADMIN], masked={MANAGE: names}).holds_everything
