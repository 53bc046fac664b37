"""Maximum request sizes, by method and caller (GW-13)."""

from typing import Final

from plexuskit.config import MEBIBYTE
from plexuskit.grpc import MAX_PUBLIC_BYTES, MethodInfo

from gateway.limits import MethodClass, class_of

__all__ = [
    "MAX_PUBLIC_BYTES",
    "MAX_REQUEST_BYTES",
    "MAX_UNKNOWN_BYTES",
    "max_json_values",
    "max_request_bytes",
]

# Decoding a mebibyte of empty messages takes 30 ms; only imports may send more at once.
MAX_REQUEST_BYTES: Final = MEBIBYTE
# A JSON value costs 3 to 6 microseconds of pure Python.
MAX_JSON_VALUES: Final = 20_000
MAX_BULK_JSON_VALUES: Final = 100_000
MAX_PUBLIC_JSON_VALUES: Final = 1_000
# A body of any caller may have that much before its caller is known.
MAX_UNKNOWN_BYTES: Final = MAX_PUBLIC_BYTES


def max_request_bytes(method: MethodInfo, *, maximum: int) -> int:
    """Return the size of the largest request that a method takes; `maximum` is the transport's."""
    if method.requirement.public:
        return min(MAX_PUBLIC_BYTES, maximum)
    return maximum if class_of(method) is MethodClass.BULK else min(MAX_REQUEST_BYTES, maximum)


def max_json_values(method: MethodInfo) -> int:
    """Return the maximum number of values in the JSON of a method's request."""
    if method.requirement.public:
        return MAX_PUBLIC_JSON_VALUES
    return MAX_BULK_JSON_VALUES if class_of(method) is MethodClass.BULK else MAX_JSON_VALUES
