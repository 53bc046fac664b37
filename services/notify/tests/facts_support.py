"""Facts of directory, messaging and tasks for notify's tests, as their owners publish them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from plexus.authz.v1.authority_pb2 import Interval
from plexus.directory.v1 import events_pb2 as directory_pb
from plexus.directory.v1.people_pb2 import Person as PersonMessage
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2 as messaging_pb
from plexus.messaging.v1.conversations_pb2 import Conversation, ConversationSettings, Member
from plexus.messaging.v1.messages_pb2 import Cursor, Mention, Message
from plexus.tasks.v1 import events_pb2 as tasks_pb
from plexus.tasks.v1.tasks_pb2 import Due, Task
from plexuskit.kafka import Record
from plexuskit.outbox import envelope
from plexuskit.timestamps import timestamp

TENANT = "ten_a"
# Ahead of the server's clock: expiring documents are not deleted while a test looks at them.
NOON = datetime(2036, 3, 3, 4, tzinfo=UTC)  # a Monday, twelve o'clock in Shanghai
GROUP = "cnv_group"
DIRECT = "cnv_direct"


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
