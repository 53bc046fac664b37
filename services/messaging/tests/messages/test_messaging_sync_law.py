"""The law of sync, over every operation: old state + changes == freshly fetched state (MSG-6)."""

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from messaging.conversations.operations.conversations import leave_conversation, update_conversation
from messaging.conversations.operations.members import add_members, remove_members
from messaging.conversations.queries.members import list_members
from messaging.conversations.queries.seats import seat
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import History, Role
from messaging.messages.domain.messages import MessageContent
from messaging.messages.operations.forwards import forward_messages
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.changes import list_changes
from messaging.messages.queries.messages import list_messages
from messaging.messages.queries.verifications import verify_conversation
from messaging.reading.queries.conversations import get_conversation
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2, messages_pb2
from plexuskit.clock import SystemClock
from plexuskit.errors import Refusal

PEOPLE = ("ann", "bob", "eve", "dora")
ABOUT_MESSAGES = ("Posted", "Edited", "Recalled", "Reacted", "Pinned", "Labeled")

who = st.sampled_from(PEOPLE)
which = st.integers(1, 5)
text = st.sampled_from(["好", "once", "twice", "@ann 看", ""])
send = st.tuples(st.just("send"), who, text, st.integers(0, 3), st.integers(0, 3), who)
operation = st.one_of(
    send,
    send,
    st.tuples(st.just("edit"), who, which, text, who),
    st.tuples(st.just("recall"), who, which),
    st.tuples(st.just("react"), who, which, st.sampled_from(["ok", "🎉"]), st.booleans()),
    st.tuples(st.just("pin"), who, which, st.booleans()),
    st.tuples(st.just("label"), who, which, st.sampled_from(["a", "b"]), st.booleans()),
    st.tuples(st.just("forward"), who, which, st.booleans()),
    st.tuples(st.just("add"), who, who),
    st.tuples(st.just("remove"), who, who),
    st.tuples(st.just("leave"), who),
    st.tuples(st.just("rename"), who, st.sampled_from(["采购", "供应链"])),
    st.tuples(st.just("archive"), who, st.booleans()),
)


@dataclass
class Device:
    """State of a conversation on one person's device."""

    person_id: str
    since: int = 0
    messages: dict[int, messages_pb2.Message] = field(default_factory=dict)
    conversation: tuple[str, bool, int] | None = None
    members: dict[str, bool] = field(default_factory=dict)

    def hold(self, message: messages_pb2.Message) -> None:
        """Keep a message, unless a newer state of it is kept already."""
        held = self.messages.get(message.seq)
        if held is None or held.revision < message.revision:
            self.messages[message.seq] = _without_quoted_words(message)

    def hold_parts(self, parts: messages_pb2.MessageParts) -> None:
        """Replace the reactions, pin and labels of a stored message; the text stays."""
        held = self.messages.get(parts.seq)
        if held is None or held.revision >= parts.revision:
            return
        for name in ("reactions", "pin", "labels"):
            held.ClearField(name)
        held.reactions.extend(parts.reactions)
        held.labels.extend(parts.labels)
        if parts.HasField("pin"):
            held.pin.CopyFrom(parts.pin)
        held.revision, held.change_no = parts.revision, parts.change_no

    async def catch_up(self, store, person, room, *, page: int) -> None:
        """Fetch changes page by page until there are no more."""
        more = True
        while more:
            changes = await list_changes(
                store,
                actor=person(self.person_id),
                conversation_id=room,
                since=self.since,
                limit=page,
            )
            for _, message in changes.messages:
                self.hold(message)
            for _, members in changes.members:
                self.members |= {member.person_id: member.active for member in members}
            if changes.conversation_change:
                self.conversation = _fields(changes.seat.conversation)
            assert changes.through >= self.since
            self.since, more = changes.through, changes.more


async def fetched(store, person, room, who) -> Device:
    """Fetch everything from scratch, like a device without state."""
    device, after, more = Device(who), 0, True
    while more:
        messages, more, _ = await list_messages(
            store,
            actor=person(who),
            conversation_id=room,
            before_seq=0,
            after_seq=after,
            root_seq=0,
            limit=100,
        )
        for message in messages:
            device.hold(message)
            after = message.seq
    view = await get_conversation(store, actor=person(who), conversation_id=room)
    device.conversation = _fields(view.conversation)
    members, _ = await list_members(
        store, actor=person(who), conversation_id=room, after="", limit=100
    )
    device.members = {member.person_id: True for member in members}
    device.since = view.change_no
    return device


