"""Fixtures of notify's tests: people, conversations and messages as facts, a mail sink, owners."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from notify.config import SmtpSection
from notify.consumers import Handlers
from notify.domain.attempts import RetryPolicy
from notify.domain.notifications import Notification
from notify.domain.people import Person
from notify.operations.mails import Sender, SendingRules
from notify.operations.tasks import Pace
from notify.smtp import SmtpServer
from notify.store import Store
from plexus.authz.v1.authority_pb2 import Interval
from plexus.directory.v1 import events_pb2 as directory_pb
from plexus.directory.v1.people_pb2 import Person as PersonMessage
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2 as messaging_pb
from plexus.messaging.v1.conversations_pb2 import Conversation, ConversationSettings, Member
from plexus.messaging.v1.messages_pb2 import Cursor, Mention, Message
from plexus.tasks.v1 import events_pb2 as tasks_pb
from plexus.tasks.v1.tasks_pb2 import Due, Task
from plexus_local.servers.ports import free_port
from plexus_testkit.clock import FrozenClock
from plexus_testkit.companies import Company
from plexus_testkit.databases import database_fixtures
from plexuskit.kafka import Record
from plexuskit.mongo import Database
from plexuskit.outbox import envelope
from plexuskit.timestamps import timestamp

TENANT = "ten_a"
# Ahead of the server's clock: expiring documents are not deleted while a test looks at them.
NOON = datetime(2036, 3, 3, 4, tzinfo=UTC)  # a Monday, twelve o'clock in Shanghai
GROUP = "cnv_group"
DIRECT = "cnv_direct"


@pytest.fixture
def now() -> datetime:
    return NOON


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
def pace() -> Pace:
    return Pace(before=timedelta(hours=24), jitter=timedelta(minutes=2))


provisioned, db = database_fixtures(lambda db: Store(db).provision())


@pytest.fixture
def store(db: Database) -> Store:
    return Store(db)


class Facts:
    """Records as the owners publish them; every call is a new event."""

    def __init__(self) -> None:
        self._count = 0

    def record(
        self,
        topic: str,
        fact: Any,
        *,
        key: str,
        entity_id: str,
        version: int,
        actor_id: str = "per_ann",
        origin: str = "",
        at: datetime = NOON,
    ) -> Record:
        self._count += 1
        event: Envelope = envelope(
            fact=fact,
            tenant_id=TENANT,
            scope=key,
            change_no=self._count,
            entity_id=entity_id,
            entity_version=version,
            actor_id=actor_id,
            now=at,
            event_id=f"evt_{self._count:06}",
            origin=origin,
        )
        return Record(
            topic=topic,
            partition=0,
            offset=self._count,
            key=key,
            value=event.SerializeToString(),
        )

    def person(
        self,
        name: str,
        *,
        deactivated: bool = False,
        changed_by: str = "",
        **fields: Any,
    ) -> Record:
        fields = {
            "display_name": name.title(),
            "email": f"{name}@example.com",
            "time_zone": "Asia/Shanghai",
            "locale": "zh-CN",
            "version": 1,
            "kind": PersonMessage.KIND_HUMAN,
            "state": PersonMessage.STATE_DEACTIVATED if deactivated else PersonMessage.STATE_ACTIVE,
        } | fields
        person = PersonMessage(id=f"per_{name}", tenant_id=TENANT, handle=name, **fields)
        fact = (
            directory_pb.PersonDeactivated(person=person)
            if deactivated
            else directory_pb.PersonChanged(person=person)
            if changed_by
            else directory_pb.PersonAdded(person=person)
        )
        return self.record(
            "directory.person.v1",
            fact,
            key=person.id,
            entity_id=person.id,
            version=person.version,
            actor_id=f"per_{changed_by or 'ann'}",
            at=NOON + timedelta(seconds=person.version),
        )

    def member(
        self,
        name: str,
        *,
        conversation: str = GROUP,
        version: int = 1,
        first: int = 1,
        last: int = 0,
        role: "Member.Role.ValueType" = Member.ROLE_MEMBER,
        joined_at: datetime | None = None,
    ) -> Member:
        return Member(
            conversation_id=conversation,
            person_id=f"per_{name}",
            role=role,
            active=last == 0,
            intervals=[Interval(first_seq=first, last_seq=last)],
            version=version,
            joined_at=timestamp(NOON if joined_at is None else joined_at),
        )

    def conversation(
        self,
        *names: str,
        id_: str = GROUP,
        direct: bool = False,
        origin: str = "import",
        **fields: Any,
    ) -> Record:
        kind = Conversation.KIND_DIRECT if direct else Conversation.KIND_GROUP
        fields = {"name": "" if direct else "采购", "version": 1} | fields
        conversation = Conversation(id=id_, tenant_id=TENANT, kind=kind, **fields)
        members = [self.member(name, conversation=id_) for name in names]
        fact = messaging_pb.ConversationCreated(conversation=conversation, members=members)
        return self._said(fact, id_, version=1, origin=origin)

    def joined(self, *members: Member, origin: str = "import") -> Record:
        fact = messaging_pb.MembersAdded(members=members, membership_version=members[0].version)
        version = members[0].version
        return self._said(fact, members[0].conversation_id, version=version, origin=origin)

    def left(self, *members: Member, by_themselves: bool = False, origin: str = "import") -> Record:
        fact = messaging_pb.MembersRemoved(
            members=members, membership_version=members[0].version, left=by_themselves
        )
        version = members[0].version
        return self._said(fact, members[0].conversation_id, version=version, origin=origin)

    def message(
        self,
        text: str = "合同已经签好了",
        *,
        seq: int = 1,
        conversation: str = GROUP,
        sender: str = "ann",
        mentions: tuple[str, ...] = (),
        everybody: bool = False,
        departments: tuple[str, ...] = (),
        **fields: Any,
    ) -> Message:
        found = [Mention(person_id=f"per_{name}") for name in mentions]
        if everybody:
            found.append(Mention(all=True))
        found += [Mention(department_id=name, directory_version=1) for name in departments]
        fields = {"kind": Message.KIND_TEXT, "revision": 1} | fields
        return Message(
            id=f"msg_{conversation}_{seq}",
            conversation_id=conversation,
            seq=seq,
            sender_id=f"per_{sender}",
            text=text,
            mentions=found,
            **fields,
        )

    def posted(self, message: Message, *, origin: str = "") -> Record:
        fact = messaging_pb.MessagePosted(message=message)
        return self._said(fact, message.conversation_id, version=1, origin=origin)

    def edited(self, message: Message, *added: str) -> Record:
        mentions = [Mention(person_id=f"per_{name}") for name in added]
        fact = messaging_pb.MessageEdited(message=message, added_mentions=mentions)
        return self._said(fact, message.conversation_id, version=2)

    def recalled(self, message: Message) -> Record:
        gone = Message()
        gone.CopyFrom(message)
        gone.recalled, gone.text = True, ""
        fact = messaging_pb.MessageRecalled(message=gone)
        return self._said(fact, message.conversation_id, version=3)

    def cursor(
        self, name: str, through: int, *, conversation: str = GROUP, root: int = 0
    ) -> Record:
        cursor = Cursor(
            conversation_id=conversation,
            person_id=f"per_{name}",
            through_seq=through,
            root_seq=root,
        )
        return self.record(
            "messaging.cursor.v1",
            messaging_pb.CursorAdvanced(cursor=cursor),
            key=cursor.person_id,
            entity_id=cursor.person_id,
            version=through,
        )

    def muted(
        self, name: str, until: datetime | None, *, conversation: str = GROUP, version: int = 1
    ) -> Record:
        settings = ConversationSettings(conversation_id=conversation, version=version)
        if until is not None:
            settings.muted_until.FromDatetime(until)
        fact = messaging_pb.ConversationSettingsChanged(person_id=f"per_{name}", settings=settings)
        return self.record(
            "messaging.person.v1",
            fact,
            key=f"per_{name}",
            entity_id=f"settings:{conversation}:per_{name}",
            version=version,
        )

    def draft(self, name: str) -> Record:
        fact = messaging_pb.DraftDeleted(person_id=f"per_{name}", conversation_id=GROUP, version=1)
        return self.record(
            "messaging.person.v1",
            fact,
            key=f"per_{name}",
            entity_id=f"draft:per_{name}:{GROUP}:0",
            version=1,
        )

    def task(self, **fields: Any) -> Task:
        fields = {
            "id": "tsk_1",
            "key": "T-1",
            "title": "订三楼的办公桌",
            "state": Task.STATE_TODO,
            "owner_id": "per_ann",
            "version": 1,
        } | fields
        return Task(tenant_id=TENANT, **fields)

    def task_created(self, task: Task, *, actor: str = "ann") -> Record:
        return self._tasked(tasks_pb.TaskCreated(task=task), task, actor=actor)

    def task_changed(self, task: Task, *added: str, actor: str = "ann") -> Record:
        people = [f"per_{name}" for name in added]
        fact = tasks_pb.TaskChanged(task=task, added_assignee_ids=people)
        return self._tasked(fact, task, actor=actor)

    def task_overdue(self, task: Task) -> Record:
        return self._tasked(tasks_pb.TaskOverdue(task=task), task, actor="")

    def due(self, at: datetime) -> Due:
        due = Due()
        due.at.FromDatetime(at)
        return due

    def _said(self, fact: Any, conversation: str, *, version: int, origin: str = "") -> Record:
        return self.record(
            "messaging.conversation.v1",
            fact,
            key=conversation,
            entity_id=conversation,
            version=version,
            origin=origin,
        )

    def _tasked(self, fact: Any, task: Task, *, actor: str) -> Record:
        return self.record(
            "tasks.task.v1",
            fact,
            key=task.id,
            entity_id=task.id,
            version=task.version,
            actor_id=f"per_{actor}" if actor else "tasks",
        )


@pytest.fixture
def facts() -> Facts:
    return Facts()


@dataclass
class Membership:
    """Directory's answers on departments: all people of one and of those below it, by its id."""

    members: dict[str, set[str]] = field(default_factory=dict)
    down: Exception | None = None

    async def in_departments(
        self, department_ids: Collection[str], *, among: Collection[str], tenant_id: str
    ) -> frozenset[str]:
        assert tenant_id == TENANT
        if self.down is not None:
            raise self.down
        belonging = {
            f"per_{name}" for each in department_ids for name in self.members.get(each, ())
        }
        return frozenset(belonging.intersection(among))


