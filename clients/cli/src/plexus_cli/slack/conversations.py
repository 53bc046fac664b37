"""ImportConversations requests from the channels, groups and direct chats of an export."""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.messaging.v1 import conversations_pb2, import_service_pb2

from plexus_cli.slack.export import Export
from plexus_cli.slack.fields import (
    MICROS_PER_SECOND,
    Entry,
    child,
    flag,
    micros,
    string,
    strings,
)
from plexus_cli.slack.folders import match_folders
from plexus_cli.slack.folders import shown_name as printable
from plexus_cli.slack.markup import Names, render
from plexus_cli.slack.people import SlackPerson
from plexus_cli.slack.problems import OddityKind, PersonNotMapped, Problems

CONVERSATIONS_PER_REQUEST = 200
MAX_REQUEST_BYTES = 2_000_000
MAX_NAME_LENGTH = 200
MAX_TOPIC_LENGTH = 1_000
_PAIR = 2

Resolve = Callable[[str], str | None]
"""Returns the id in Plexus of an external id (`slack:U…`); None while it has none."""


class ChannelKind(enum.Enum):
    """The list of the export that contains a channel; the value is the file."""

    PUBLIC = "channels.json"
    PRIVATE = "groups.json"
    GROUP_CHAT = "mpims.json"
    DIRECT = "dms.json"


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A channel, private group, group chat or direct chat as the export lists it."""

    key: str
    kind: ChannelKind
    index: int
    """Index in its list."""
    name: str
    """Slack's own name; for a direct chat its id."""
    topic: str
    """In Slack's markup."""
    members: tuple[str, ...]
    creator: str
    created: int | None
    """Microseconds since 1970."""
    archived: bool
    folder: str
    """Folder of its day files; empty if it has none."""

    @property
    def external_id(self) -> str:
        """Key of the import."""
        return f"slack:{self.key}"

    @property
    def is_pair(self) -> bool:
        """True if it becomes a direct conversation, with exactly two people."""
        return self.kind is ChannelKind.DIRECT and len(self.members) == _PAIR


def read_channels(export: Export, *, now: datetime, problems: Problems) -> list[Channel]:
    """Read every list of channels in the export. Refused: EXPORT_BROKEN."""
    listed: dict[str, tuple[ChannelKind, int, Entry]] = {}
    for kind in ChannelKind:
        entries = export.entries(kind.value, problems=problems) if export.has(kind.value) else ()
        for index, entry in entries:
            key = string(entry, "id")
            if not key or key in listed:
                detail = f"channel id {key!r} is empty or stands twice; the entry is left out"
                problems.note(OddityKind.DUPLICATE_ID, file=kind.value, index=index, detail=detail)
                continue
            listed[key] = kind, index, entry
    folders = [folder for folder in export.folders() if export.days(folder)]
    names = {key: _names(entry, key) for key, (_, _, entry) in listed.items()}
    found = match_folders(names, folders)
    channels = [
        _channel(
            entry,
            kind=kind,
            index=index,
            folder=found.get(key, ""),
            now=now,
            problems=problems,
        )
        for key, (kind, index, entry) in listed.items()
    ]
    _note_unmatched(channels, set(folders) - set(found.values()), problems)
    return channels


def _names(entry: Entry, key: str) -> list[str]:
    """Return the possible names of a channel's folder, the most likely first."""
    names = (string(entry, "name"), key, *strings(entry, "previous_names"))
    return [name for name in names if name]


def _note_unmatched(
    channels: Sequence[Channel], left: AbstractSet[str], problems: Problems
) -> None:
    """Record folders without a channel, and channels that may have lost theirs."""
    for folder in sorted(left):
        detail = "no list names this folder; it is left out"
        problems.note(OddityKind.FOLDER_UNLISTED, file=printable(folder), detail=detail)
    for channel in channels if left else ():
        if not channel.folder:
            problems.note(
                OddityKind.FOLDER_MISSING,
                file=channel.kind.value,
                index=channel.index,
                detail=f"{channel.key} {channel.name!r} has no folder of messages",
            )


def shown_name(channel: Channel, people: Mapping[str, SlackPerson]) -> str:
    """Return the displayed name of `channel`; chats without one are named after their members."""
    if channel.kind in {ChannelKind.PUBLIC, ChannelKind.PRIVATE}:
        return (channel.name or channel.key)[:MAX_NAME_LENGTH]
    named = ", ".join(people[key].display_name for key in channel.members if key in people)
    return (named or channel.name or channel.key)[:MAX_NAME_LENGTH]


