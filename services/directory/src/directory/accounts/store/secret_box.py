"""Encryption of secrets that must be read again: of one-time codes and of providers.

AES-256-GCM with keys of a separate file, made with mode 0600 at the first start and shared by all
replicas. A copy of the database alone reveals none of these secrets.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from directory.accounts.store import key_files
from directory.accounts.store.key_files import UnusableKeys

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KID_BYTES: Final = 8


class SealBroken(Exception):  # noqa: N818 - names the fact, like a refusal
    """Sealed value that cannot be opened: its key is gone, or it was altered or moved."""


class SecretBox:
    """Seals secrets with the newest key and opens them with whichever sealed them."""

    def __init__(self, keys: Mapping[bytes, AESGCM], *, newest: bytes) -> None:
        self._keys = keys
        self._newest = newest

    def seal(self, secret: bytes, *, owner: str) -> bytes:
        """Encrypt a secret for the record of `owner`: key id, nonce, ciphertext with its tag."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys[self._newest].encrypt(nonce, secret, owner.encode())
        return self._newest + nonce + sealed

    def open(self, sealed: bytes, *, owner: str) -> bytes:
        """Decrypt a value sealed for the record of `owner`.

        Raises:
            SealBroken: the key is gone, or the record is altered or another's.
        """
        kid, rest = sealed[:_KID_BYTES], sealed[_KID_BYTES:]
        key = self._keys.get(kid)
        if key is None:
            raise SealBroken("sealed with a key that is not in the file")
        try:
            return key.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError):
            raise SealBroken("altered, or of another record") from None


def load_or_create_sealing(path: Path, *, now: datetime) -> SecretBox:
    """Read the keys file, or make it with one new key, readable by its owner only.

    Raises:
        UnusableKeys: the file is there and cannot be read as keys of this kind.
    """
    key_files.ensure(path, lambda: _new_key(now=now))
    try:
        keys = {
            bytes.fromhex(entry["kid"]): AESGCM(base64.b64decode(entry["k"], validate=True))
            for entry in key_files.read(path)
        }
    except (ValueError, KeyError, TypeError):
        raise UnusableKeys(f"{path}: holds a key that is none") from None
    if any(len(kid) != _KID_BYTES for kid in keys):
        raise UnusableKeys(f"{path}: holds a key with an id that is none")
    return SecretBox(keys, newest=list(keys)[-1])


def _new_key(*, now: datetime) -> key_files.Entry:
    return {
        "kid": secrets.token_hex(_KID_BYTES),
        "k": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii"),
        "made_at": int(now.timestamp()),
    }
