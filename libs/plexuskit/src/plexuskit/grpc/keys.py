"""Keys that sign and verify caller contexts: one JSON file per service.

The file is checked for changes before each use, so a rotation needs no restart. A key id is the
name of the service that owns the key, followed by `@<generation>` after a rotation: `gateway`,
`gateway@2`. A service signs with its own key and verifies with the keys of all services.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict

from plexuskit.watched import ReloadingFile


class UnusableKeys(Exception):  # noqa: N818 - named after the fact that prevents
    """The keys file cannot be read, or lacks a required key."""


class SigningKey(BaseModel):
    """A private key: its id and its 32 raw bytes in base64."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    private: str


class CallerKeys(BaseModel):
    """Content of a keys file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signing: SigningKey | None = None
    verifying: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> "CallerKeys":
        """Read a keys file. Raises UnusableKeys with its path, never with its content."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise UnusableKeys(f"{path}: {error.strerror}") from error
        except ValueError:
            # The chained validation error would show the private key.
            raise UnusableKeys(f"{path}: not a keys file") from None

    def private_key(self) -> tuple[str, Ed25519PrivateKey]:
        """Return the id and the key to sign with. Raises UnusableKeys without one."""
        if self.signing is None:
            raise UnusableKeys("the keys file has no signing key")
        raw = _decoded(self.signing.id, self.signing.private)
        return self.signing.id, Ed25519PrivateKey.from_private_bytes(raw)

    def public_keys(self) -> dict[str, Ed25519PublicKey]:
        """Return the keys to verify with, by key id."""
        return {
            key_id: Ed25519PublicKey.from_public_bytes(_decoded(key_id, encoded))
            for key_id, encoded in self.verifying.items()
        }


class DerivedKey:
    """A secret of one service for one purpose, derived from its signing key by HKDF-SHA256.

    All processes of the service that share a keys file have the same one; it changes with a
    rotation, so it fits only what may become invalid then.
    """

    def __init__(self, path: Path, *, purpose: str, size: int) -> None:
        """Read the keys file. Raises UnusableKeys when it cannot be read or has no signing key.

        Args:
            path: the keys file.
            purpose: keeps secrets for different purposes apart, such as `search.page-token`.
            size: bytes of the secret, 16 to 64.
        """
        self._file = watched_keys(path)
        self._purpose = purpose.encode()
        self._size = size
        self._generation = 0
        self._secret = b""
        self.current()

    def current(self) -> bytes:
        """Return the secret."""
        keys = self._file.look()
        if self._generation != self._file.generation:
            _, private = keys.private_key()
            derivation = HKDF(hashes.SHA256(), self._size, salt=None, info=self._purpose)
            self._secret = derivation.derive(_raw(private))
            self._generation = self._file.generation
        return self._secret


def watched_keys(path: Path) -> ReloadingFile[CallerKeys]:
    """Read a keys file, and again whenever it has changed. Raises UnusableKeys the first time."""

    def read() -> CallerKeys:
        keys = CallerKeys.read(path)
        # A file with a broken key in it is not taken over, not even for its other keys.
        keys.public_keys()
        if keys.signing is not None:
            keys.private_key()
        return keys

    return ReloadingFile([path], read, unusable=UnusableKeys, name=str(path))


def owner_of(key_id: str) -> str:
    """Return the name of the service that a key belongs to."""
    return key_id.partition("@")[0]


def generate_keys(
    signers: Sequence[str],
    *,
    generation: str = "",
    retiring: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Make a key for each service.

    Args:
        signers: names of the services.
        generation: for a rotation, appended to each key id; empty for the first keys.
        retiring: public keys by id that stay valid until their last contexts have expired.

    Returns:
        Per service the content of its keys file: its own private key, the public keys of all.
    """
    suffix = f"@{generation}" if generation else ""
    private = {f"{signer}{suffix}": Ed25519PrivateKey.generate() for signer in signers}
    verifying = dict(retiring or {}) | {
        key_id: _encoded(key.public_key().public_bytes_raw()) for key_id, key in private.items()
    }
    return {
        owner_of(key_id): {
            "signing": {"id": key_id, "private": _encoded(_raw(key))},
            "verifying": verifying,
        }
        for key_id, key in private.items()
    }


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.Raw,
        serialization.PrivateFormat.Raw,
        serialization.NoEncryption(),
    )


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(key_id: str, encoded: str) -> bytes:
    size = 32
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise UnusableKeys(f"key {key_id}: not base64") from None
    if len(raw) != size:
        raise UnusableKeys(f"key {key_id}: not {size} bytes")
    return raw
