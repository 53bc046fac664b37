"""Positions received in each conversation, stored in memory or in a file."""

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol

from plexus_sdk.errors import Refused
from plexus_sdk.locks import is_taken

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Position:
    """Position up to which a conversation has been received.

    Attributes:
        change_no: every change up to this number has been received.
        seq: every message up to this number has been received.
        until_seq: messages after `seq` up to this number are missing, although `change_no` is
            beyond them: they are fetched first.
    """

    change_no: int
    seq: int
    until_seq: int = 0


class PositionStore(Protocol):
    """Storage of positions; implement it to store them in your own database.

    A session loads once, saves at most once a second while events arrive, and saves at its end.
    """

    async def load(self) -> Mapping[str, Position]:
        """Return the stored positions by conversation id; empty at the very first start."""

    async def save(self, changed: Mapping[str, Position]) -> None:
        """Store the changed positions; leave the others unchanged."""

    async def close(self) -> None:
        """Release the resources of the store; the session has ended."""


class MemoryPositions:
    """In-memory positions: a later session begins with the messages that are new then."""

    def __init__(self, positions: Mapping[str, Position] | None = None) -> None:
        self.positions = dict(positions or {})

    async def load(self) -> Mapping[str, Position]:
        """Return the positions."""
        return dict(self.positions)

    async def save(self, changed: Mapping[str, Position]) -> None:
        """Store the positions."""
        self.positions.update(changed)

    async def close(self) -> None:
        """Do nothing: the store holds no resources."""


class FilePositions:
    """Positions in a file, from which a bot continues after a restart.

    The file is replaced as a whole, so that a crash leaves the previous or the new content. One
    session at a time may use it: a lock beside it is held from `load` until `close`.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._positions: dict[str, Position] = {}
        self._lock: IO[str] | None = None

    async def load(self) -> Mapping[str, Position]:
        """Return the positions of the file; none if there is no file yet.

        Raises:
            Refused: another session uses the file, or it cannot be read.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = _held(self.path.with_name(f"{self.path.name}.lock"))
        try:
            self._positions = _parsed(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            self._positions = {}
        except (OSError, ValueError) as error:
            await self.close()
            raise Refused(
                f"{self.path} cannot be read; remove it to begin with what is new."
            ) from error
        return dict(self._positions)

    async def save(self, changed: Mapping[str, Position]) -> None:
        """Write the positions."""
        self._positions.update(changed)
        content = json.dumps(
            {
                "version": _VERSION,
                "conversations": {
                    id_: [each.change_no, each.seq, each.until_seq]
                    for id_, each in sorted(self._positions.items())
                },
            }
        )
        await asyncio.to_thread(self._write, content)

    async def close(self) -> None:
        """Release the file for another session."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _write(self, content: str) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".positions")
        with _removed_on_error(Path(temporary)):
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            Path(temporary).replace(self.path)


@contextlib.contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _held(path: Path) -> IO[str]:
    handle = path.open("w")
    if not is_taken(handle):
        handle.close()
        raise Refused(f"{path} is held by another session; give each bot a file of its own.")
    return handle


def _parsed(content: Any) -> dict[str, Position]:
    """Parse the content of a file; raise ValueError if `save` cannot have written it."""
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise ValueError("not positions of this version")
    conversations = content.get("conversations")
    if not isinstance(conversations, dict):
        raise ValueError("no conversations")  # noqa: TRY004 - a fault of the content
    for numbers in conversations.values():
        if not isinstance(numbers, list) or not all(isinstance(each, int) for each in numbers):
            raise ValueError("not a position")
    try:
        return {id_: Position(*numbers) for id_, numbers in conversations.items()}
    except TypeError as error:
        raise ValueError("not a position") from error
