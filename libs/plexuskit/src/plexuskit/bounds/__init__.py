"""Bounds of request fields, declared in the contracts and checked before any other code (GW-8).

`check` checks a decoded message, `read` decodes one and checks it. A server checks every request of
every method by itself; call `check` or `read` for messages that arrive in other ways: inside opaque
bytes, in the elements of a field with `each_apart`, or built from another format.
"""

from plexuskit.bounds.checks import check, compiled, violation
from plexuskit.bounds.declared import UndeclaredBounds, declared, problems, reachable
from plexuskit.bounds.reading import MAX_UNUSED_BYTES, check_unused, read
from plexuskit.bounds.refusals import FieldOutOfRange

__all__ = [
    "MAX_UNUSED_BYTES",
    "FieldOutOfRange",
    "UndeclaredBounds",
    "check",
    "check_unused",
    "compiled",
    "declared",
    "problems",
    "reachable",
    "read",
    "violation",
]
