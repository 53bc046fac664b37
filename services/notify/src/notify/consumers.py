"""From events to operations: records are translated, in order, and nothing is decided here."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError, Message
from plexus.directory.v1 import events_pb2 as directory_pb
from plexus.directory.v1.people_pb2 import Person as PersonMessage
from plexus.messaging.v1 import events_pb2 as messaging_pb
from plexus.messaging.v1.conversations_pb2 import Conversation as ConversationMessage
from plexus.messaging.v1.conversations_pb2 import ConversationSettings
from plexus.messaging.v1.conversations_pb2 import Member as MemberMessage
from plexus.messaging.v1.messages_pb2 import NOTIFY_NONE, PRIORITY_URGENT, Mention
from plexus.messaging.v1.messages_pb2 import Message as MessageMessage
from plexus.tasks.v1 import events_pb2 as tasks_pb
from plexus.tasks.v1.tasks_pb2 import Task as TaskMessage
from plexus.topics import (
    DIRECTORY_PERSON_V1,
    NOTIFY_ACCESS,
    NOTIFY_CURSORS,
    NOTIFY_MESSAGES,
    NOTIFY_PEOPLE,
    NOTIFY_SETTINGS,
    NOTIFY_TASKS,
)
from plexuskit.clock import Clock
from plexuskit.config import KafkaSection
from plexuskit.kafka import InvalidRecord, Owners, Probe, Record, consumer
from plexuskit.service import Runtime
from plexuskit.snapshot import snapshots

from notify.domain.conversations import Addressing, Conversation, Member
from notify.domain.feeds import Stop
from notify.domain.mutes import Mute
from notify.domain.people import Person
from notify.domain.tasks import Task, due_text
from notify.operations.feeds import tell_of_stops
from notify.operations.messages import (
    Membership,
    Said,
    recall_message,
    reword_message,
    tell_of_messages,
)
from notify.operations.projecting import (
    note_conversation,
    note_mutes,
    note_people,
)
from notify.operations.reading import advance_cursors
from notify.operations.tasks import Pace, note_task, tell_assignees, tell_overdue
from notify.store import Cursor, Store

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub

IMPORT = "import"
GROUPS = (
    NOTIFY_PEOPLE,
    NOTIFY_ACCESS,
    NOTIFY_MESSAGES,
    NOTIFY_TASKS,
    NOTIFY_CURSORS,
    NOTIFY_SETTINGS,
)
_OPEN = frozenset({TaskMessage.STATE_TODO, TaskMessage.STATE_DOING, TaskMessage.STATE_BLOCKED})

FactT = TypeVar("FactT", bound=Message)


class Handlers:
    """The groups' handlers over one store."""

    def __init__(self, store: Store, *, membership: Membership, pace: Pace, clock: Clock) -> None:
        self._store = store
        self._membership = membership
        self._pace = pace
        self._clock = clock

    async def people(self, records: Sequence[Record]) -> None:
        """Keep people; sessions do not concern notify."""
        people = []
        for record in records:
            match _name(record):
                case "PersonAdded":
                    people.append(_fact(record, directory_pb.PersonAdded).person)
                case "PersonChanged":
                    people.append(_fact(record, directory_pb.PersonChanged).person)
                case "PersonDeactivated":
                    people.append(_fact(record, directory_pb.PersonDeactivated).person)
        if people:
            await note_people(self._store, people=[_person(each) for each in people])

    async def access(self, records: Sequence[Record]) -> None:
        """Tell of feeds that stopped; roles, policies and modules do not concern notify."""
        stops = [_stop(record) for record in records if _name(record) == "FeedStopped"]
        if stops:
            await tell_of_stops(
                self._store, stops=stops, jitter=self._pace.jitter, now=self._clock.now()
            )

    async def messages(self, records: Sequence[Record]) -> None:
        """Follow conversations; messages that come after one another are told of together.

        What changes who hears of the following messages is done between them, in order.
        """
        said: list[Said] = []
        for record in records:
            match _name(record):
                case "MessagePosted":
                    posted = _fact(record, messaging_pb.MessagePosted).message
                    said += _said(record, posted, posted.mentions, fresh=True)
                case "MessageReacted" | "MessagePinned" | "MessageLabeled":
                    continue  # of these nobody is told
                case _:
                    await self._tell(said)
                    await self._change(record)
        await self._tell(said)

    async def tasks(self, records: Sequence[Record]) -> None:
        """Keep tasks and their reminders, tell of assignments and of what is overdue."""
        for record in records:
            match _name(record):
                case "TaskCreated":
                    created = _fact(record, tasks_pb.TaskCreated).task
                    await self._task(record, created, assigned=tuple(created.assignee_ids))
                case "TaskChanged":
                    changed = _fact(record, tasks_pb.TaskChanged)
                    added = tuple(changed.added_assignee_ids)
                    await self._task(record, changed.task, assigned=added)
                case "TaskOverdue":
                    late = _task(_fact(record, tasks_pb.TaskOverdue).task)
                    now = self._clock.now()
                    await note_task(self._store, task=late, pace=self._pace, now=now)
                    await tell_overdue(
                        self._store,
                        task=late,
                        event_id=record.envelope.event_id,
                        pace=self._pace,
                        now=now,
                    )

    async def cursors(self, records: Sequence[Record]) -> None:
        """Follow how far people read."""
        read = [_fact(record, messaging_pb.CursorAdvanced).cursor for record in records]
        cursors = [
            Cursor(
                conversation_id=each.conversation_id,
                person_id=each.person_id,
                root_seq=each.root_seq,
                through_seq=each.through_seq,
            )
            for each in read
        ]
        await advance_cursors(self._store, cursors=cursors, now=self._clock.now())

    async def settings(self, records: Sequence[Record]) -> None:
        """Keep which conversations people have muted; drafts and the like do not concern notify."""
        changes = [
            _fact(record, messaging_pb.ConversationSettingsChanged)
            for record in records
            if _name(record) == "ConversationSettingsChanged"
        ]
        if changes:
            mutes = [_mute(each.settings, person_id=each.person_id) for each in changes]
            await note_mutes(self._store, mutes=mutes)

    async def _tell(self, said: list[Said]) -> None:
        if said:
            await tell_of_messages(
                self._store,
                messages=said,
                membership=self._membership,
                jitter=self._pace.jitter,
                now=self._clock.now(),
            )
            said.clear()

    async def _change(self, record: Record) -> None:
        match _name(record):
            case "MessageEdited":
                await self._edited(record)
            case "MessageRecalled":
                message = _fact(record, messaging_pb.MessageRecalled).message
                now = self._clock.now()
                await recall_message(self._store, message_id=message.id, now=now)
            case "ConversationCreated":
                created = _fact(record, messaging_pb.ConversationCreated)
                await self._conversation(created.conversation, created.members)
            case "ConversationChanged":
                await self._conversation(
                    _fact(record, messaging_pb.ConversationChanged).conversation, ()
                )
            case "ConversationArchived":
                await self._conversation(
                    _fact(record, messaging_pb.ConversationArchived).conversation, ()
                )
            case "MembersAdded":
                await self._conversation(None, _fact(record, messaging_pb.MembersAdded).members)
            case "MembersRemoved":
                await self._conversation(None, _fact(record, messaging_pb.MembersRemoved).members)

    async def _edited(self, record: Record) -> None:
        edited = _fact(record, messaging_pb.MessageEdited)
        message, now = edited.message, self._clock.now()
        await reword_message(self._store, message_id=message.id, text=message.text, now=now)
        # Only what the edit added notifies (MSG-11).
        await self._tell(_said(record, message, edited.added_mentions, fresh=False))

    async def _conversation(
        self, conversation: ConversationMessage | None, members: Sequence[MemberMessage]
    ) -> None:
        await note_conversation(
            self._store,
            conversation=_conversation(conversation) if conversation is not None else None,
            members=[_member(each) for each in members],
        )

    async def _task(
        self, record: Record, message: TaskMessage, *, assigned: tuple[str, ...]
    ) -> None:
        task, now = _task(message), self._clock.now()
        await note_task(self._store, task=task, pace=self._pace, now=now)
        if assigned:
            await tell_assignees(
                self._store,
                task=task,
                assignee_ids=assigned,
                event_id=record.envelope.event_id,
                actor_id=record.envelope.actor_id,
                pace=self._pace,
                now=now,
            )


