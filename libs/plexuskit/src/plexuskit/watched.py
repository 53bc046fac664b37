"""Files that a process depends on, read again when changed: secrets rotate without restart."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

ContentT = TypeVar("ContentT")
Mark = tuple[int, int, int]

log = structlog.get_logger()


class ReloadingFile(Generic[ContentT]):
    """Common content of some files, as of the last time that they were usable.

    A check costs one `stat` per file, about 2 µs. Files that are replaced, by renaming or by the
    symbolic links of a mounted Kubernetes secret, are read again; unusable ones leave the previous
    content in place, with one line in the log for each state of them.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        read: Callable[[], ContentT],
        *,
        unusable: type[Exception],
        name: str,
    ) -> None:
        """Read the files for the first time; errors of `read` pass through.

        Args:
            paths: the files.
            read: reads all of them.
            unusable: error of `read` for unusable files.
            name: description of the files, for the log.
        """
        self._paths = tuple(paths)
        self._read = read
        self._unusable = unusable
        self._name = name
        # Taken before reading: a change in between shows at the next look.
        self._marks = self._seen()
        self._content = read()
        self.generation = 1

    def look(self) -> ContentT:
        """Return the current content of the files; `generation` has grown if it has changed."""
        marks = self._seen()
        if marks == self._marks:
            return self._content
        self._marks = marks
        try:
            content = self._read()
        except self._unusable as error:
            log.warning("file.not_reloaded", name=self._name, error=str(error))
            return self._content
        if content != self._content:
            self._content = content
            self.generation += 1
            log.info("file.reloaded", name=self._name, generation=self.generation)
        return self._content

    def _seen(self) -> tuple[Mark | None, ...]:
        return tuple(_mark(path) for path in self._paths)


def _mark(path: Path) -> Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