def conversation_requests(
    channels: Sequence[Channel],
    people: Mapping[str, SlackPerson],
    *,
    person: Resolve,
    names: Names,
    problems: Problems,
) -> Iterator[import_service_pb2.ImportConversationsRequest]:
    """Yield the channels as ImportConversations requests, in order.

    At most CONVERSATIONS_PER_REQUEST and about MAX_REQUEST_BYTES each. Refused: PERSON_NOT_MAPPED.
    """
    request = import_service_pb2.ImportConversationsRequest()
    size = 0
    for channel in channels:
        item = _imported(channel, people, person=person, names=names, problems=problems)
        item_size = item.ByteSize()
        full = len(request.conversations) >= CONVERSATIONS_PER_REQUEST
        if request.conversations and (full or size + item_size > MAX_REQUEST_BYTES):
            yield request
            request = import_service_pb2.ImportConversationsRequest()
            size = 0
        request.conversations.append(item)
        size += item_size
    if request.conversations:
        yield request


def timestamp(stamp: int) -> Timestamp:
    """Convert microseconds since 1970 to a protobuf Timestamp."""
    seconds, rest = divmod(stamp, MICROS_PER_SECOND)
    return Timestamp(seconds=seconds, nanos=rest * 1_000)


def _channel(
    entry: Entry,
    *,
    kind: ChannelKind,
    index: int,
    folder: str,
    now: datetime,
    problems: Problems,
) -> Channel:
    key = string(entry, "id")
    name = string(entry, "name")

    def odd(what: OddityKind, detail: str) -> None:
        problems.note(what, file=kind.value, index=index, detail=f"{key} {detail}")

    if len(name) > MAX_NAME_LENGTH:
        odd(OddityKind.FIELD_SHORTENED, f"has its name cut after {MAX_NAME_LENGTH} characters")

    created = micros(entry.get("created"), now=now)
    if created is None and entry.get("created"):
        odd(OddityKind.CREATED_ABSURD, f"has {entry.get('created')!r}, which is left out")

    members = strings(entry, "members")
    if not members:
        odd(OddityKind.NO_MEMBERS, "is made without members")
    elif kind is ChannelKind.DIRECT and len(members) != _PAIR:
        odd(OddityKind.NOT_A_PAIR, f"has {len(members)} member(s), so it becomes a group")
    topic = string(child(entry, "topic"), "value") or string(child(entry, "purpose"), "value")
    return Channel(
        key=key,
        kind=kind,
        index=index,
        name=name or key,
        topic=topic,
        members=tuple(members),
        creator=string(entry, "creator"),
        created=created,
        archived=flag(entry, "is_archived"),
        folder=folder,
    )


def _imported(
    channel: Channel,
    people: Mapping[str, SlackPerson],
    *,
    person: Resolve,
    names: Names,
    problems: Problems,
) -> import_service_pb2.ImportedConversation:
    kinds = conversations_pb2.Conversation
    topic = render(channel.topic, names=names).text
    if len(topic) > MAX_TOPIC_LENGTH:
        detail = f"topic of {channel.key} is cut after {MAX_TOPIC_LENGTH} characters"
        problems.note(
            OddityKind.FIELD_SHORTENED,
            file=channel.kind.value,
            index=channel.index,
            detail=detail,
        )

    owner = "" if channel.is_pair else _owner(channel, people)
    return import_service_pb2.ImportedConversation(
        external_id=channel.external_id,
        kind=kinds.KIND_DIRECT if channel.is_pair else kinds.KIND_GROUP,
        name="" if channel.is_pair else shown_name(channel, people),
        topic=topic[:MAX_TOPIC_LENGTH],
        member_ids=[mapped(people[key].external_id, person) for key in channel.members],
        owner_id=mapped(people[owner].external_id, person) if owner else "",
        # In Slack, new members see earlier messages, in private channels too.
        history=kinds.HISTORY_ALL,
        archived=channel.archived,
        created_at=None if channel.created is None else timestamp(channel.created),
    )


def mapped(external_id: str, resolve: Resolve) -> str:
    """Return the person id of `external_id`. Refused: PERSON_NOT_MAPPED."""
    person_id = resolve(external_id)
    if not person_id:
        raise PersonNotMapped(external_id=external_id)
    return person_id


def _owner(channel: Channel, people: Mapping[str, SlackPerson]) -> str:
    """Return the owner of a group: its creator, else an active human, else any member.

    A creator who is not a member is never chosen: that would reopen the group to a person who left.
    """
    if not channel.members:
        return ""

    def fitness(key: str) -> tuple[bool, bool, bool]:
        someone = people[key]
        return (someone.deactivated, someone.service_account, key != channel.creator)

    return min(channel.members, key=fitness)
