"""Recovery codes: ten of 80 random bits, each good once, in place of a lost second factor."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

HOW_MANY: Final = 10
RANDOM_BYTES: Final = 10
_GROUP: Final = 4


def written(random: bytes) -> str:
    """Write 10 random bytes as people copy them: `abcd-efgh-ijkl-mnop`."""
    text = base64.b32encode(random).decode("ascii").lower()
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def digest(code: str) -> bytes:
    """Hash a code as it was typed; 80 random bits need no slow hash."""
    typed = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(typed.encode("utf-8", "surrogatepass")).digest()


def without(codes: Sequence[bytes], code: str) -> tuple[bytes, ...] | None:
    """Remove a used code from the remaining ones; None if it is not among them."""
    used = digest(code)
    left = tuple(each for each in codes if each != used)
    return left if len(left) < len(codes) else None
