"""ImportMessages requests from the messages of one channel, in order of time (MSG-19)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from plexus.messaging.v1 import import_service_pb2
from plexus.messaging.v1 import messages_pb2 as messages
from plexuskit.emoji import canonical_emoji
from plexuskit.errors import Refusal

from plexus_cli.slack.attachments import MAX_ATTACHMENTS, attached_text, attachments_of
from plexus_cli.slack.blocks import BlockReader
from plexus_cli.slack.composing import joined
from plexus_cli.slack.conversations import MAX_REQUEST_BYTES, Channel, Resolve, mapped, timestamp
from plexus_cli.slack.entries import ME_MESSAGE, TOMBSTONE, is_system, system_text
from plexus_cli.slack.export import Export
from plexus_cli.slack.fields import (
    Entry,
    child,
    children,
    micros,
    stamp_text,
    string,
    strings,
    whole,
)
from plexus_cli.slack.markup import Named, Names, Rendered, render
from plexus_cli.slack.people import author_of
from plexus_cli.slack.problems import ConversationNotMapped, OddityKind, Problems
from plexus_cli.slack.survey import Workspace
from plexus_cli.slack.timeline import Placed, timeline

MESSAGES_PER_REQUEST = 256
MAX_TEXT_BYTES = 150 * 1024
"""Maximum size of a text (MSG-18)."""

_SAID = ("text", "blocks", "attachments", "files")
"""Fields that distinguish two messages with the same time stamp."""
_FRAME_BYTES = 8
"""Maximum size of the tag and length of one message in its request."""


def message_requests(
    channel: Channel,
    *,
    workspace: Workspace,
    export: Export,
    person: Resolve,
    conversation: Resolve,
    now: datetime,
    problems: Problems,
) -> Iterator[import_service_pb2.ImportMessagesRequest]:
    """Yield the messages of `channel` as ImportMessages requests, in order of time.

    At most MESSAGES_PER_REQUEST and MAX_REQUEST_BYTES each. The same export and ids give the same
    requests, so that an interrupted import can be run again (MSG-3). Refused, after the preceding
    messages have been yielded: EXPORT_UNTIDY, PERSON_NOT_MAPPED; at once: CONVERSATION_NOT_MAPPED.
    """
    conversation_id = conversation(channel.external_id)
    if not conversation_id:
        raise ConversationNotMapped(external_id=channel.external_id)
    translation = _Translation(
        channel,
        workspace=workspace,
        conversation_id=conversation_id,
        person=person,
        now=now,
        problems=problems,
    )
    placed = timeline(export, workspace.days[channel.key], now=now)
    return _batches(translation.translated(placed))


def names_of(workspace: Workspace, *, person: Resolve) -> Names:
    """Return the names of people and channels in texts. A lookup refuses: PERSON_NOT_MAPPED."""
    known: dict[str, Named] = {}
    channels = {channel.key: workspace.name_of(channel) for channel in workspace.channels}

    def named(key: str) -> Named | None:
        if key not in known and (someone := workspace.people.get(key)) is not None:
            person_id = mapped(someone.external_id, person)
            known[key] = Named(handle=someone.handle, person_id=person_id)
        return known.get(key)

    return Names(person=named, channel=channels.get)


class _Translation:
    """Translator of the messages of one channel, which tracks earlier thread roots."""

    def __init__(
        self,
        channel: Channel,
        *,
        workspace: Workspace,
        conversation_id: str,
        person: Resolve,
        now: datetime,
        problems: Problems,
    ) -> None:
        self._channel = channel
        self._workspace = workspace
        self._conversation_id = conversation_id
        self._person = person
        self._names = names_of(workspace, person=person)
        self._now = now
        self._problems = problems
        self._wanted_roots = workspace.days[channel.key].roots
        self._roots: dict[int, str] = {}
        """Request id of the thread's first message, by the time of a message that has replies."""

    def translated(self, entries: Iterator[Placed]) -> Iterator[import_service_pb2.ImportedMessage]:
        stamp = -1
        said: list[tuple[str, Entry]] = []
        for placed in entries:
            if placed.stamp != stamp:
                stamp, said = placed.stamp, []
            author = author_of(placed.entry, self._workspace.bots).key
            if any(who == author and _says_the_same(each, placed.entry) for who, each in said):
                self._odd(OddityKind.DUPLICATE_TS, placed, "the same message again is left out")
                continue
            said.append((author, placed.entry))
            if len(said) > 1:
                self._odd(OddityKind.DUPLICATE_TS, placed, f"another message, number {len(said)}")
            message = self._message(placed, author=author, number=len(said))
            if message is not None:
                yield message

    def _message(
        self, placed: Placed, *, author: str, number: int
    ) -> import_service_pb2.ImportedMessage | None:
        """Translate one message; None, with an oddity, if it is too large."""
        entry = placed.entry
        rendered = self._text(placed)
        size = len(rendered.text.encode())
        if size > MAX_TEXT_BYTES:
            detail = f"{size} bytes of text, more than {MAX_TEXT_BYTES}; refused"
            self._odd(OddityKind.TEXT_TOO_LONG, placed, detail)
            return None

        system = is_system(entry)
        request_id = f"slack:{self._channel.key}:{placed.ts}" + (f":{number}" if number > 1 else "")
        external_id = self._workspace.people[author].external_id
        message = import_service_pb2.ImportedMessage(
            conversation_id=self._conversation_id,
            request_id=request_id,
            sender_id=mapped(external_id, self._person),
            sent_at=timestamp(placed.stamp),
            text=rendered.text,
            spans=() if system else rendered.spans,
            mentions=() if system else rendered.mentions,
            root_request_id=self._root(placed, request_id=request_id),
            reactions=self._reactions(placed),
            attachments=self._attachments(placed),
            kind=messages.Message.KIND_SYSTEM if system else messages.Message.KIND_TEXT,
            deleted=string(entry, "subtype") == TOMBSTONE,
        )
        if (edited := self._edited(placed)) is not None:
            message.edited_at.CopyFrom(timestamp(edited))
        if message.ByteSize() + _FRAME_BYTES > MAX_REQUEST_BYTES:
            detail = f"{message.ByteSize()} bytes in all, more than {MAX_REQUEST_BYTES}; refused"
            self._odd(OddityKind.MESSAGE_TOO_LARGE, placed, detail)
            return None
        if placed.stamp in self._wanted_roots:
            self._roots.setdefault(placed.stamp, message.root_request_id or request_id)
        return message

    def _text(self, placed: Placed) -> Rendered:
        entry = placed.entry
        if entry.get("text") is not None and not isinstance(entry.get("text"), str):
            self._odd(OddityKind.FIELD_MALFORMED, placed, "the text is no text; taken as empty")
        notice = system_text(entry) if is_system(entry) else ""
        rendered = render(notice, names=self._names) if notice else self._content(placed)
        if string(entry, "subtype") == ME_MESSAGE and rendered.text:
            whole_text = messages.Span(start=0, length=len(rendered.text), italic=True)
            rendered = replace(rendered, spans=[whole_text, *rendered.spans])
        for key in rendered.unknown:
            self._odd(OddityKind.MENTION_UNKNOWN, placed, f"{key} stays a label")
        if rendered.beyond_limit:
            detail = f"{rendered.beyond_limit} mentions beyond the limit stay labels"
            self._odd(OddityKind.TOO_MANY_MENTIONS, placed, detail)
        return rendered

    def _content(self, placed: Placed) -> Rendered:
        """Return the text of the blocks, else of the message, then that of the attachments.

        Slack shows the blocks if there are any; the text beside them is for notifications.
        """
        text = string(placed.entry, "text")
        reader = BlockReader(names=self._names, beside=text)
        body = reader.read(placed.entry)
        if not body.text:
            body = render(text, names=self._names)
        attached = attached_text(placed.entry, reader=reader, said=body.text)
        for kind in dict.fromkeys(reader.unknown):
            detail = f"{kind[:40]!r} is unknown; its words are kept"
            self._odd(OddityKind.BLOCK_UNKNOWN, placed, detail)
        return joined((body, attached), names=self._names)

    def _attachments(self, placed: Placed) -> list[messages.Attachment]:
        found = attachments_of(placed.entry)
        if len(found) > MAX_ATTACHMENTS:
            left = len(found) - MAX_ATTACHMENTS
            detail = (
                f"{left} of {len(found)} files and pages are left out, from"
                f" {found[MAX_ATTACHMENTS].name!r} on: a message takes {MAX_ATTACHMENTS}"
            )
            self._odd(OddityKind.TOO_MANY_FILES, placed, detail)
        return found[:MAX_ATTACHMENTS]

    def _root(self, placed: Placed, *, request_id: str) -> str:
        """Return the request id of the thread's first message.

        The first reply to a missing root becomes the root of the others.
        """
        value = placed.entry.get("thread_ts")
        if value is None or value == "":
            return ""
        stamp = micros(value, now=self._now)
        if stamp == placed.stamp:
            return ""
        root = None if stamp is None else self._roots.get(stamp)
        if root is None:
            shown = repr(value)[:40] if stamp is None else stamp_text(stamp)
            begins = stamp is not None and stamp < placed.stamp
            instead = "the message stands for it" if begins else "the message is outside threads"
            detail = f"the root {shown} is not there; {instead}"
            self._odd(OddityKind.ROOT_MISSING, placed, detail)
            if stamp is not None and begins:
                self._roots[stamp] = request_id
        return root or ""

    def _reactions(self, placed: Placed) -> list[messages.Reaction]:
        reactors: dict[str, dict[str, None]] = {}
        for reaction in children(placed.entry, "reactions"):
            emoji = canonical_emoji(string(reaction, "name").partition("::")[0])
            users = strings(reaction, "users")
            if whole(reaction, "count") > len(users):
                missing = whole(reaction, "count") - len(users)
                detail = f"{missing} people who reacted with {emoji} are not named"
                self._odd(OddityKind.REACTORS_MISSING, placed, detail)
            if emoji and users:
                ids = (self._workspace.people[key].external_id for key in users)
                reactors.setdefault(emoji, {}).update(
                    dict.fromkeys(mapped(external_id, self._person) for external_id in ids)
                )
        return [
            messages.Reaction(emoji=emoji, person_ids=list(ids)) for emoji, ids in reactors.items()
        ]

    def _edited(self, placed: Placed) -> int | None:
        edited = child(placed.entry, "edited")
        if not edited:
            return None
        stamp = micros(edited.get("ts"), now=self._now)
        if stamp is None or stamp < placed.stamp:
            detail = f"edited at {edited.get('ts')!r}, which is left out"
            self._odd(OddityKind.EDIT_TIME_ABSURD, placed, detail)
            return None
        return stamp

    def _odd(self, kind: OddityKind, placed: Placed, detail: str) -> None:
        self._problems.note(kind, file=placed.file, index=placed.index, ts=placed.ts, detail=detail)


def _says_the_same(entry: Entry, other: Entry) -> bool:
    return all(entry.get(key) == other.get(key) for key in _SAID)


def _batches(
    items: Iterator[import_service_pb2.ImportedMessage],
) -> Iterator[import_service_pb2.ImportMessagesRequest]:
    """Group messages into requests; raise a refusal after the preceding messages."""
    request = import_service_pb2.ImportMessagesRequest()
    size = 0
    refusal: Refusal | None = None
    while refusal is None:
        try:
            item = next(items, None)
        except Refusal as error:
            refusal = error
            continue
        if item is None:
            break
        item_size = item.ByteSize() + _FRAME_BYTES
        full = len(request.messages) >= MESSAGES_PER_REQUEST
        if request.messages and (full or size + item_size > MAX_REQUEST_BYTES):
            yield request
            request = import_service_pb2.ImportMessagesRequest()
            size = 0
        request.messages.append(item)
        size += item_size
    if request.messages:
        yield request
    if refusal is not None:
        raise refusal
