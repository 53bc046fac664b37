"""The shape of API tokens: scanners for leaked secrets know it, and typing mistakes show."""

import binascii
import secrets
from typing import Final

PREFIX: Final = "plx_"
SECRET_CHARACTERS: Final = 43
CHECKSUM_CHARACTERS: Final = 6
LENGTH: Final = len(PREFIX) + SECRET_CHARACTERS + CHECKSUM_CHARACTERS
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ALLOWED: Final = frozenset(_ALPHABET)


def new_token() -> str:
    """Make a token: `plx_`, 43 random characters of base62 (256 bits) and their checksum."""
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_CHARACTERS))
    return f"{PREFIX}{secret}{_checksum(secret)}"


def is_well_formed(token: str) -> bool:
    """Return whether a text has the shape of a token: prefix, length, alphabet and CRC-32."""
    if len(token) != LENGTH or not token.startswith(PREFIX):
        return False
    secret, checksum = token[len(PREFIX) : -CHECKSUM_CHARACTERS], token[-CHECKSUM_CHARACTERS:]
    return _ALLOWED.issuperset(secret) and checksum == _checksum(secret)


def _checksum(secret: str) -> str:
    left, digits = binascii.crc32(secret.encode("ascii")), ""
    for _ in range(CHECKSUM_CHARACTERS):
        left, digit = divmod(left, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
