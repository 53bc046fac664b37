"""Kinds of objects about which calls ask the attribute policies, by permission (GW-10).

They are read from the contracts. A policy on any other kind would never be asked.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

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
        for need in (*required.also, *required.policed):
            yield need.permission, need.resource or TENANT
        for need in () if required.resource else required.policed:
            # The gateway asks the permission of the call about them too (`gateway.access.asked`).
            yield required.permission, need.resource or TENANT
