"""The file with the private keys of access tokens: made at the first start, shared by all replicas.

A JWK set with one private Ed25519 key per entry and when it was made (`made_at`, seconds since the
epoch). All of them are published. The newest signs as soon as it has been published for longer than
gateways take to ask again; until then the one before it does. A rotation takes out what has not
signed for longer than any token lives.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from directory.accounts.store import key_files
from directory.accounts.store.key_files import UnusableKeys

ALGORITHM: Final = "EdDSA"
# Gateways ask every 5 minutes; as long again for the file to reach every replica.
SIGNS_AFTER: Final = timedelta(minutes=10)
# Twice the life of an access token.
KEPT_AFTER_SIGNING: Final = timedelta(minutes=30)
_PUBLIC: Final = ("kty", "crv", "x", "kid")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """The keys of the file, newest last, and when each was made (seconds since the epoch)."""

    keys: tuple[OKPKey, ...] = field(repr=False)
    made_at: tuple[int, ...]

    def signing(self, *, now: datetime) -> OKPKey:
        """Return the newest key that every gateway can know; if none is that old, the oldest."""
        return self.keys[_signing(self.made_at, now=now)]

    def public_jwks(self) -> str:
        """Return the public halves as an RFC 7517 JWK set."""
        shown = [
            {name: key.as_dict(private=False)[name] for name in _PUBLIC}
            | {"use": "sig", "alg": ALGORITHM}
            for key in self.keys
        ]
        return json.dumps({"keys": shown}, separators=(",", ":"))


def load_or_create(path: Path, *, now: datetime) -> SigningKeys:
    """Read the keys file, or make it with one new key, readable by its owner only.

    Raises:
        UnusableKeys: the file is there and cannot be read as signing keys.
    """
    key_files.ensure(path, lambda: _new_key(now=now))
    return load(path)


def rotate(path: Path, *, now: datetime) -> SigningKeys:
    """Add a new key, which signs 10 minutes later, and remove keys that no token needs any more.

    One rotation at a time; running processes notice by themselves.

    Raises:
        UnusableKeys: the file cannot be read as keys.
    """
    current = key_files.read(path)
    made_at = [int(entry["made_at"]) for entry in current]
    needed = _signing(made_at, now=now - KEPT_AFTER_SIGNING)
    key_files.replace(path, [*current[needed:], _new_key(now=now)])
    return load(path)


def _signing(made_at: Sequence[int], *, now: datetime) -> int:
    known_since = int((now - SIGNS_AFTER).timestamp())
    return max((place for place, at in enumerate(made_at) if at <= known_since), default=0)


def _new_key(*, now: datetime) -> key_files.Entry:
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    return {**key.as_dict(private=True), "made_at": int(now.timestamp())}


def load(path: Path) -> SigningKeys:
    """Read the keys file.

    Raises:
        UnusableKeys: it cannot be read as signing keys.
    """
    entries = key_files.read(path)
    try:
        keys = tuple(
            OKPKey.import_key({name: value for name, value in entry.items() if name != "made_at"})
            for entry in entries
        )
        usable = all(key.is_private and key.curve_name == "Ed25519" for key in keys)
    except (JoseError, ValueError, TypeError, KeyError):
        raise UnusableKeys(f"{path}: holds a key that is none") from None
    if not usable:
        raise UnusableKeys(f"{path}: holds a key that is not a private Ed25519 key")
    for key in keys:
        key.ensure_kid()
    return SigningKeys(keys=keys, made_at=tuple(int(entry["made_at"]) for entry in entries))
