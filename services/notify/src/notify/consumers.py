"""Consumer groups: each record updates the projections, then the kinds decide who is notified."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from google.protobuf.message import Message
from plexus.directory.v1 import events_pb2 as directory_pb
from plexus.messaging.v1 import events_pb2 as messaging_pb
from plexus.messaging.v1.conversations_pb2 import Conversation as ConversationMessage
from plexus.messaging.v1.conversations_pb2 import Member as MemberMessage
from plexus.messaging.v1.messages_pb2 import Mention
from plexus.messaging.v1.messages_pb2 import Message as MessageMessage
from plexus.tasks.v1 import events_pb2 as tasks_pb
from plexus.tasks.v1.tasks_pb2 import Task as TaskMessage
from plexus.topics import (
    CONSUMERS,
    DIRECTORY_PERSON_V1,
    NOTIFY_CURSORS,
    NOTIFY_MESSAGES,
    NOTIFY_PEOPLE,
    NOTIFY_SETTINGS,
    NOTIFY_TASKS,
    TOPICS,
    Consumer,
)
from plexuskit.clock import Clock
from plexuskit.config import KafkaSection
from plexuskit.kafka import (
    Handler,
    Owners,
    Probe,
    Record,
    Subscriber,
    Subscription,
    consumer,
    subscription,
)
from plexuskit.service import Runtime
from plexuskit.snapshot import snapshots
from plexuskit.timestamps import instant_of

from notify.domain.definitions import Event, Kinds
from notify.domain.messages import SentMessage
from notify.facts import IMPORT, conversation_of, member_of, message_of, mute_of, person_of, task_of
from notify.kinds import KINDS
from notify.operations.facts import Occurrence, notify_facts
from notify.operations.messages import (
    Membership,
    notify_messages,
    recall_message,
    reword_message,
    withdraw_mentions,
)
from notify.operations.notifications import advance_cursors
from notify.operations.projections import (
    PersonFact,
    note_conversation,
    note_mutes,
    note_people,
)
from notify.operations.tasks import Pace, note_task
from notify.store import Cursor, Store

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub

GROUPS: Final = tuple(each for each in CONSUMERS if each.service == "notify" and each.dlq)
"""The groups of the catalogue, without the replica of roles and policies."""

# Records of one call; each task is a transaction of its own.
_RECORDS: Final = 500
_TASKS: Final = 100
# More people than a message between colleagues mentions.
_FEW: Final = 20


class Handlers:
    """The groups' handlers over one store."""

    def __init__(self, store: Store, *, membership: Membership, pace: Pace, clock: Clock) -> None:
        self._store = store
        self._membership = membership
        self._pace = pace
        self._clock = clock

    def of(self, group: Consumer) -> Subscriber:
        """Return the handler of a group; one without a projection only notifies."""
        projections: dict[Consumer, Handler] = {
            NOTIFY_PEOPLE: self.people,
            NOTIFY_CURSORS: self.cursors,
            NOTIFY_SETTINGS: self.settings,
        }
        # These store and notify record by record.
        both: dict[Consumer, Handler] = {NOTIFY_MESSAGES: self.messages, NOTIFY_TASKS: self.tasks}
        handle = both.get(group) or partial(self._project_and_notify, projections.get(group))
        return declared(group, self._store.kinds).of(handle)

    async def notify(self, records: Sequence[Record]) -> None:
        """Notify the recipients that the kinds find in facts; other facts are skipped."""
        occurrences = [each for record in records for each in self._occurrences(record)]
        if occurrences:
            await notify_facts(
                self._store,
                occurrences=occurrences,
                jitter=self._pace.jitter,
                now=self._clock.now(),
            )

    async def people(self, records: Sequence[Record]) -> None:
        """Store people; sessions do not concern notify."""
        people = []
        for record in records:
            match record.fact_name:
                case "PersonAdded":
                    person = record.fact(directory_pb.PersonAdded).person
                case "PersonChanged":
                    person = record.fact(directory_pb.PersonChanged).person
                case "PersonDeactivated":
                    person = record.fact(directory_pb.PersonDeactivated).person
                case _:
                    continue
            envelope = record.envelope
            at = instant_of(envelope.occurred_at)
            people.append(PersonFact(person=person_of(person), actor_id=envelope.actor_id, at=at))
        if people:
            await note_people(self._store, people=people)

    async def messages(self, records: Sequence[Record]) -> None:
        """Follow conversations; each one's records in their order, small audiences first.

        Records of conversations with wide ones (messages to all, to departments or to more than 20
        people, edits, recalls) are processed after the others, one of each conversation at a time,
        so that a flood in one conversation delays those of others by few audiences.
        """
        wide = {record.key for record in records if _is_wide(record)}
        overtaken = _overtaken(records)
        await self._in_order([each for each in records if each.key not in wide], overtaken)
        lines: dict[str, list[Record]] = {key: [] for key in sorted(wide)}
        for record in records:
            if record.key in wide:
                lines[record.key].append(record)
        for turn in zip_longest(*lines.values()):
            await self._in_order([each for each in turn if each is not None], overtaken)

    async def tasks(self, records: Sequence[Record]) -> None:
        """Store tasks and their reminders, and notify of each state before the next one."""
        for record in records:
            match record.fact_name:
                case "TaskCreated":
                    task: TaskMessage | None = record.fact(tasks_pb.TaskCreated).task
                case "TaskChanged":
                    task = record.fact(tasks_pb.TaskChanged).task
                case "TaskOverdue":
                    task = record.fact(tasks_pb.TaskOverdue).task
                case _:
                    task = None
            if task is not None:
                now = self._clock.now()
                await note_task(self._store, task=task_of(task), pace=self._pace, now=now)
            await self.notify([record])

    async def cursors(self, records: Sequence[Record]) -> None:
        """Follow how far people read."""
        read = [record.fact(messaging_pb.CursorAdvanced).cursor for record in records]
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
        """Store muted conversations of people; drafts and the like do not concern notify."""
        changes = [
            record.fact(messaging_pb.ConversationSettingsChanged)
            for record in records
            if record.fact_name == "ConversationSettingsChanged"
        ]
        if changes:
            mutes = [mute_of(each.settings, person_id=each.person_id) for each in changes]
            await note_mutes(self._store, mutes=mutes)

    async def _in_order(self, records: Sequence[Record], overtaken: frozenset[str]) -> None:
        """Follow conversations; consecutive messages are processed together.

        A change of a conversation takes effect between the messages before and after it.
        """
        sent: list[SentMessage] = []
        for record in records:
            match record.fact_name:
                case "MessagePosted":
                    posted = record.fact(messaging_pb.MessagePosted).message
                    sent += _sent(record, posted, posted.mentions, fresh=True)
                case _:
                    await self._notify(sent)
                    await self._change(record, overtaken)
                    await self.notify([record])
        await self._notify(sent)

    async def _project_and_notify(self, project: Handler | None, records: Sequence[Record]) -> None:
        if project is not None:
            await project(records)
        await self.notify(records)

    def _occurrences(self, record: Record) -> list[Occurrence]:
        envelope = record.envelope
        return [
            Occurrence(
                request=rule.request,
                fact=record.fact(rule.fact),
                event=Event(
                    # Kinds of the same fact have claims of their own.
                    id=f"{envelope.event_id}|{kind.name}" if number else envelope.event_id,
                    tenant_id=envelope.tenant_id,
                    actor_id=envelope.actor_id,
                    at=instant_of(envelope.occurred_at),
                    imported=envelope.origin == IMPORT,
                ),
            )
            for number, (kind, rule) in enumerate(self._store.kinds.rules(envelope.type))
        ]

    async def _notify(self, sent: list[SentMessage]) -> None:
        if sent:
            await notify_messages(
                self._store,
                messages=sent,
                membership=self._membership,
                jitter=self._pace.jitter,
                now=self._clock.now(),
            )
            sent.clear()

    async def _change(self, record: Record, overtaken: frozenset[str]) -> None:
        match record.fact_name:
            case "MessageEdited":
                await self._edited(record, reword=record.envelope.event_id not in overtaken)
            case "MessageRecalled":
                message = record.fact(messaging_pb.MessageRecalled).message
                now = self._clock.now()
                await recall_message(self._store, message_id=message.id, now=now)
            case "ConversationCreated":
                created = record.fact(messaging_pb.ConversationCreated)
                await self._conversation(created.conversation, created.members)
            case "ConversationChanged":
                await self._conversation(
                    record.fact(messaging_pb.ConversationChanged).conversation, ()
                )
            case "ConversationArchived":
                await self._conversation(
                    record.fact(messaging_pb.ConversationArchived).conversation, ()
                )
            case "MembersAdded":
                await self._conversation(None, record.fact(messaging_pb.MembersAdded).members)
            case "MembersRemoved":
                await self._conversation(None, record.fact(messaging_pb.MembersRemoved).members)

    async def _edited(self, record: Record, *, reword: bool) -> None:
        edited = record.fact(messaging_pb.MessageEdited)
        message, now = edited.message, self._clock.now()
        if reword:
            await reword_message(self._store, message_id=message.id, text=message.text, now=now)
            for after in _sent(record, message, message.mentions, fresh=False):
                await withdraw_mentions(
                    self._store, message=after, membership=self._membership, now=now
                )
        # Only mentions added by the edit notify (MSG-11).
        await self._notify(_sent(record, message, edited.added_mentions, fresh=False))

    async def _conversation(
        self, conversation: ConversationMessage | None, members: Sequence[MemberMessage]
    ) -> None:
        await note_conversation(
            self._store,
            conversation=conversation_of(conversation) if conversation is not None else None,
            members=[member_of(each) for each in members],
        )


