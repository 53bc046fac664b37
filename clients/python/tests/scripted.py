"""A gateway controlled by the test: real gRPC sockets, a log in memory, faults on demand."""

# ruff: noqa: ARG002, N802 - RPC names and arguments are the contract's

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from plexus.directory.v1 import session_service_pb2
from plexus.directory.v1.directory_service_pb2 import (
    BatchGetPeopleResponse,
    GetPersonResponse,
    ListDepartmentsResponse,
    ListPeopleResponse,
)
from plexus.directory.v1.directory_service_pb2_grpc import (
    DirectoryServiceServicer,
    add_DirectoryServiceServicer_to_server,
)
from plexus.directory.v1.people_pb2 import Department, Person
from plexus.directory.v1.session_service_pb2_grpc import (
    SessionServiceServicer as SignInServicer,
)
from plexus.directory.v1.session_service_pb2_grpc import (
    add_SessionServiceServicer_to_server as add_sign_in,
)
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.session_service_pb2 import (
    Acknowledgement,
    ConversationClosed,
    Drain,
    Events,
    Frame,
    Heartbeat,
    Position,
    Resync,
    SessionResponse,
    Welcome,
)
from plexus.gateway.v1.session_service_pb2_grpc import (
    SessionServiceServicer,
    add_SessionServiceServicer_to_server,
)
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation, ConversationView, Member
from plexus.messaging.v1.messages_pb2 import Message, MessageParts
from plexus.messaging.v1.messaging_service_pb2 import (
    Change,
    CreateConversationResponse,
    GetConversationResponse,
    ListChangesResponse,
    ListConversationsResponse,
    ListMembersResponse,
    ListMessagesResponse,
    SendMessageRequest,
    SendMessageResponse,
    SendRefusal,
    SendVerdict,
)
from plexus.messaging.v1.messaging_service_pb2_grpc import (
    MessagingServiceServicer,
    add_MessagingServiceServicer_to_server,
)
from plexus.notify.v1.events_pb2 import NotificationRaised
from plexus.notify.v1.notifications_pb2 import Notification
from plexus.notify.v1.notify_service_pb2 import ListNotificationsResponse
from plexus.notify.v1.notify_service_pb2_grpc import (
    NotifyServiceServicer,
    add_NotifyServiceServicer_to_server,
)
from plexus_sdk import THOROUGH, Plexus, Profile, Profiles, api_token_profile, open_plexus

ME = "per_me"
PACKAGE = "plexus.messaging.v1"


