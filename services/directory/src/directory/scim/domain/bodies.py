"""Parsing of request bodies: JSON that is small, shallow and storable, or a SCIM error."""

import json
from typing import Any, Final

from scim2_models import InvalidSyntaxException, InvalidValueException

DEEPEST: Final = 12
MAX_VALUES: Final = 50_000
# Photographs and certificates are the longest texts that a feed has.
MAX_CHARACTERS: Final = 65_536
_LARGEST: Final = 2**63 - 1


def decode(body: bytes) -> dict[str, Any]:
    """Read a request's JSON object; nothing in it can harm later processing or storage.

    Raises:
        InvalidSyntaxException: no JSON object, twice the same name, or nested deeper than 12.
        InvalidValueException: a NUL, half a surrogate pair, a text longer than 65,536 characters,
            or a number that no store holds.
    """
    try:
        decoded = json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        # Both JSON and UTF-8 errors are ValueErrors; their texts would repeat the body.
        raise InvalidSyntaxException(detail="the body is not JSON in UTF-8") from None
    if not isinstance(decoded, dict):
        raise InvalidSyntaxException(detail="the body is not a JSON object")
    _check(decoded)
    return decoded


def text(value: str, *, where: str) -> str:
    """Check that a string can be stored and compared.

    Raises:
        InvalidValueException: it holds a NUL or half a surrogate pair, or is longer than 65,536
            characters.
    """
    if len(value) > MAX_CHARACTERS:
        raise InvalidValueException(detail=f"{where} is longer than {MAX_CHARACTERS} characters")
    if "\x00" in value:
        raise InvalidValueException(detail=f"{where} holds a NUL character")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidValueException(detail=f"{where} holds half a surrogate pair") from None
    return value


def _check(decoded: dict[str, Any]) -> None:
    """Walk through without recursion: depth is the property to check."""
    waiting: list[tuple[Any, int]] = [(decoded, 1)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST:
            raise InvalidSyntaxException(detail=f"the body is nested deeper than {DEEPEST}")
        if seen > MAX_VALUES:
            raise InvalidSyntaxException(detail=f"the body holds more than {MAX_VALUES} values")
        if isinstance(value, dict):
            for name, member in value.items():
                text(name, where="a name")
                waiting.append((member, depth + 1))
        elif isinstance(value, list):
            waiting.extend((member, depth + 1) for member in value)
        elif isinstance(value, str):
            text(value, where="a value")
        elif isinstance(value, int) and abs(value) > _LARGEST:
            raise InvalidValueException(detail="a number is out of range")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    decoded = dict(pairs)
    if len(decoded) < len(pairs):
        raise ValueError("a name comes twice")
    return decoded


def _no_constant(name: str) -> None:
    raise ValueError(name)