_PROJECTED: Final[Mapping[Consumer, Sequence[type[Message]]]] = {
    NOTIFY_PEOPLE: (
        directory_pb.PersonAdded,
        directory_pb.PersonChanged,
        directory_pb.PersonDeactivated,
    ),
    NOTIFY_MESSAGES: (
        messaging_pb.MessagePosted,
        messaging_pb.MessageEdited,
        messaging_pb.MessageRecalled,
        messaging_pb.ConversationCreated,
        messaging_pb.ConversationChanged,
        messaging_pb.ConversationArchived,
        messaging_pb.MembersAdded,
        messaging_pb.MembersRemoved,
    ),
    NOTIFY_CURSORS: (messaging_pb.CursorAdvanced,),
    NOTIFY_TASKS: (tasks_pb.TaskCreated, tasks_pb.TaskChanged, tasks_pb.TaskOverdue),
    NOTIFY_SETTINGS: (messaging_pb.ConversationSettingsChanged,),
}
_METHODS: Final = {
    NOTIFY_PEOPLE: Handlers.people,
    NOTIFY_MESSAGES: Handlers.messages,
    NOTIFY_CURSORS: Handlers.cursors,
    NOTIFY_TASKS: Handlers.tasks,
    NOTIFY_SETTINGS: Handlers.settings,
}


