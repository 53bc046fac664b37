"""Profiles of signed-in people in one file that only its owner may read."""

import asyncio
import contextlib
import json
import math
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from plexus_sdk.errors import Refused, SignedOut
from plexus_sdk.locks import is_taken, wait_for

CREDENTIALS: Final = "PLEXUS_CREDENTIALS"
HOME: Final = "PLEXUS_HOME"
_LOCAL: Final = Path(".plexus/credentials.json")
HOLD_SECONDS = 60.0
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Profile:
    """A signed-in person, or the API token of a bot, at one Plexus.

    Attributes:
        name: name of the profile in its file.
        url: native address of the gateway: `host:port`, or `grpcs://host:port` with TLS.
        access_expires_at: seconds since the epoch; infinite for an API token, which is not
            renewed here.
        refresh_token: single use; empty for an API token.
        device_key: identifies this device at the next sign-in; empty before the first one.
    """

    name: str
    url: str
    person_id: str
    handle: str
    access_token: str
    access_expires_at: float
    refresh_token: str
    session_id: str
    device_key: str = ""


def api_token_profile(*, url: str, token: str) -> Profile:
    """Return a profile that acts with an API token (`plx_…`) at an address."""
    return Profile(
        name="api token",
        url=url,
        person_id="",
        handle="",
        access_token=token,
        access_expires_at=math.inf,
        refresh_token="",
        session_id="",
    )


@dataclass(slots=True)
class _Credentials:
    """The content of the file."""

    default: str = ""
    profiles: dict[str, Profile] = field(default_factory=dict)
    device_keys: dict[str, str] = field(default_factory=dict)


class Profiles:
    """The credentials file, mode 0600, on Linux and macOS.

    `$PLEXUS_CREDENTIALS`, else `.plexus/credentials.json` of a demo in the current folder or one
    above it, else `~/.config/plexus/credentials.json`. The `plexus` command and every process that
    uses the SDK may share it: a lock beside it lets one process at a time renew tokens, because a
    refresh token is single use.
    """

    def __init__(self, path: Path | None = None) -> None:
        configured = os.environ.get(CREDENTIALS)
        self.path = path or (Path(configured) if configured else _of_demo() or _of_user())

    def find(self, name: str | None) -> Profile:
        """Return a profile, the default one without a name.

        Raises:
            SignedOut: there is no such profile.
            Refused: the file cannot be read.
        """
        content = self._read()
        wanted = name or content.default
        stored = content.profiles.get(wanted)
        if stored is None:
            who = f"as {wanted}" if wanted else "yet"
            raise SignedOut(
                f"Nobody is signed in {who}: run `plexus login NAME --password-stdin`.",
                reason="PROFILE_NOT_FOUND" if wanted else "NOT_SIGNED_IN",
                metadata={"profile": wanted},
            )
        return stored

    def names(self) -> list[str]:
        """List the profiles, the default one first."""
        content = self._read()
        return sorted(content.profiles, key=lambda name: (name != content.default, name))

    def save(self, profile: Profile, *, default: bool) -> None:
        """Store a profile; the first one is the default until another one becomes it."""
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

        It outlives the session, so that failed attempts from other devices do not lock this device
        out.
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
        """Remove a profile."""
        with self.locked():
            content = self._read()
            content.profiles.pop(name, None)
            if content.default == name:
                content.default = next(iter(content.profiles), "")
            self._write(content)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the file against other processes and threads."""
        with self._lock().open("w") as handle:
            wait_for(handle)
            yield

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Lock the file as `locked` does, and also against other tasks of this process.

        The holder may await a response in the same event loop, so waiting must not block the loop.

        Raises:
            Refused: the file stays locked for a minute.
        """
        lock = self._lock()
        deadline = time.monotonic() + HOLD_SECONDS
        with lock.open("w") as handle:
            while not is_taken(handle):
                if time.monotonic() > deadline:
                    raise Refused(f"{lock} is held by another process; try again.")
                await asyncio.sleep(_POLL_SECONDS)
            yield

    def _lock(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.path.with_suffix(".lock")

    def _read(self) -> _Credentials:
        try:
            return _parsed(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return _Credentials()
        except (OSError, ValueError) as error:
            raise Refused(f"{self.path} cannot be read; remove it and sign in again.") from error

    def _write(self, content: _Credentials) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".credentials")
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:  # mkstemp sets mode 0600
            json.dump(asdict(content), handle, indent=1)
            handle.flush()
            # A used refresh token that reappears after a power failure would end the session.
            os.fsync(handle.fileno())
        Path(temporary).replace(self.path)


def _of_user() -> Path:
    base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "plexus/credentials.json"


def _of_demo() -> Path | None:
    """Return the file of a demo around the current folder, if it is the user's own."""
    start = Path(os.environ.get(HOME) or Path.cwd())
    for folder in (start, *start.parents):
        file = folder / _LOCAL
        if file.is_file() and file.stat().st_uid == os.getuid():
            return file
    return None


def _parsed(content: Any) -> _Credentials:
    """Parse the content of the file; raise ValueError if `save` cannot have written it."""
    if not isinstance(content, dict):
        raise ValueError("not an object")  # noqa: TRY004 - a fault of the content, not of a caller
    default, keys = content.get("default", ""), content.get("device_keys", {})
    if not isinstance(default, str) or not _is_texts(keys):
        raise ValueError("not the fields of credentials")
    profiles = content.get("profiles", {})
    if not isinstance(profiles, dict):
        raise ValueError("not profiles")  # noqa: TRY004 - see above
    return _Credentials(default, {name: _profile(each) for name, each in profiles.items()}, keys)


def _profile(content: Any) -> Profile:
    if not isinstance(content, dict):
        raise ValueError("not a profile")  # noqa: TRY004 - see above
    known = {each.name: content[each.name] for each in fields(Profile) if each.name in content}
    expires = known.pop("access_expires_at", None)
    if not isinstance(expires, int | float) or not _is_texts(known):
        raise ValueError("not the fields of a profile")
    try:
        return Profile(access_expires_at=float(expires), **known)
    except TypeError as error:
        raise ValueError("a field of a profile is missing") from error


def _is_texts(content: Any) -> bool:
    return isinstance(content, dict) and all(isinstance(each, str) for each in content.values())
