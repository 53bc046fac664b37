"""The signing keys while they change: a new one signs once every gateway can know it."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from joserfc.jwk import OKPKey
from plexuskit.clock import Clock

from directory.store import UnusableKeys, load_or_create

POLLED_EVERY: Final = 2.0

log = structlog.get_logger()

Stamp = tuple[int, int, int]


class KeyRing:
    """The keys of the file as it is now; a file that became unreadable leaves the keys in use."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Read the keys file, or make it with one key.

        Raises:
            UnusableKeys: the file is there and cannot be read as keys.
        """
        self._path = path
        self._clock = clock
        self._keys = load_or_create(path, now=clock.now())
        self._seen: Stamp | None = _stamp(path)

    def public_jwks(self) -> str:
        """Show every key of the file, as an RFC 7517 JWK set: published before they sign."""
        return self._keys.public_jwks()

    def signing(self, *, now: datetime) -> OKPKey:
        """Return the key to sign with now."""
        return self._keys.signing(now=now)

    def look(self) -> None:
        """Read the file again if it is another than the one that was read."""
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return
        self._seen = stamp
        if stamp is None:
            # Never made anew here: that would end the sign-in of everybody.
            log.error("signing_keys.missing")
            return
        try:
            self._keys = load_or_create(self._path, now=self._clock.now())
        except UnusableKeys:
            log.exception("signing_keys.unusable")
            return
        log.info("signing_keys.read", kids=[key.kid for key in self._keys.keys])

    async def follow(self) -> None:
        """Look at the file every 2 s, for ever."""
        while True:
            await asyncio.sleep(POLLED_EVERY)
            self.look()


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