def declared(group: Consumer, kinds: Kinds) -> Subscription:
    """Declare the handler of a group: the facts that it projects and those that notify, by kind."""
    carried = {fact for topic in TOPICS if topic.name in group.topics for fact in topic.facts}
    return subscription(
        group,
        *_PROJECTED.get(group, ()),
        *sorted(kinds.facts() & carried),
        max_batch=_TASKS if group == NOTIFY_TASKS else _RECORDS,
    ).read_by(_METHODS.get(group, Handlers.notify))


SUBSCRIPTIONS: Final = tuple(declared(group, KINDS) for group in GROUPS)


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
    """Consume the groups for the duration of the block, and load what directory's topics lack.

    `probe` exercises the database and asks directory's health, `owners` have facts that topics
    leave out.
    """
    handlers = Handlers(store, membership=membership, pace=pace, clock=runtime.clock)
    follow = partial(consumer, kafka, probe=probe, owners=owners, runtime=runtime)
    async with AsyncExitStack() as stack:
        for group in GROUPS:
            await stack.enter_async_context(follow(handlers.of(group)))
        snapshot = snapshots(
            directory,
            {DIRECTORY_PERSON_V1: handlers.people},
            owner="directory",
            runtime=runtime,
        )
        await stack.enter_async_context(snapshot)
        yield


def _is_wide(record: Record) -> bool:
    """Return whether a record concerns the notifications of many people."""
    match record.fact_name:
        case "MessagePosted":
            mentions = record.fact(messaging_pb.MessagePosted).message.mentions
            return len(mentions) > _FEW or any(each.all or each.department_id for each in mentions)
        case "MessageEdited" | "MessageRecalled":
            return True
    return False


def _overtaken(records: Sequence[Record]) -> frozenset[str]:
    """Return the event ids of edits after which the same message is edited again."""
    last: dict[str, str] = {}
    overtaken: set[str] = set()
    for record in records:
        if record.fact_name == "MessageEdited":
            message_id = record.fact(messaging_pb.MessageEdited).message.id
            if message_id in last:
                overtaken.add(last[message_id])
            last[message_id] = record.envelope.event_id
    return frozenset(overtaken)


def _sent(
    record: Record, message: MessageMessage, mentions: Sequence[Mention], *, fresh: bool
) -> list[SentMessage]:
    sent = message_of(record.envelope, message, mentions, fresh=fresh)
    return [sent] if sent else []