def _fields(conversation):
    return (conversation.name, conversation.archived, conversation.member_count)


def _without_quoted_words(message):
    held = messages_pb2.Message()
    held.CopyFrom(message)
    held.quote.ClearField("text")
    held.quote.ClearField("unavailable")
    if not message.HasField("quote"):
        held.ClearField("quote")
    return held


class Stage:
    """Carries out operations; a refused one changes nothing, which the law covers too."""

    def __init__(self, log, people, person, change, say, room) -> None:
        self._log, self._people, self._person = log, people, person
        self._change, self._say, self._room = change, say, room
        self._requests = 0

    async def carry_out(self, step) -> None:
        name, actor, *rest = step
        try:
            await getattr(self, f"_{name}")(actor, *rest)
        except Refusal:
            return

    def _new_request(self) -> str:
        self._requests += 1
        return f"r{self._requests}"

    async def _send(self, actor, words, reply_to, quoted, addressed):
        draft = self._say(
            self._room,
            actor,
            words,
            request_id=self._new_request(),
            reply_to_seq=reply_to,
            quote_seq=quoted,
            mentions=(addressed,),
        )
        await send_message(self._log, new_message=draft)

    async def _edit(self, actor, seq, words, addressed):
        await self._change(
            "edit",
            actor,
            self._room,
            seq,
            text="",
            content=MessageContent(words, mentions=(addressed,)),
        )

    async def _recall(self, actor, seq):
        await self._change("recall", actor, self._room, seq)

    async def _react(self, actor, seq, emoji, remove):
        await self._change("react", actor, self._room, seq, emoji=emoji, remove=remove)

    async def _pin(self, actor, seq, unpin):
        await self._change("pin", actor, self._room, seq, unpin=unpin)

    async def _label(self, actor, seq, word, remove):
        fields = {"remove" if remove else "add": (word,)}
        await self._change("label", actor, self._room, seq, **fields)

    async def _forward(self, actor, seq, merged):
        await forward_messages(
            self._log,
            actor=self._person(actor),
            conversation_id=self._room,
            seqs=[seq],
            to_conversation_id=self._room,
            merged=merged,
            comment="看",
            request_id=self._new_request(),
        )

    async def _add(self, actor, added):
        await add_members(
            self._log,
            self._people,
            actor=self._person(actor),
            conversation_id=self._room,
            person_ids=[added],
            role=Role.MEMBER,
            now=SystemClock().now(),
        )

    async def _remove(self, actor, removed):
        await remove_members(
            self._log,
            actor=self._person(actor),
            conversation_id=self._room,
            person_ids=[removed],
            now=SystemClock().now(),
        )

    async def _leave(self, actor):
        await leave_conversation(
            self._log,
            actor=self._person(actor),
            conversation_id=self._room,
            now=SystemClock().now(),
        )

    async def _rename(self, actor, name):
        await self._update(actor, name=name, archived=None)

    async def _archive(self, actor, archived):
        await self._update(actor, name=None, archived=archived)

    async def _update(self, actor, *, name, archived):
        await update_conversation(
            self._log,
            actor=self._person(actor),
            conversation_id=self._room,
            name=name,
            topic=None,
            archived=archived,
            confidential=None,
            expected_version=0,
            now=SystemClock().now(),
        )


