"""Kinds of objects about which calls ask the attribute policies, by permission (GW-10).

They are read from the contracts. A policy on any other kind would never be asked.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from plexus.authz.v1.options_pb2 import Requirement
from plexuskit.grpc.methods import requirements

from plexus_access.explain import READING
from plexus_access.objects import CONVERSATION, KINDS, PERSON, TENANT

# Owners ask these for each item of a call, which its contract does not name.
_ITEMS: Final = (
    ("access.explain_others", PERSON),
    ("messages.mark_read", CONVERSATION),
    *((permission, kind) for kind, permission in READING.items()),
)


@cache
def asked_kinds(permission: str) -> frozenset[str]:
    """Return the kinds of objects about which policies are asked for a permission."""
    return _asked().get(permission, frozenset())


def permissions_about(need: Requirement.Need, required: Requirement) -> list[str]:
    """Return the permissions that the gateway asks policies for about an object of `policed`.

    Args:
        need: the object, and the permission that its change takes.
        required: of the method; without an object of its own, its permission is asked, too.
    """
    own = () if required.resource else (required.permission,)
    return sorted({need.permission, *own})


@cache
def _asked() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for permission, kind in (*_of_contracts(), *_ITEMS):
        # A field may also write the kind of its object itself.
        found.setdefault(permission, set()).update((kind,) if kind in KINDS else KINDS)
    return {each: frozenset(kinds) for each, kinds in found.items()}


def _of_contracts() -> Iterator[tuple[str, str]]:
    for method in requirements().values():
        required = method.requirement
        if required.permission:
            # A request that names no object is about the tenant.
            yield required.permission, TENANT
            yield required.permission, required.resource or TENANT
        for need in required.also:
            yield need.permission, need.resource or TENANT
        for need in required.policed:
            for permission in permissions_about(need, required):
                yield permission, need.resource or TENANT
