"""Resumption of sessions: no event lost, repeated or out of order when a stream fails."""

# ruff: noqa: ARG001 - fixtures that only have to be there

import asyncio
from pathlib import Path

import grpc
import pytest
from plexus.gateway.v1.session_service_pb2 import Drain, Frame, Resync
from plexus_sdk import (
    ChangesExpired,
    Client,
    ConversationChanged,
    ConversationClosed,
    FilePositions,
    MemoryPositions,
    MessageEdited,
    MessagePosted,
    MessageReacted,
    MessageRecalled,
    MessageUpdated,
    NotificationRaised,
    Position,
    Refused,
    SignedOut,
    TypingSignal,
)
from plexus_sdk import session as session_module
from plexus_sdk import stream as stream_module
from plexus_sdk.inbox import Inbox

from .conftest import is_silent, take, texts, until
from .scripted import ME, Gateway, Log, Refusal, closed, heartbeat

DRAINING = Refusal(grpc.StatusCode.UNAVAILABLE, "GATEWAY_DRAINING")


@pytest.fixture
def log(gateway: Gateway) -> Log:
    log = gateway.log(name="general")
    log.post("before the session")
    return log


async def test_msg_06_a_session_begins_with_what_is_new(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        assert session.person_id == ME
        log.post("first")
        gateway.publish(log)
        log.post("second")
        gateway.publish(log)
        assert await texts(session, 2) == ["first", "second"]
        assert await is_silent(session)


async def test_a_session_can_begin_with_what_is_unread(client: Client, log: Log) -> None:
    log.post("unread too")
    async with client.session(start="unread") as session:
        assert await texts(session, 2) == ["before the session", "unread too"]
        assert await is_silent(session)


async def test_every_kind_of_change_is_an_event(client: Client, gateway: Gateway, log: Log) -> None:
    async with client.session() as session:
        log.edit(1, "edited")
        log.react(1, "thumbsup")
        log.rename("new name")
        log.begin_chain()
        log.recall(1)
        gateway.publish(log, count=5)
        edited, reacted, renamed, recalled = await take(session, 4)
    assert isinstance(edited, MessageEdited)
    assert edited.message.text == "edited"
    assert isinstance(reacted, MessageReacted)
    assert (reacted.emoji, reacted.parts.reactions[0].emoji) == ("thumbsup", "thumbsup")
    assert isinstance(renamed, ConversationChanged)
    assert renamed.conversation.name == "new name"
    assert isinstance(recalled, MessageRecalled)
    assert recalled.change_no == log.change_no


@pytest.mark.parametrize("end", [DRAINING, None, Refusal(grpc.StatusCode.INTERNAL, "INTERNAL")])
async def test_msg_06_what_happened_without_a_stream_is_fetched(
    client: Client, gateway: Gateway, log: Log, end: Refusal | None
) -> None:
    async with client.session() as session:
        gateway.streams[0].end(end)
        await until(lambda: not gateway.streams)
        log.post("missed")
        log.edit(1, "changed meanwhile")
        missed, updated = await take(session, 2)
        assert isinstance(missed, MessagePosted)
        assert missed.message.text == "missed"
        assert isinstance(updated, MessageUpdated)
        assert updated.message.text == "changed meanwhile"
        await until(lambda: bool(gateway.streams))
        log.post("live again")
        gateway.publish(log)
        assert await texts(session, 1) == ["live again"]
        assert await is_silent(session)


async def test_msg_06_a_gateway_that_has_just_started_knows_no_positions_and_nothing_is_lost(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        gateway.positions_known = False
        gateway.streams[0].end(DRAINING)
        await until(lambda: not gateway.streams)
        log.post("missed")
        assert await texts(session, 1) == ["missed"]


async def test_msg_06_holes_heartbeats_and_resyncs_lead_to_a_fetch(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        log.post("lost")
        log.post("after the hole")
        gateway.publish(log)
        assert await texts(session, 2) == ["lost", "after the hole"]

        log.post("lost at the end")
        gateway.streams[0].frames(heartbeat(log))
        assert await texts(session, 1) == ["lost at the end"]

        for conversation_ids in ([log.id], []):
            log.post(f"overflow {conversation_ids}")
            resync = Resync(conversation_ids=conversation_ids, reason="BUFFER_OVERFLOW")
            gateway.streams[0].frames(Frame(resync=resync))
            assert await texts(session, 1) == [f"overflow {conversation_ids}"]

        log.post("left out")
        envelope = log.envelope(log.change_no)
        envelope.fact, envelope.omitted = b"", True
        frame = Frame()
        frame.events.conversation_id = log.id
        frame.events.after, frame.events.through = log.change_no - 1, log.change_no
        frame.events.events.append(envelope)
        gateway.streams[0].frames(frame)
        assert await texts(session, 1) == ["left out"]
        assert await is_silent(session)


async def test_a_message_that_was_edited_before_it_was_fetched_comes_once(
    client: Client, gateway: Gateway, log: Log
) -> None:
    gateway.page = 2
    async with client.session() as session:
        gateway.streams[0].end(DRAINING)
        await until(lambda: not gateway.streams)
        log.post("a")
        log.post("b")
        log.post("c")
        log.edit(2, "a, edited")
        assert await texts(session, 3) == ["a, edited", "b", "c"]
        assert await is_silent(session)


async def test_what_is_recalled_before_it_was_fetched_is_a_tombstone_only(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        gateway.streams[0].end(DRAINING)
        await until(lambda: not gateway.streams)
        log.post("a secret")
        log.recall(2)
        (event,) = await take(session, 1)
        assert isinstance(event, MessageRecalled)
        assert event.message.text == ""
        assert await is_silent(session)


async def test_msg_06_a_contract_that_moves_a_changed_message_to_its_last_change_keeps_the_order(
    client: Client, gateway: Gateway, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ListChanges may return each message at its last change only, on a later page."""

    def sparse(since: int, limit: int):
        response = Log.changes(log, since, log.change_no)
        changes = sorted(response.changes, key=lambda change: change.change_no)[:limit]
        del response.changes[:]
        response.changes.extend(changes)
        more = changes and changes[-1].change_no < log.change_no
        response.through = changes[-1].change_no if more else log.change_no
        response.has_more = bool(more)
        return response

    monkeypatch.setattr(log, "changes", sparse)
    gateway.page = 2
    async with client.session() as session:
        gateway.streams[0].end(DRAINING)
        await until(lambda: not gateway.streams)
        for text in "abcde":
            log.post(text)
        log.edit(2, "a, edited")
        log.edit(4, "c, edited")
        assert await texts(session, 5) == ["a, edited", "b", "c, edited", "d", "e"]
        assert await is_silent(session)


async def test_msg_14_a_closed_conversation_ends_and_the_session_goes_on(
    client: Client, gateway: Gateway, log: Log
) -> None:
    other = gateway.log("cnv_2")
    async with client.session() as session:
        log.member = False
        gateway.streams[0].frames(closed(log))
        other.post("elsewhere")
        gateway.publish(other)
        ended, elsewhere = await take(session, 2)
        assert ended == ConversationClosed(log.id, log.change_no)
        assert isinstance(elsewhere, MessagePosted)

        log.member = True
        log.post("back again")
        gateway.publish(log)
        assert await texts(session, 1) == ["back again"]


async def test_msg_14_a_conversation_that_was_left_without_a_stream_is_closed_once(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        log.member = False
        for _ in range(2):
            opened = gateway.opened
            gateway.streams[0].end(DRAINING)
            await until(lambda opened=opened: gateway.opened > opened and bool(gateway.streams))
        (event,) = await take(session, 1)
        assert isinstance(event, ConversationClosed)
        assert await is_silent(session)


async def test_a_conversation_that_is_joined_begins_with_the_membership(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        joined = Log("cnv_2", join_seq=3)
        for text in ("old", "old too", "first of mine"):
            joined.post(text)
        gateway.logs[joined.id] = joined
        joined.post("second of mine")
        gateway.publish(joined)
        assert await texts(session, 2) == ["first of mine", "second of mine"]
        joined.post("third of mine")
        gateway.publish(joined)
        assert await texts(session, 1) == ["third of mine"]


async def test_only_the_named_conversations_are_followed(
    client: Client, gateway: Gateway, log: Log
) -> None:
    other = gateway.log("cnv_2", name="noise")
    async with client.session(conversations=["general"]) as session:
        other.post("noise")
        gateway.publish(other)
        log.post("signal")
        gateway.publish(log)
        assert await texts(session, 1) == ["signal"]
        gateway.streams[0].end(DRAINING)
        await until(lambda: not gateway.streams)
        assert await is_silent(session)

    with pytest.raises(Refused, match="cnv_none"):
        async with client.session(conversations=["cnv_none"]):
            raise AssertionError("entered")


async def test_changes_that_plexus_keeps_no_more_are_reported_and_no_message_is_missing(
    client: Client, gateway: Gateway, log: Log
) -> None:
    positions = MemoryPositions({log.id: Position(change_no=1, seq=1)})
    for number in range(5):
        log.post(f"text {number}")
    log.min_available = 5
    async with client.session(positions=positions) as session:
        (expired,) = await take(session, 1)
        assert expired == ChangesExpired(log.id, log.change_no)
        log.min_available = 0
        assert await texts(session, 5) == [f"text {number}" for number in range(5)]
        assert await is_silent(session)


# --- the stream


async def test_a_silent_stream_is_replaced(
    client: Client, gateway: Gateway, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "_LEAST_SILENCE_SECONDS", 0.2)
    gateway.heartbeat_seconds = 0
    troubles: list[Refused] = []
    async with client.session(on_trouble=troubles.append) as session:
        log.post("the frame is lost")
        assert await texts(session, 1) == ["the frame is lost"]
    assert "silent" in str(troubles[0])


async def test_a_draining_gateway_is_left_at_once(
    client: Client, gateway: Gateway, log: Log
) -> None:
    troubles: list[Refused] = []
    async with client.session(on_trouble=troubles.append) as session:
        gateway.streams[0].frames(Frame(drain=Drain(within_ms=5000)))
        await until(lambda: gateway.opened == 2)
        log.post("elsewhere")
        gateway.publish(log)
        assert await texts(session, 1) == ["elsewhere"]
    assert troubles == []


async def test_a_stream_is_opened_again_until_there_is_one(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        gateway.refusals["Session"] = [DRAINING] * 5
        gateway.streams[0].end(DRAINING)
        log.post("at last")
        await until(lambda: gateway.opened == 2)
        assert await texts(session, 1) == ["at last"]


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED", SignedOut),
        (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING", Refused),
    ],
)
async def test_gw_04_a_session_that_has_ended_says_so_to_readers_and_senders(
    client: Client,
    gateway: Gateway,
    log: Log,
    code: grpc.StatusCode,
    reason: str,
    kind: type[Refused],
) -> None:
    async with client.session() as session:
        gateway.sends = ["lost"]
        sending = asyncio.create_task(session.messages.send(log.id, "never answered"))
        await until(lambda: bool(gateway.streams[0].refs))
        reading = asyncio.create_task(anext(session))  # type: ignore[arg-type] # a coroutine
        gateway.streams[0].end(Refusal(code, reason))
        for task in (reading, sending):
            with pytest.raises(kind) as refused:
                await asyncio.wait_for(task, 30)
            assert refused.value.reason == reason
        with pytest.raises(kind):
            await session.messages.send(log.id, "too late")


async def test_a_session_that_is_refused_is_not_entered(client: Client, gateway: Gateway) -> None:
    gateway.refusals["Session"] = [Refusal(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")]
    with pytest.raises(SignedOut) as refused:
        async with client.session():
            raise AssertionError("entered")
    assert refused.value.reason == "TOKEN_INVALID"


async def test_gw_04_a_token_is_presented_again(
    client: Client, gateway: Gateway, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "REAUTHENTICATE_SECONDS", 0.05)
    async with client.session():
        await until(lambda: len(gateway.streams[0].tokens) >= 2)
        assert set(gateway.streams[0].tokens) == {"plx_token"}


# --- a slow application


async def test_a_slow_application_costs_bounded_memory_and_loses_nothing(
    client: Client, gateway: Gateway, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    inboxes: list[Inbox] = []

    def bounded(**options):
        inboxes.append(Inbox(max_frames=10, **options))
        return inboxes[0]

    monkeypatch.setattr(session_module, "Inbox", bounded)
    async with client.session() as session:
        for number in range(200):
            log.post(f"text {number}")
            gateway.publish(log)
        # The acknowledgement arrives behind all of these frames.
        sent = await asyncio.wait_for(session.messages.send(log.id, "mine"), 30)
        assert sent.seq == 202
        assert len(inboxes[0]) <= 10
        assert await texts(session, 201) == [*(f"text {n}" for n in range(200)), "mine"]
        assert await is_silent(session)


async def test_a_cancelled_wait_loses_nothing(client: Client, gateway: Gateway, log: Log) -> None:
    taken: list[str] = []
    async with client.session() as session:
        gateway.streams[0].end(DRAINING)
        for number in range(30):
            log.post(f"text {number}")
        async with asyncio.timeout(60):
            while len(taken) < 30:
                try:
                    async with asyncio.timeout(0.002):
                        event = await anext(session)
                except TimeoutError:
                    continue
                assert isinstance(event, MessagePosted)
                taken.append(event.message.text)
    assert taken == [f"text {number}" for number in range(30)]


async def test_one_task_at_a_time_iterates(client: Client, log: Log) -> None:
    async with client.session() as session:
        first = asyncio.create_task(anext(session))  # type: ignore[arg-type] # a coroutine
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one task"):
            await anext(session)
        first.cancel()


async def test_a_conversation_that_cannot_be_fetched_now_does_not_hold_up_the_others(
    client: Client, gateway: Gateway, log: Log
) -> None:
    other = gateway.log("cnv_2")
    broken = Refusal(grpc.StatusCode.INTERNAL, "INTERNAL")
    async with client.session() as session:
        gateway.refusals["ListChanges"] = [broken] * 3
        log.post("lost")
        gateway.streams[0].frames(heartbeat(log))
        other.post("fine")
        gateway.publish(other)
        assert set(await texts(session, 2)) == {"fine", "lost"}


# --- positions


async def test_a_bot_continues_after_its_own_restart(
    client: Client, gateway: Gateway, log: Log, tmp_path: Path
) -> None:
    path = tmp_path / "positions.json"
    async with client.session(positions=FilePositions(path)) as session:
        log.post("handled")
        gateway.publish(log)
        assert await texts(session, 1) == ["handled"]
    log.post("missed")
    joined = gateway.log("cnv_2")
    joined.post("in a new conversation")
    async with client.session(positions=FilePositions(path)) as session:
        assert sorted(await texts(session, 2)) == ["in a new conversation", "missed"]
        assert await is_silent(session)


async def test_what_was_not_handled_comes_again_after_a_restart(
    client: Client, gateway: Gateway, log: Log, tmp_path: Path
) -> None:
    path = tmp_path / "positions.json"

    async def crash() -> None:
        async with client.session(positions=FilePositions(path)) as session:
            log.post("handled")
            log.post("not handled")
            gateway.publish(log, count=2)
            assert await texts(session, 2) == ["handled", "not handled"]
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        await crash()
    async with client.session(positions=FilePositions(path)) as session:
        assert await texts(session, 1) == ["not handled"]


async def test_two_sessions_do_not_share_a_file_of_positions(
    client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "positions.json"
    async with client.session(positions=FilePositions(path)):
        with pytest.raises(Refused, match="held by another session"):
            async with client.session(positions=FilePositions(path)):
                raise AssertionError("entered")
    async with client.session(positions=FilePositions(path)):
        pass


@pytest.mark.parametrize(
    "content", ["", "[]", '{"version": 2}', '{"version":1,"conversations":[]}']
)
async def test_a_damaged_file_of_positions_is_refused_and_kept(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "positions.json"
    path.write_text(content)
    with pytest.raises(Refused, match="cannot be read"):
        await FilePositions(path).load()
    assert path.read_text() == content


# --- notifications


async def test_notifications_come_once_also_those_of_a_time_without_a_stream(
    client: Client, gateway: Gateway
) -> None:
    async with client.session(notifications=True) as session:
        frame = gateway.notify("ntf_1")
        gateway.streams[0].frames(frame, frame)
        (first,) = await take(session, 1)
        gateway.streams[0].end(DRAINING)
        await until(lambda: not gateway.streams)
        gateway.notify("ntf_2")
        gateway.notify("ntf_3")
        rest = await take(session, 2)
        raised = [each for each in (first, *rest) if isinstance(each, NotificationRaised)]
        assert [each.notification.id for each in raised] == ["ntf_1", "ntf_2", "ntf_3"]
        assert await is_silent(session)


async def test_notifications_are_not_read_unless_they_are_wanted(
    client: Client, gateway: Gateway
) -> None:
    async with client.session() as session:
        gateway.streams[0].frames(gateway.notify("ntf_1"))
        gateway.streams[0].end(DRAINING)
        assert await is_silent(session)
    assert "ListNotifications" not in gateway.calls


@pytest.mark.parametrize("wanted", [True, False])
async def test_signals_are_delivered_if_they_are_wanted(
    client: Client, gateway: Gateway, log: Log, *, wanted: bool
) -> None:
    frame = Frame()
    frame.signal.typing.person_id = "per_ann"
    async with client.session(signals=wanted) as session:
        gateway.streams[0].frames(frame)
        log.post("hello")
        gateway.publish(log)
        first, *rest = await take(session, 2 if wanted else 1)
    if wanted:
        assert isinstance(first, TypingSignal)
        assert first.typing.person_id == "per_ann"
    assert isinstance((rest or [first])[0], MessagePosted)
