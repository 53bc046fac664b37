"""Who is signed in on this machine: profiles in one file that only its owner may read."""

import asyncio
import contextlib
import fcntl
import math
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from pydantic import BaseModel

from plexus_cli.problems import Refused

ENVIRONMENT = "PLEXUS_CREDENTIALS"
# An API token for scripts, used instead of a signed-in profile together with --url.
API_TOKEN = "PLEXUS_API_TOKEN"  # noqa: S105 - the variable's name
HOLD_SECONDS = 60.0
_LOOKED_EVERY = 0.02


@dataclass(frozen=True, slots=True)
class Profile:
    """One signed-in person at one Plexus; times are seconds since the epoch."""

    name: str
    url: str
    person_id: str
    handle: str
    access_token: str
    access_expires_at: float
    refresh_token: str
    session_id: str
    device_key: str = ""


def of_api_token(url: str | None) -> Profile | None:
    """Give a profile that acts with the API token of the environment; None without one.

    Raises:
        Refused: there is one, and no address to use it at.
    """
    token = os.environ.get(API_TOKEN, "")
    if not token:
        return None
    if not url:
        raise Refused(f"{API_TOKEN} needs an address: plexus --url HOST:PORT …")
    return Profile(
        name="api token",
        url=url,
        person_id="",
        handle="",
        access_token=token,
        # Never renewed here: the token lives until its own end.
        access_expires_at=math.inf,
        refresh_token="",
        session_id="",
    )


class Credentials(BaseModel):
    """What the file holds."""

    default: str = ""
    profiles: dict[str, Profile] = {}
    device_keys: dict[str, str] = {}


class Profiles:
    """The credentials file, mode 0600.

    `$PLEXUS_CREDENTIALS`, else `~/.config/plexus/credentials.json`.
    """

    def __init__(self, path: Path | None = None) -> None:
        configured = os.environ.get(ENVIRONMENT)
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        self.path = path or (Path(configured) if configured else base / "plexus/credentials.json")

    def find(self, name: str | None) -> Profile:
        """Give a profile, or the default one.

        Raises:
            Refused: nobody of that name is signed in, or the file cannot be read.
        """
        content = self._read()
        wanted = name or content.default
        stored = content.profiles.get(wanted)
        if stored is None:
            who = f"as {wanted}" if wanted else "yet"
            raise Refused(f"Nobody is signed in {who}: run `plexus login NAME --password-stdin`.")
        return stored

    def names(self) -> list[str]:
        """List the profiles, the default one first."""
        content = self._read()
        return sorted(content.profiles, key=lambda name: (name != content.default, name))

    def save(self, profile: Profile, *, default: bool) -> None:
        """Keep a profile; the first one is the default until another is made it."""
        with self.locked():
            content = self._read()
            content.profiles[profile.name] = profile
            if profile.device_key:
                content.device_keys[f"{profile.url} {profile.handle}"] = profile.device_key
            if default or not content.default:
                content.default = profile.name
            self._write(content)

    def device_key(self, url: str, handle: str) -> str:
        """Return the key of this device for a person at an address; empty before the first time.

        It outlives the session, so that wrong passwords that strangers try elsewhere do not keep
        this device out.
        """
        return self._read().device_keys.get(f"{url} {handle}", "")

    def renew(self, profile: Profile, **tokens: str | float) -> Profile:
        """Replace the tokens of a profile; the lock must be held."""
        renewed = replace(profile, **tokens)  # type: ignore[arg-type] # named after the fields
        content = self._read()
        content.profiles[profile.name] = renewed
        self._write(content)
        return renewed

    def forget(self, name: str) -> None:
        """Drop a profile."""
        with self.locked():
            content = self._read()
            content.profiles.pop(name, None)
            if content.default == name:
                content.default = next(iter(content.profiles), "")
            self._write(content)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the file for one process: a refresh token is spent by its first use."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = self.path.with_suffix(".lock")
        with lock.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the file as `locked` does, also against other tasks of this process.

        Whoever holds it may be awaiting an answer in the same event loop, so waiting for the lock
        must not stop the loop. Raises Refused when it is not free in time.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = self.path.with_suffix(".lock")
        deadline = time.monotonic() + HOLD_SECONDS
        with lock.open("w") as handle:
            while not _taken(handle):
                if time.monotonic() > deadline:
                    raise Refused(f"{lock} is held by another process; try again.")
                await asyncio.sleep(_LOOKED_EVERY)
            yield

    def _read(self) -> Credentials:
        try:
            return Credentials.model_validate_json(self.path.read_text())
        except FileNotFoundError:
            return Credentials()
        except (OSError, ValueError) as error:
            raise Refused(f"{self.path} cannot be read; remove it and sign in again.") from error

    def _write(self, content: Credentials) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".credentials")
        with os.fdopen(descriptor, "w") as handle:  # mkstemp makes it 0600
            handle.write(content.model_dump_json(indent=1))
        Path(temporary).replace(self.path)


def _taken(handle: IO[str]) -> bool:
    """Take the lock if it is free."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
