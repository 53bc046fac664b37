"""Allowed calls between services, generated from proto/calls.yaml; never edited."""

from collections.abc import Mapping
from types import MappingProxyType

CALLERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "directory": frozenset(('audit', 'gateway', 'messaging', 'notify', 'search', 'tasks', )),
        "messaging": frozenset(('audit', 'gateway', 'notify', 'search', )),
        "tasks": frozenset(('audit', 'gateway', 'notify', 'search', )),
        "notify": frozenset(('gateway', )),
        "search": frozenset(('gateway', )),
        "audit": frozenset(('gateway', )),
    }
)