@pytest.fixture
def membership() -> Membership:
    return Membership()


@pytest.fixture
def handlers(store: Store, membership: Membership, pace: Pace, clock: FrozenClock) -> Handlers:
    return Handlers(store, membership=membership, pace=pace, clock=clock)


@pytest.fixture
async def known(handlers: Handlers, facts: Facts) -> None:
    """Ann, Bo and Cy in a group, Ann and Bo also alone."""
    await handlers.people([facts.person(name) for name in ("ann", "bo", "cy")])
    await handlers.messages(
        [
            # Of an import: no one is notified of having been added.
            facts.conversation("ann", "bo", "cy", origin="import"),
            facts.conversation("ann", "bo", id_=DIRECT, direct=True),
        ]
    )


@pytest.fixture
def ledger(db: Database, store: Store) -> Callable[..., Any]:
    """Every notification that is stored, or those of one person, oldest first."""

    async def read(name: str = "") -> list[Notification]:
        wanted = {"person_id": f"per_{name}"} if name else {}
        found = await db.collection("notifications", schema_version=1).find_all(
            wanted, projection={"_id": 1}, sort=[("_id", 1)]
        )
        ids = [document["_id"] for document in found]
        loaded = {each.id: each for each in await store.notifications.load(ids)}
        return [loaded[each] for each in ids]

    return read