@dataclass
class Log:
    """One conversation: its facts by number, and the current state of its messages."""

    id: str
    name: str = ""
    join_seq: int = 1
    peer_id: str = ""
    member: bool = True
    joined_at: int = 0
    people: tuple[str, ...] = ()
    facts: list[tuple[str, Any]] = field(default_factory=list)
    messages: dict[int, Message] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    min_available: int = 0

    @property
    def change_no(self) -> int:
        return len(self.facts)

    @property
    def last_seq(self) -> int:
        return len(self.messages)

    def view(self) -> ConversationView:
        conversation = Conversation(
            id=self.id,
            name=self.name,
            kind=Conversation.KIND_DIRECT if self.peer_id else Conversation.KIND_GROUP,
            change_no=self.change_no,
            last_seq=self.last_seq,
        )
        view = ConversationView(conversation=conversation, peer_id=self.peer_id)
        view.member.intervals.add(first_seq=self.join_seq)
        view.member.joined_at.seconds = self.joined_at
        return view

    def _fact(self, name: str, fact: Any) -> Envelope:
        self.facts.append((name, fact))
        return self.envelope(self.change_no)

    def envelope(self, change_no: int) -> Envelope:
        name, fact = self.facts[change_no - 1]
        return Envelope(
            scope=self.id,
            change_no=change_no,
            type=f"{PACKAGE}.{name}",
            fact=fact.SerializeToString(),
        )

    def post(self, text: str, *, sender: str = "per_ann", request_id: str = "") -> Message:
        seq = self.last_seq + 1
        message = Message(
            id=f"msg_{self.id}_{seq}",
            conversation_id=self.id,
            seq=seq,
            change_no=self.change_no + 1,
            sender_id=sender,
            text=text,
            revision=1,
            request_id=request_id,
        )
        self.messages[seq] = message
        self._fact("MessagePosted", events_pb2.MessagePosted(message=message))
        return message

    def edit(self, seq: int, text: str) -> None:
        message = self._changed(seq)
        message.text = text
        message.version += 1
        self._fact("MessageEdited", events_pb2.MessageEdited(message=message))

    def recall(self, seq: int) -> None:
        message = self._changed(seq)
        message.text, message.recalled = "", True
        self._fact("MessageRecalled", events_pb2.MessageRecalled(message=message))

    def react(self, seq: int, emoji: str) -> None:
        message = self._changed(seq)
        message.reactions.add(emoji=emoji, person_ids=["per_ann"])
        parts = MessageParts(
            message_id=message.id,
            conversation_id=self.id,
            seq=seq,
            change_no=message.change_no,
            revision=message.revision,
            reactions=message.reactions,
        )
        fact = events_pb2.MessageReacted(parts=parts, emoji=emoji, person_id="per_ann")
        self._fact("MessageReacted", fact)

    def rename(self, name: str) -> None:
        self.name = name
        changed = events_pb2.ConversationChanged(conversation=self.view().conversation)
        self._fact("ConversationChanged", changed)

    def begin_chain(self) -> None:
        """Add a fact without an event in the SDK."""
        self._fact("ChainBegun", events_pb2.ChainBegun(version=2))

    def _changed(self, seq: int) -> Message:
        message = Message()
        message.CopyFrom(self.messages[seq])
        message.change_no, message.revision = self.change_no + 1, message.revision + 1
        self.messages[seq] = message
        return message

    def changes(self, since: int, limit: int) -> ListChangesResponse:
        """Return the current state of every object changed in (since, through], each once."""
        through = min(since + limit, self.change_no)
        last: dict[int, int] = {}
        rows: list[Change] = []
        for change_no in range(since + 1, through + 1):
            name, fact = self.facts[change_no - 1]
            if name == "ConversationChanged":
                rows.append(Change(change_no=change_no, conversation=fact.conversation))
            elif name != "ChainBegun":
                seq = fact.parts.seq if name == "MessageReacted" else fact.message.seq
                last[seq] = change_no
        rows += [Change(change_no=no, message=self.messages[seq]) for seq, no in last.items()]
        rows.sort(key=lambda change: change.change_no)
        return ListChangesResponse(
            changes=rows,
            through=through,
            has_more=through < self.change_no,
            min_available=self.min_available,
        )


@dataclass
class Refusal:
    """A scripted response in place of the real one."""

    code: grpc.StatusCode
    reason: str = "REFUSED"
    text: str = "No."


async def refuse(context: Any, refusal: Refusal) -> None:
    status = Status(code=refusal.code.value[0], message=refusal.text)
    packed = Packed()
    packed.Pack(ErrorInfo(reason=refusal.reason, domain="plexus.gateway"))
    status.details.append(packed)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    await context.abort(refusal.code, refusal.text)


class Stream:
    """One open stream of the gateway."""

    def __init__(self, bearer: str) -> None:
        self.down: asyncio.Queue[SessionResponse | Refusal | None] = asyncio.Queue()
        self.bearer = bearer
        self.tokens: list[str] = []
        self.refs: list[int] = []

    def frames(self, *frames: Frame) -> None:
        self.down.put_nowait(SessionResponse(frames=frames))

    def events(self, log: Log, after: int, through: int) -> None:
        envelopes = [log.envelope(number) for number in range(after + 1, through + 1)]
        events = Events(conversation_id=log.id, after=after, through=through, events=envelopes)
        self.frames(Frame(events=events))

    def end(self, refusal: Refusal | None = None) -> None:
        """End the stream with a status, or normally without one."""
        self.down.put_nowait(refusal)


