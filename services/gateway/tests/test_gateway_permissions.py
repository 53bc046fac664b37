"""The table of roles against the contracts: GW-1, GW-3."""

import pytest
from gateway.permissions import PERMISSIONS, PermissionMissing, may, permissions_of, require
from plexuskit.errors import Kind
from plexuskit.grpc import requirements

NAMED = {info.requirement.permission for info in requirements().values()} - {""}
FOR_ADMINISTRATORS = {
    "departments.manage",
    "messages.configure",
    "messages.import",
    "people.import",
    "people.manage",
}


def test_gw_01_every_permission_of_the_contracts_is_granted_to_a_role():
    assert NAMED - frozenset().union(*PERMISSIONS.values()) == set()


def test_gw_01_no_role_grants_what_no_contract_names():
    assert frozenset().union(*PERMISSIONS.values()) - NAMED == set()


def test_gw_03_members_may_everything_but_what_administrators_do():
    assert permissions_of(frozenset({"member"})) == NAMED - FOR_ADMINISTRATORS


def test_gw_03_administrators_may_everything():
    assert permissions_of(frozenset({"admin"})) == NAMED


@pytest.mark.parametrize("roles", [(), ("",), ("root",), ("Admin",), ("admin ",)])
def test_gw_01_unknown_roles_grant_nothing(roles):
    assert permissions_of(frozenset(roles)) == frozenset()


def test_gw_03_roles_add_up():
    both = frozenset({"member", "unknown", "admin"})
    assert may(both, "people.manage")
    assert may(both, "messages.send")


def test_gw_01_the_refusal_names_the_permission():
    with pytest.raises(PermissionMissing) as refusal:
        require(frozenset({"member"}), "people.manage")
    assert refusal.value.kind is Kind.PERMISSION_DENIED
    assert refusal.value.metadata == {"permission": "people.manage"}
    assert "people.manage" in refusal.value.message()
