"""The table of roles against the contracts: GW-1, GW-3."""

import pytest
from plexus_access.roles import BUILT_IN, PERMISSIONS, TENANT_WIDE, permissions_of
from plexuskit.grpc import requirements

REQUIREMENTS = [info.requirement for info in requirements().values()]
NAMED = {need.permission for each in REQUIREMENTS for need in (each, *each.also, *each.policed)} - {
    ""
}


def test_gw_01_every_permission_of_the_contracts_is_granted_to_administrators():
    assert NAMED == permissions_of(frozenset({"admin"})) == PERMISSIONS


def test_gw_05_guests_have_less_than_members_and_members_less_than_administrators():
    assert BUILT_IN["guest"] < BUILT_IN["member"] < BUILT_IN["auditor"] < BUILT_IN["admin"]
    beyond = {"conversations.create", "conversations.add_members", "departments.read"}
    assert not beyond & BUILT_IN["guest"]


def test_gw_07_members_neither_read_the_ledger_nor_ask_about_others():
    kept = {"audit.read", "audit.export", "access.explain_others", "roles.read"}
    assert not kept & BUILT_IN["member"]


@pytest.mark.parametrize("roles", [(), ("",), ("root",), ("Admin",), ("admin ",)])
def test_gw_01_unknown_roles_grant_nothing(roles):
    assert permissions_of(frozenset(roles)) == frozenset()


# Of calls about no object: the owner reads the part of the tenant from the request, or answers with
# what belongs to it alone. Each has tests of scopes in its service.
OF_PARTS = {
    "audit.export",
    "audit.read",
    "departments.manage",
    "groups.manage",
    "people.manage",
    "roles.bind",
    "roles.read",
}


def test_gw_03_a_role_for_a_part_of_the_tenant_gives_nothing_of_the_whole():
    about_no_object = {each.permission for each in REQUIREMENTS if not each.resource} - {""}

    assert about_no_object - BUILT_IN["member"] == TENANT_WIDE | OF_PARTS
    assert not TENANT_WIDE & OF_PARTS


def test_gw_03_roles_add_up():
    both = permissions_of(frozenset({"guest", "unknown", "auditor"}))
    assert both == BUILT_IN["auditor"]
