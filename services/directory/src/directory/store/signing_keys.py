"""The file with the private keys of access tokens: made at the first start, shared by all replicas.

A JWK set with one private Ed25519 key per entry and when it was made (`made_at`, seconds since the
epoch). The newest signs; the older ones stay published until every token they signed has expired,
then they can be taken out.
"""

import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHM: Final = "EdDSA"
_PUBLIC: Final = ("kty", "crv", "x", "kid")


class UnusableSigningKeys(Exception):  # noqa: N818 - names the fact, like a refusal
    """The keys file is not one; says which file, never what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """The keys of the file, newest last."""

    keys: tuple[OKPKey, ...] = field(repr=False)

    @property
    def newest(self) -> OKPKey:
        """The key that signs."""
        return self.keys[-1]

    def public_jwks(self) -> str:
        """Show the public halves as an RFC 7517 JWK set."""
        shown = [
            {name: key.as_dict(private=False)[name] for name in _PUBLIC}
            | {"use": "sig", "alg": ALGORITHM}
            for key in self.keys
        ]
        return json.dumps({"keys": shown}, separators=(",", ":"))


def load_or_create(path: Path, *, now: datetime) -> SigningKeys:
    """Read the keys file, or make it with one new key, readable by its owner only.

    Several processes may start at once: the file appears whole under its name, and only once.

    Raises:
        UnusableSigningKeys: the file is there and cannot be read as keys.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = _write_beside(path, [_new_key(now=now)])
        try:
            os.link(made, path)
        except FileExistsError:
            # Another process was first; its keys are the ones.
            return _read(path)
        finally:
            made.unlink()
    return _read(path)


def rotate(path: Path, *, now: datetime) -> SigningKeys:
    """Add a new key, which signs from the next start of each process; one rotation at a time."""
    entries = [*_entries(path), _new_key(now=now)]
    _write_beside(path, entries).replace(path)
    return _read(path)


def _new_key(*, now: datetime) -> dict[str, Any]:
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    return {**key.as_dict(private=True), "made_at": int(now.timestamp())}


def _write_beside(path: Path, entries: list[dict[str, Any]]) -> Path:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"keys": entries}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    return beside


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_bytes())["keys"]
        entries.sort(key=lambda entry: int(entry["made_at"]))
    except (OSError, ValueError, KeyError, TypeError):
        # The chained error could show a private key.
        raise UnusableSigningKeys(f"{path}: not a file of signing keys") from None
    if not entries:
        raise UnusableSigningKeys(f"{path}: holds no key")
    return entries


def _read(path: Path) -> SigningKeys:
    try:
        keys = tuple(
            OKPKey.import_key({name: value for name, value in entry.items() if name != "made_at"})
            for entry in _entries(path)
        )
        usable = all(key.is_private and key.curve_name == "Ed25519" for key in keys)
    except (JoseError, ValueError, TypeError, KeyError):
        raise UnusableSigningKeys(f"{path}: holds a key that is none") from None
    if not usable:
        raise UnusableSigningKeys(f"{path}: holds a key that is not a private Ed25519 key")
    for key in keys:
        key.ensure_kid()
    return SigningKeys(keys=keys)
