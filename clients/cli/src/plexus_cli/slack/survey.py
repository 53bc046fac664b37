"""Reads an export through once: who acts in it, which conversations it has, where messages lie.

Kept are people, channels, the time range of every day file and which messages have threads; the
messages themselves are read again when they are translated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from plexus_cli.slack.conversations import Channel, read_channels, shown_name
from plexus_cli.slack.entries import is_message
from plexus_cli.slack.export import Export
from plexus_cli.slack.fields import Entry, children, micros, shown_stamp, strings
from plexus_cli.slack.people import (
    NOBODY,
    Author,
    SlackPerson,
    author_of,
    read_users,
    stand_in,
)
from plexus_cli.slack.problems import ExportBroken, OddityKind, Problems


@dataclass(frozen=True, kw_only=True)
class DayFile:
    """One file of messages: how many entries can be read, and the first and last time in it."""

    name: str
    entries: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Days:
    """The messages of one channel, not read yet."""

    files: tuple[DayFile, ...]
    roots: frozenset[int]
    """Times that some message names as the root of its thread."""
    messages: int
    broken: ExportBroken | None
    """Raised after what can be read has been handed out."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """What an export holds."""

    people: Mapping[str, SlackPerson]
    """By Slack id: those of `users.json` in its order, then others as they first act."""
    channels: tuple[Channel, ...]
    days: Mapping[str, Days]
    """By channel id."""
    bots: Mapping[str, str]
    """User id of each bot id that has one."""

    @property
    def message_count(self) -> int:
        """How many messages can be read, those that will be refused one by one included."""
        return sum(days.messages for days in self.days.values())

    def name_of(self, channel: Channel) -> str:
        """Answer the name to show for `channel`."""
        return shown_name(channel, self.people)


def survey(export: Export, *, now: datetime, problems: Problems) -> Workspace:
    """Read the whole export once.

    Unknown authors, members and reactors become deactivated placeholders, unlisted bots service
    accounts. A damaged day file ends its channel there and is refused only when the messages are
    translated. Refused: EXPORT_BROKEN for `users.json` and the lists of channels.
    """
    people, bots = read_users(export, problems=problems)
    channels = read_channels(export, now=now, problems=problems)
    crowd = _Crowd(people, bots, problems)
    for channel in channels:
        for key in channel.members:
            crowd.meets(
                Author(key=key, name="", is_bot=False),
                OddityKind.MEMBER_UNKNOWN,
                file=channel.kind.value,
                index=channel.index,
            )
    days = {
        channel.key: _days(channel, export, crowd=crowd, now=now, problems=problems)
        for channel in channels
    }
    return Workspace(people=people, channels=tuple(channels), days=days, bots=bots)


class _Crowd:
    """Knows everybody who has acted so far and makes stand-ins for the unknown."""

    def __init__(
        self, people: dict[str, SlackPerson], bots: Mapping[str, str], problems: Problems
    ) -> None:
        self._people = people
        self._bots = bots
        self._problems = problems

    def acts(self, entry: Entry, *, file: str, index: int) -> None:
        """Meet the author of `entry` and those who reacted to it."""
        ts = shown_stamp(entry)
        author = author_of(entry, self._bots)
        self.meets(author, OddityKind.AUTHOR_UNKNOWN, file=file, index=index, ts=ts)
        for reaction in children(entry, "reactions"):
            for key in strings(reaction, "users"):
                reactor = Author(key=key, name="", is_bot=False)
                self.meets(reactor, OddityKind.REACTOR_UNKNOWN, file=file, index=index, ts=ts)

    def meets(
        self, author: Author, kind: OddityKind, *, file: str, index: int, ts: str = ""
    ) -> None:
        if author.key in self._people:
            return
        person = stand_in(author)
        self._people[author.key] = person
        if person.service_account and author.key != NOBODY:
            return
        detail = f"{author.key} becomes the deactivated placeholder {person.display_name!r}"
        self._problems.note(kind, file=file, index=index, ts=ts, detail=detail)


def _days(
    channel: Channel, export: Export, *, crowd: _Crowd, now: datetime, problems: Problems
) -> Days:
    files: list[DayFile] = []
    roots: set[int] = set()
    messages = 0
    broken: ExportBroken | None = None
    for name in export.others(channel.folder):
        detail = "is no day of messages"
        problems.note(OddityKind.FILE_IGNORED, file=name, detail=detail)

    for name in export.days(channel.folder):
        stamps: list[int] = []
        entries = 0
        try:
            for index, entry in enumerate(export.entries(name)):
                if is_message(entry):
                    stamps.append(_stamp(entry, file=name, index=index, now=now))
                    crowd.acts(entry, file=name, index=index)
                    if (root := micros(entry.get("thread_ts"), now=now)) is not None:
                        roots.add(root)
                entries = index + 1
        except ExportBroken as error:
            broken = error
        if stamps:
            files.append(DayFile(name=name, entries=entries, first=min(stamps), last=max(stamps)))
        messages += len(stamps)
        if broken is not None:
            break
    return Days(files=tuple(files), roots=frozenset(roots), messages=messages, broken=broken)


def _stamp(entry: Entry, *, file: str, index: int, now: datetime) -> int:
    stamp = micros(entry.get("ts"), now=now)
    if stamp is None:
        shown = shown_stamp(entry)
        problem = f"has the absurd time stamp {shown}" if shown else "has no time stamp"
        raise ExportBroken(file=file, index=index, ts=shown, problem=problem)
    return stamp