@pytest.fixture
def outbox(db: Database) -> Callable[..., Any]:
    """The events in the outbox, oldest first; of one notification if its id is given."""

    async def read(scope: str = "") -> list[Envelope]:
        documents = await db.collection("outbox", schema_version=1).find_all(
            {"scope": scope} if scope else {}, sort=[("scope", 1), ("number", 1)]
        )
        return [Envelope.FromString(document["event"]) for document in documents]

    return read


@dataclass
class Sink:
    """Real SMTP server that keeps accepted mails; `reply` is its response to the next ones."""

    port: int
    replies: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    after: Callable[[], None] | None = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        reply = self.replies.pop(0) if self.replies else "250 taken"
        if reply.startswith("250"):
            parsed = message_from_bytes(envelope.original_content, policy=policy.default)
            assert isinstance(parsed, EmailMessage)
            self.mails.append(parsed)
        if self.after is not None:
            self.after()
        return reply

    @property
    def recipients(self) -> list[str]:
        return sorted(str(mail["To"].addresses[0].addr_spec) for mail in self.mails)


@pytest.fixture
def smtp() -> Callable[..., Any]:
    """Start a sink: `async with smtp() as sink`; on a port that is given to start it again."""

    @asynccontextmanager
    async def started(port: int = 0) -> AsyncIterator[Sink]:
        sink = Sink(port=port or free_port())
        controller = Controller(
            sink, hostname="127.0.0.1", port=sink.port, enable_SMTPUTF8=True, ready_timeout=10
        )
        controller.start()
        try:
            yield sink
        finally:
            controller.stop()

    return started