class Live:
    """Devices that receive every change as it happens, as the gateway delivers it.

    A person added to a conversation again fetches what changed meanwhile, as the contract requires.
    """

    def __init__(self, store, person, room) -> None:
        self._store, self._person, self._room = store, person, room
        self._through = 0
        self.devices = {name: Device(name) for name in PEOPLE}

    async def follow(self) -> None:
        """Deliver new log entries to the people who may see them at this moment."""
        entries = await self._store.entries.list_changes(
            self._room, since=self._through, limit=1000
        )
        for entry in entries:
            self._through = entry["change_no"]
            envelope = Envelope.FromString(bytes(entry["event"]))
            name = envelope.type.rpartition(".")[2]
            fact = getattr(events_pb2, name).FromString(envelope.fact)
            if name == "MembersAdded":
                for member in fact.members:
                    await self.devices[member.person_id].catch_up(
                        self._store, self._person, self._room, page=50
                    )
            elif name.startswith("Message"):
                assert name.removeprefix("Message") in ABOUT_MESSAGES
                await self._show(fact, entry["change_no"])

    async def _show(self, fact, change_no) -> None:
        partial = "parts" in fact.DESCRIPTOR.fields_by_name
        message = fact.parts if partial else fact.message
        assert message.change_no == change_no
        # A fact of reactions, pins or labels does not repeat the text (MSG-21).
        assert not (partial and fact.HasField("message"))
        for device in self.devices.values():
            place = await self._place(device.person_id)
            if place is None:
                continue
            device.since = change_no
            if place.sees(message.seq) and partial:
                device.hold_parts(message)
            elif place.sees(message.seq):
                device.hold(message)

    async def _place(self, who):
        try:
            return await seat(self._store, actor=self._person(who), conversation_id=self._room)
        except ConversationNotFound:
            return None


async def check_law(steps, *, history, rest, page, store, log, people, person, change, say, group):
    """Carry out steps; a device that rests in the middle catches up, another listens all along."""
    room = await group("ann", "bob", "eve", history=history)
    for number, name in enumerate(("ann", "bob", "eve")):
        draft = say(room, name, "first", request_id=f"first{number}")
        await send_message(log, new_message=draft)
    stage = Stage(log, people, person, change, say, room)
    live = Live(store, person, room)
    rested: dict[str, Device] = {}
    for number, step in enumerate(steps):
        if number == rest:
            for name in PEOPLE:
                try:
                    rested[name] = await fetched(store, person, room, name)
                except ConversationNotFound:
                    continue
        await stage.carry_out(step)
        await live.follow()
    for name in PEOPLE:
        try:
            fresh = await fetched(store, person, room, name)
        except ConversationNotFound:
            continue
        for device in (Device(name), rested.get(name, Device(name))):
            await device.catch_up(store, person, room, page=page)
            assert device.messages == fresh.messages
            assert device.since == fresh.since
            assert device.conversation == fresh.conversation
            active = {member for member, is_member in device.members.items() if is_member}
            assert active == set(fresh.members)
        if history is History.SINCE_JOIN:
            assert live.devices[name].messages == fresh.messages
    verified = (
        await verify_conversation(store, actor=person("ann"), conversation_id=room, first=0, last=0)
        if await _is_member(store, person, room, "ann")
        else None
    )
    assert verified is None or verified.problems == []


async def _is_member(store, person, room, who) -> bool:
    try:
        await seat(store, actor=person(who), conversation_id=room)
    except ConversationNotFound:
        return False
    return True


LAW = {
    "steps": st.lists(operation, min_size=1, max_size=30),
    "history": st.sampled_from(History),
    "rest": st.integers(0, 30),
    "page": st.integers(1, 7),
}
QUIET = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@given(**LAW)
@example(
    steps=[
        ("leave", "bob"),
        ("edit", "ann", 1, "once", "eve"),
        ("send", "ann", "好", 0, 0, "eve"),
        ("add", "ann", "bob"),
        ("react", "eve", 1, "ok", False),
    ],
    history=History.SINCE_JOIN,
    rest=1,
    page=1,
)
@settings(max_examples=20, **QUIET)
async def test_msg_06_old_state_and_changes_are_the_fetched_state(
    steps, history, rest, page, store, log, people, person, change, say, group
):
    await check_law(
        steps,
        history=history,
        rest=rest,
        page=page,
        store=store,
        log=log,
        people=people,
        person=person,
        change=change,
        say=say,
        group=group,
    )


@pytest.mark.long
@pytest.mark.timeout(1200)
@given(**LAW)
@settings(max_examples=1500, **QUIET)
async def test_msg_06_old_state_and_changes_are_the_fetched_state_for_many_histories(
    steps, history, rest, page, store, log, people, person, change, say, group
):
    await check_law(
        steps,
        history=history,
        rest=rest,
        page=page,
        store=store,
        log=log,
        people=people,
        person=person,
        change=change,
        say=say,
        group=group,
    )