@asynccontextmanager
async def consuming(
    store: Store,
    directory: "AuthorityAsyncStub",
    *,
    membership: Membership,
    probe: Probe,
    owners: Owners,
    kafka: KafkaSection,
    pace: Pace,
    runtime: Runtime,
) -> AsyncIterator[None]:
    """Consume the groups for the time of the block, and load what directory's topics forgot.

    `probe` exercises the database and asks directory's health, `owners` have facts that topics
    leave out.
    """
    handlers = Handlers(store, membership=membership, pace=pace, clock=runtime.clock)
    follow = partial(consumer, kafka, probe=probe, owners=owners, runtime=runtime)
    async with (
        follow(NOTIFY_PEOPLE, handlers.people),
        snapshots(
            directory,
            {DIRECTORY_PERSON_V1: handlers.people},
            owner="directory",
            runtime=runtime,
        ),
        follow(NOTIFY_ACCESS, handlers.access),
        follow(NOTIFY_MESSAGES, handlers.messages),
        follow(NOTIFY_TASKS, handlers.tasks, max_batch=100),
        follow(NOTIFY_CURSORS, handlers.cursors),
        follow(NOTIFY_SETTINGS, handlers.settings),
    ):
        yield


def _name(record: Record) -> str:
    return record.envelope.type.rpartition(".")[2]


