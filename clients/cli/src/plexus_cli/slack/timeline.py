"""Messages of one channel in order of time, whatever the order of its files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from plexus_cli.slack.entries import is_message
from plexus_cli.slack.export import Export
from plexus_cli.slack.fields import Entry, micros, stamp_text
from plexus_cli.slack.problems import Problems
from plexus_cli.slack.survey import DayFile, Days


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """An entry, its time in microseconds since 1970, and its place."""

    stamp: int
    file: str
    index: int
    entry: Entry

    @property
    def ts(self) -> str:
        """The time in Slack's format."""
        return stamp_text(self.stamp)


def timeline(export: Export, days: Days, *, now: datetime) -> Iterator[Placed]:
    """Yield the messages of a channel by time; equal times by file and index in it.

    One file is in memory at a time; only files whose times overlap are read together. Unreadable
    entries were recorded by the survey and are skipped.
    """
    for group in _overlapping(days.files):
        placed = [item for file in group for item in _read(export, file, now=now)]
        placed.sort(key=lambda item: (item.stamp, item.file, item.index))
        yield from placed


def _read(export: Export, file: DayFile, *, now: datetime) -> Iterator[Placed]:
    for index, entry in export.entries(file.name, problems=Problems(examples_per_kind=0)):
        stamp = micros(entry.get("ts"), now=now)
        if is_message(entry) and stamp is not None:
            yield Placed(stamp=stamp, file=file.name, index=index, entry=entry)


def _overlapping(files: Sequence[DayFile]) -> Iterator[list[DayFile]]:
    """Yield files in order of time, grouped by overlapping ranges."""
    group: list[DayFile] = []
    end = -1
    for file in sorted(files, key=lambda item: (item.first, item.name)):
        if group and file.first > end:
            yield group
            group = []
        group.append(file)
        end = max(end, file.last)
    if group:
        yield group
