"""The signing keys while they change: a new one signs once every gateway can know it."""

from datetime import datetime
from pathlib import Path

from joserfc.jwk import OKPKey
from plexuskit.clock import Clock
from plexuskit.watched import ReloadingFile

from directory.accounts.store import SigningKeys, UnusableKeys, load, load_or_create


class KeyRing:
    """The keys of the file as it is now; one that became unusable leaves the keys in use."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Read the keys file, or make it with one key.

        Raises:
            UnusableKeys: the file is there and cannot be read as keys.
        """
        load_or_create(path, now=clock.now())
        # From here on the file is only read: a new file would end every session.
        self._file = ReloadingFile(
            [path], lambda: load(path), unusable=UnusableKeys, name="signing keys"
        )

    def public_jwks(self) -> str:
        """Return every key of the file as an RFC 7517 JWK set: published before they sign."""
        return self._keys.public_jwks()

    def signing(self, *, now: datetime) -> OKPKey:
        """Return the key to sign with now."""
        return self._keys.signing(now=now)

    @property
    def _keys(self) -> SigningKeys:
        return self._file.look()