class Gateway(
    SessionServiceServicer,  # type: ignore[misc] # asynchronous
    MessagingServiceServicer,
    DirectoryServiceServicer,
    SignInServicer,
    NotifyServiceServicer,
):
    """A gateway that answers as Plexus does unless the script overrides it."""

    def __init__(self) -> None:
        self.logs: dict[str, Log] = {}
        self.streams: list[Stream] = []
        self.opened = 0
        self.page = 200
        self.heartbeat_seconds = 20
        self.calls: list[str] = []
        self.bearers: list[str] = []
        self.people = [Person(id=ME, handle="me"), Person(id="per_ann", handle="ann")]
        self.departments: list[Department] = []
        self.commands: list[SendMessageRequest] = []
        # Responses to the next calls of a method, in order; None answers normally.
        self.refusals: dict[str, list[Refusal | None]] = {}
        # Outcomes of the next sends: a verdict to return without storing, `lost` or `silent`.
        self.sends: list[str | SendRefusal] = []
        self.notifications: list[Notification] = []
        self.spent: list[str] = []
        self.positions_known = True

    def log(self, log_id: str = "cnv_1", **fields: Any) -> Log:
        return self.logs.setdefault(log_id, Log(log_id, **fields))

    def publish(self, log: Log, *, count: int = 1) -> None:
        """Push the last changes of a log to every stream."""
        for stream in self.streams:
            stream.events(log, log.change_no - count, log.change_no)

    async def _scripted(self, method: str, context: Any) -> None:
        self.calls.append(method)
        self.bearers.append(dict(context.invocation_metadata()).get("authorization", ""))
        waiting = self.refusals.get(method)
        refusal = waiting.pop(0) if waiting else None
        if refusal is not None:
            await refuse(context, refusal)

    # --- the stream

    async def Session(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        await self._scripted("Session", context)
        self.opened += 1
        stream = Stream(self.bearers[-1])
        self.streams.append(stream)
        stream.frames(Frame(welcome=self._welcome()))
        reading = asyncio.create_task(self._read(stream, requests))
        try:
            while True:
                response = await stream.down.get()
                if response is None:
                    return
                if isinstance(response, Refusal):
                    await refuse(context, response)
                yield response
        finally:
            reading.cancel()
            if stream in self.streams:
                self.streams.remove(stream)

    def _welcome(self) -> Welcome:
        positions = [
            Position(conversation_id=log.id, through=log.change_no if self.positions_known else 0)
            for log in self.logs.values()
            if log.member
        ]
        return Welcome(
            session_id="ses_1",
            person_id=ME,
            token_expires_at_ms=int((time.time() + 900) * 1000),
            heartbeat_seconds=self.heartbeat_seconds,
            positions=positions,
        )

    async def _read(self, stream: Stream, requests: AsyncIterator[Any]) -> None:
        async for request in requests:
            if request.HasField("reauthenticate"):
                stream.tokens.append(request.reauthenticate.access_token)
            for item in request.sends:
                stream.refs.append(item.client_ref)
                self._send(stream, item)

    def _send(self, stream: Stream, item: Any) -> None:
        fate = self.sends.pop(0) if self.sends else ""
        if isinstance(fate, SendRefusal):
            self._answer(stream, item.client_ref, SendVerdict(refused=fate))
            return
        if fate == "lost":
            return
        stored = self._store(SendMessageRequest.FromString(item.command))
        if fate == "silent":
            return
        for _ in range(2 if fate == "twice" else 1):
            self._answer(stream, item.client_ref, SendVerdict(stored=stored))

    def _answer(self, stream: Stream, ref: int, verdict: SendVerdict) -> None:
        stream.frames(Frame(acknowledgement=Acknowledgement(client_ref=ref, verdict=verdict)))

    def _store(self, command: SendMessageRequest) -> SendMessageResponse:
        log = self.logs[command.conversation_id]
        known = command.request_id in log.requests
        if not known:
            message = log.post(command.text, sender=ME, request_id=command.request_id)
            log.requests[command.request_id] = message.seq
            self.publish(log)
        seq = log.requests[command.request_id]
        return SendMessageResponse(message_id=log.messages[seq].id, seq=seq, deduplicated=known)

    # --- calls

    async def _member(self, conversation_id: str, context: Any) -> Log:
        log = self.logs.get(conversation_id)
        if log is None or not log.member:
            missing = Refusal(grpc.StatusCode.NOT_FOUND, "CONVERSATION_NOT_FOUND")
            await refuse(context, missing)
            raise AssertionError("refused")
        return log

    async def ListChanges(self, request: Any, context: Any) -> Any:
        await self._scripted("ListChanges", context)
        log = await self._member(request.conversation_id, context)
        return log.changes(request.since, min(request.page_size, self.page))

    async def ListMessages(self, request: Any, context: Any) -> Any:
        await self._scripted("ListMessages", context)
        log = await self._member(request.conversation_id, context)
        size = min(request.page_size, self.page)
        found = [
            message
            for seq, message in sorted(log.messages.items())
            if seq > request.after_seq and seq >= log.join_seq
        ]
        return ListMessagesResponse(
            messages=found[:size], has_more=len(found) > size, last_seq=log.last_seq
        )

    async def GetConversation(self, request: Any, context: Any) -> Any:
        await self._scripted("GetConversation", context)
        log = await self._member(request.conversation_id, context)
        return GetConversationResponse(view=log.view())

    async def ListConversations(self, request: Any, context: Any) -> Any:
        await self._scripted("ListConversations", context)
        views = [log.view() for log in self.logs.values() if log.member]
        return ListConversationsResponse(views=views)

    async def CreateConversation(self, request: Any, context: Any) -> Any:
        await self._scripted("CreateConversation", context)
        peer = request.member_ids[0] if request.kind == Conversation.KIND_DIRECT else ""
        log = self.log(f"cnv_{peer or request.name}", name=request.name, peer_id=peer)
        return CreateConversationResponse(conversation=log.view().conversation)

    async def SendMessage(self, request: Any, context: Any) -> Any:
        self.commands.append(request)
        stored = None
        with contextlib.suppress(KeyError):
            stored = self._store(request)
        await self._scripted("SendMessage", context)
        await self._member(request.conversation_id, context)
        return stored

    async def BatchGetPeople(self, request: Any, context: Any) -> Any:
        await self._scripted("BatchGetPeople", context)
        found = [
            person
            for person in self.people
            if person.id in request.person_ids
            or person.handle in {handle.lower() for handle in request.handles}
        ]
        return BatchGetPeopleResponse(people=found)

    async def ListPeople(self, request: Any, context: Any) -> Any:
        await self._scripted("ListPeople", context)
        part = request.query.lower()
        found = [
            person
            for person in self.people
            if part in f"{person.handle}\n{person.display_name.lower()}"
        ]
        return ListPeopleResponse(people=found)

    async def ListDepartments(self, request: Any, context: Any) -> Any:
        await self._scripted("ListDepartments", context)
        return ListDepartmentsResponse(departments=self.departments)

    async def ListMembers(self, request: Any, context: Any) -> Any:
        await self._scripted("ListMembers", context)
        log = await self._member(request.conversation_id, context)
        members = [Member(person_id=each, active=True) for each in log.people]
        return ListMembersResponse(members=members)

    async def GetPerson(self, request: Any, context: Any) -> Any:
        await self._scripted("GetPerson", context)
        return GetPersonResponse(person=self.people[0])

    async def ListNotifications(self, request: Any, context: Any) -> Any:
        await self._scripted("ListNotifications", context)
        return ListNotificationsResponse(notifications=reversed(self.notifications))

    def notify(self, notification_id: str) -> Frame:
        """Raise a notification; return the frame that would push it."""
        notification = Notification(id=notification_id)
        self.notifications.append(notification)
        fact = NotificationRaised(notification=notification)
        frame = Frame()
        frame.personal.event.type = fact.DESCRIPTOR.full_name
        frame.personal.event.fact = fact.SerializeToString()
        return frame

    async def RefreshSession(self, request: Any, context: Any) -> Any:
        self.spent.append(request.refresh_token)
        await self._scripted("RefreshSession", context)
        number = len(self.spent)
        tokens = session_service_pb2.Tokens(
            access_token=f"access {number}", refresh_token=f"refresh {number}", session_id="ses_1"
        )
        tokens.access_expires_at.FromSeconds(int(time.time()) + 900)
        return session_service_pb2.RefreshSessionResponse(tokens=tokens)


@contextlib.asynccontextmanager
async def serving(gateway: Gateway, address: str = "127.0.0.1:0") -> AsyncIterator[str]:
    """Serve on a real socket for the duration of the block; yield the address."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    add_SessionServiceServicer_to_server(gateway, server)
    add_MessagingServiceServicer_to_server(gateway, server)
    add_DirectoryServiceServicer_to_server(gateway, server)
    add_sign_in(gateway, server)
    add_NotifyServiceServicer_to_server(gateway, server)
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@contextlib.asynccontextmanager
async def plexus_at(url: str, profiles: Profiles) -> AsyncIterator[Plexus]:
    """Connect with an API token and a thorough policy."""
    profile = api_token_profile(url=url, token="plx_token")
    async with open_plexus(profile, profiles, retries=THOROUGH) as plexus:
        yield plexus


def person_profile(url: str, *, expires_at: float) -> Profile:
    return Profile(
        name="me",
        url=url,
        person_id=ME,
        handle="me",
        access_token="access 0",
        access_expires_at=expires_at,
        refresh_token="refresh 0",
        session_id="ses_1",
    )


class Mischief:
    """Random faults, reproducible by their seed."""

    def __init__(self, gateway: Gateway, seed: int) -> None:
        self._gateway = gateway
        self._random = random.Random(seed)  # noqa: S311 - chooses faults
        self._pushed: dict[str, int] = {}

    def act(self, log: Log) -> None:
        """Apply one change to the log."""
        seq = self._random.randint(1, log.last_seq) if log.messages else 0
        kind = self._random.choice(["post"] * 5 + ["edit", "react", "recall", "chain"])
        if not seq or kind == "post" or log.messages[seq].recalled:
            log.post(f"text {log.last_seq + 1}")
        elif kind == "edit":
            log.edit(seq, f"edited {log.change_no}")
        elif kind == "react":
            log.react(seq, "thumbsup")
        elif kind == "chain":
            log.begin_chain()
        else:
            log.recall(seq)

    def push(self, log: Log) -> None:
        """Push changes to the streams: correctly, twice, late, in part, or not at all."""
        end = log.change_no
        start = self._pushed.get(log.id, 0)
        self._pushed[log.id] = end
        for stream in list(self._gateway.streams):
            match self._random.randint(0, 9):
                case 0:
                    continue
                case 1:
                    stream.events(log, start, end)
                    stream.events(log, start, end)
                case 2:
                    stream.events(log, max(start - 3, 0), end)
                case 3:
                    middle = (start + end) // 2
                    stream.events(log, middle, end)
                    stream.events(log, start, middle)
                case 4:
                    stream.frames(Frame(resync=Resync(conversation_ids=[log.id], reason="GAP")))
                case 5:
                    stream.end(Refusal(grpc.StatusCode.UNAVAILABLE, "GATEWAY_DRAINING"))
                case 6:
                    stream.frames(Frame(drain=Drain(within_ms=100)))
                case _:
                    stream.events(log, start, end)


def heartbeat(*logs: Log) -> Frame:
    positions = [Position(conversation_id=log.id, through=log.change_no) for log in logs]
    return Frame(heartbeat=Heartbeat(server_time_ms=1, positions=positions))


def closed(log: Log) -> Frame:
    frame = ConversationClosed(conversation_id=log.id, change_no=log.change_no)
    return Frame(conversation_closed=frame)


request_numbers = itertools.count(1)
