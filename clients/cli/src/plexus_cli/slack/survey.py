"""First pass over an export: its authors, its conversations, the places of its messages.

It stores people, channels, the time range of every day file and the roots of threads; the messages
themselves are read again when they are translated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from plexus_cli.slack.conversations import Channel, read_channels, shown_name
from plexus_cli.slack.entries import is_message, people_in_room
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
from plexus_cli.slack.problems import OddityKind, Problems


@dataclass(frozen=True, kw_only=True)
class DayFile:
    """A file of messages, with the first and last time in it."""

    name: str
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Days:
    """The messages of one channel, not loaded yet."""

    files: tuple[DayFile, ...]
    roots: frozenset[int]
    """Times that messages name as the root of their thread."""
    messages: int


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The contents of an export."""

    people: Mapping[str, SlackPerson]
    """By Slack id: listed people in the order of the lists, then others by first occurrence."""
    channels: tuple[Channel, ...]
    days: Mapping[str, Days]
    """By channel id."""
    bots: Mapping[str, str]
    """User id of each bot id that has one."""

    @property
    def message_count(self) -> int:
        """Number of readable messages, including those that will be refused one by one."""
        return sum(days.messages for days in self.days.values())

    def name_of(self, channel: Channel) -> str:
        """Return the displayed name of `channel`."""
        return shown_name(channel, self.people)


def survey(export: Export, *, now: datetime, problems: Problems) -> Workspace:
    """Read the whole export once.

    Unknown authors, members and reactors become deactivated placeholders with a name from any of
    their messages, unlisted bots service accounts. Unreadable parts are recorded and skipped.
    Refused: EXPORT_BROKEN for lists of people or channels that cannot be read at all.
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
    crowd.note_placeholders()
    return Workspace(people=people, channels=tuple(channels), days=days, bots=bots)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Place at which an unlisted person was first found."""

    kind: OddityKind
    file: str
    index: int
    ts: str


class _Crowd:
    """All people found so far, with placeholders for the unlisted."""

    def __init__(
        self, people: dict[str, SlackPerson], bots: Mapping[str, str], problems: Problems
    ) -> None:
        self._people = people
        self._bots = bots
        self._problems = problems
        self._unlisted: dict[str, _Place] = {}
        self._named: set[str] = set()

    def acts(self, entry: Entry, *, file: str, index: int) -> None:
        """Add the author of `entry`, its reactors and the people that it names."""
        ts = shown_stamp(entry)
        author = author_of(entry, self._bots)
        self.meets(author, OddityKind.AUTHOR_UNKNOWN, file=file, index=index, ts=ts)
        for reaction in children(entry, "reactions"):
            for key in strings(reaction, "users"):
                reactor = Author(key=key, name="", is_bot=False)
                self.meets(reactor, OddityKind.REACTOR_UNKNOWN, file=file, index=index, ts=ts)
        for key in people_in_room(entry):
            person = Author(key=key, name="", is_bot=False)
            self.meets(person, OddityKind.MEMBER_UNKNOWN, file=file, index=index, ts=ts)

    def meets(
        self, author: Author, kind: OddityKind, *, file: str, index: int, ts: str = ""
    ) -> None:
        """Add a placeholder for an unlisted `author`, or set its name from this entry."""
        if author.key not in self._people:
            self._people[author.key] = stand_in(author)
            self._unlisted[author.key] = _Place(kind=kind, file=file, index=index, ts=ts)
        elif not author.name or author.key not in self._unlisted or author.key in self._named:
            return
        else:
            self._people[author.key] = stand_in(author)
        if author.name:
            self._named.add(author.key)

    def note_placeholders(self) -> None:
        """Record every placeholder with its final name."""
        for key, place in self._unlisted.items():
            person = self._people[key]
            if person.service_account and key != NOBODY:
                continue
            self._problems.note(
                place.kind,
                file=place.file,
                index=place.index,
                ts=place.ts,
                detail=f"{key} becomes the deactivated placeholder {person.display_name!r}",
            )


def _days(
    channel: Channel, export: Export, *, crowd: _Crowd, now: datetime, problems: Problems
) -> Days:
    files: list[DayFile] = []
    roots: set[int] = set()
    messages = 0
    for name in export.others(channel.folder):
        detail = "is no day of messages"
        problems.note(OddityKind.FILE_IGNORED, file=name, detail=detail)

    for name in export.days(channel.folder):
        stamps: list[int] = []
        for index, entry in export.entries(name, problems=problems):
            if not is_message(entry):
                continue
            stamp = micros(entry.get("ts"), now=now)
            if stamp is None:
                _note_time(entry, file=name, index=index, problems=problems)
                continue
            stamps.append(stamp)
            crowd.acts(entry, file=name, index=index)
            if (root := micros(entry.get("thread_ts"), now=now)) is not None:
                roots.add(root)
        if stamps:
            files.append(DayFile(name=name, first=min(stamps), last=max(stamps)))
        messages += len(stamps)
    return Days(files=tuple(files), roots=frozenset(roots), messages=messages)


def _note_time(entry: Entry, *, file: str, index: int, problems: Problems) -> None:
    shown = shown_stamp(entry)
    reason = f"has the absurd time stamp {shown}" if shown else "has no time stamp"
    problems.note(
        OddityKind.TIME_ABSURD, file=file, index=index, ts=shown, detail=f"{reason}; left out"
    )
