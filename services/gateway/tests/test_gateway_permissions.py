"""What the gateway says of a missing permission: GW-1, GW-3."""

import pytest
from gateway.permissions import PermissionMissing, may, require
from plexuskit.errors import Kind


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