@pytest.fixture
async def sink(smtp: Callable[..., Any]) -> AsyncIterator[Sink]:
    async with smtp() as started:
        yield started


@dataclass
class Owners:
    """Owners' answers to a recheck; ids in `hidden` may not be read."""

    hidden: set[str] = field(default_factory=set)
    down: Exception | None = None
    failing: dict[str, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def readable(self, notifications: Sequence[Notification]) -> frozenset[str]:
        self.asked += [each.source.id for each in notifications]
        if self.down is not None:
            raise self.down
        for each in notifications:
            if each.person_id in self.failing:
                raise self.failing[each.person_id]
        return frozenset(each.id for each in notifications if each.source.id not in self.hidden)


@pytest.fixture
def owners() -> Owners:
    return Owners()


@pytest.fixture
def company(clock: FrozenClock) -> Company:
    """The people as roles and policies know them."""
    found = Company(clock)
    for name in ("ann", "bo", "cy", "dee", "eve"):
        found.person(TENANT, f"per_{name}")
    return found


@pytest.fixture
def sender(
    store: Store, owners: Owners, company: Company, clock: FrozenClock
) -> Callable[..., Sender]:
    """A sender to a port: `sender(sink.port)`."""

    def made(port: int, *, content: bool = True, **rules: Any) -> Sender:
        section = SmtpSection(
            url=f"smtp://127.0.0.1:{port}",
            sender="Plexus <plexus@example.com>",
            timeout_seconds=2,
            mail_seconds=3,
        )
        chosen = {
            "batch": 50,
            "connections": 2,
            "new_address": timedelta(days=7),
            "lease": timedelta(minutes=3),
            "mail_time": timedelta(seconds=10),
        } | rules
        return Sender(
            store,
            server=SmtpServer(section),
            owners=owners,
            decisions=company.decisions,
            rules=SendingRules(
                sender=section.sender,
                content=content,
                jitter=timedelta(minutes=2),
                retries=RetryPolicy(
                    first=timedelta(seconds=30),
                    max_pause=timedelta(hours=1),
                    give_up_after=timedelta(hours=24),
                ),
                **chosen,
            ),
            clock=clock,
        )

    return made


@pytest.fixture
def person() -> Callable[..., Person]:
    """A person as notify keeps them."""

    def made(name: str = "bo", **fields: Any) -> Person:
        fields = {
            "display_name": "薄",
            "email": f"{name}@example.com",
            "time_zone": "Asia/Shanghai",
            "locale": "zh-CN",
            "active": True,
            "is_app": False,
            "version": 1,
        } | fields
        return Person(id=f"per_{name}", tenant_id=TENANT, **fields)

    return made