def _fact(record: Record, kind: type[FactT]) -> FactT:
    try:
        return kind.FromString(record.envelope.fact)
    except DecodeError as error:
        raise InvalidRecord(record, f"the fact is no {kind.DESCRIPTOR.full_name}") from error


def _said(
    record: Record, message: MessageMessage, mentions: Sequence[Mention], *, fresh: bool
) -> list[Said]:
    """Return the message if it is one that people are told of: no import, no system message."""
    envelope = record.envelope
    imported = IMPORT in {envelope.origin, message.origin}
    if imported or message.recalled or message.kind == MessageMessage.KIND_SYSTEM:
        return []
    return [
        Said(
            event_id=envelope.event_id,
            tenant_id=envelope.tenant_id,
            message_id=message.id,
            conversation_id=message.conversation_id,
            sender_id=message.sender_id,
            seq=message.seq,
            root_seq=message.root_seq,
            text=message.text,
            addressing=Addressing(
                person_ids=frozenset(each.person_id for each in mentions if each.person_id),
                everybody=any(each.all for each in mentions),
                department_ids=frozenset(
                    each.department_id for each in mentions if each.department_id
                ),
            ),
            fresh=fresh,
            quiet=message.notify == NOTIFY_NONE and message.priority != PRIORITY_URGENT,
            urgent=message.priority == PRIORITY_URGENT,
        )
    ]


def _person(message: PersonMessage) -> Person:
    return Person(
        id=message.id,
        tenant_id=message.tenant_id,
        display_name=message.display_name or message.handle,
        email=message.email,
        time_zone=message.time_zone,
        locale=message.locale,
        active=message.state == PersonMessage.STATE_ACTIVE,
        is_app=message.kind == PersonMessage.KIND_SERVICE_ACCOUNT,
        version=message.version,
    )


def _stop(record: Record) -> Stop:
    envelope, fact = record.envelope, _fact(record, directory_pb.FeedStopped)
    return Stop(
        event_id=envelope.event_id,
        tenant_id=envelope.tenant_id,
        administrator_ids=frozenset(fact.administrator_ids),
        allowed=fact.allowed,
        deactivated=fact.deactivated,
        at=fact.stopped_at.ToDatetime(UTC),
    )


def _conversation(message: ConversationMessage) -> Conversation:
    return Conversation(
        id=message.id,
        tenant_id=message.tenant_id,
        direct=message.kind == ConversationMessage.KIND_DIRECT,
        name=message.name,
        open_history=message.history == ConversationMessage.HISTORY_ALL,
        confidential=message.confidential,
        version=message.version,
    )


def _member(message: MemberMessage) -> Member:
    return Member(
        conversation_id=message.conversation_id,
        person_id=message.person_id,
        active=message.active,
        intervals=tuple((each.first_seq, each.last_seq) for each in message.intervals),
        version=message.version,
    )


def _mute(settings: ConversationSettings, *, person_id: str) -> Mute:
    muted = settings.HasField("muted_until")
    return Mute(
        conversation_id=settings.conversation_id,
        person_id=person_id,
        until=settings.muted_until.ToDatetime(UTC) if muted else None,
        version=settings.version,
    )


def _task(message: TaskMessage) -> Task:
    due = message.due
    at = due.at.ToDatetime() if due.HasField("at") else None
    return Task(
        id=message.id,
        tenant_id=message.tenant_id,
        key=message.key,
        title=message.title,
        owner_id=message.owner_id,
        assignee_ids=tuple(message.assignee_ids),
        is_open=message.state in _OPEN,
        due=due_text(at=at, on=due.date),
        version=message.version,
    )
