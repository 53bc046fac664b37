"""What the gateway says of a missing permission: GW-1, GW-3."""

import pytest
from gateway.permissions import PermissionMissing, may, require
from plexuskit.errors import Kind


def test_gw_03_roles_add_up():
    both = frozenset({"member", "unknown", "admin"})
    assert may(both, "people.manage", scopes=frozenset())
    assert may(both, "messages.send", scopes=frozenset())


def test_gw_03_scopes_narrow_what_roles_grant_and_never_widen_it():
    member = frozenset({"member"})
    scopes = frozenset({"tasks.read", "people.manage"})
    assert may(member, "tasks.read", scopes=scopes)
    assert not may(member, "messages.send", scopes=scopes)
    assert not may(member, "people.manage", scopes=scopes)


def test_gw_01_the_refusal_names_the_permission():
    with pytest.raises(PermissionMissing) as refusal:
        require(frozenset({"member"}), "people.manage", scopes=frozenset())
    assert refusal.value.kind is Kind.PERMISSION_DENIED
    assert refusal.value.metadata == {"permission": "people.manage"}
    assert "people.manage" in refusal.value.message()
