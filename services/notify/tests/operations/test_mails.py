import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest
from notify.consumers import Handlers
from notify.domain.attempts import Answer
from notify.domain.kinds import Channel
from notify.domain.outcomes import Reason, State
from notify.domain.quiet_hours import QuietHours, clock_time
from notify.kinds.mention import KIND as MENTION
from notify.operations.mails import Sent
from notify.operations.notifications import mark_notifications_read
from notify.operations.preferences import set_preferences
from notify.store import Store
from plexus.notify.v1 import events_pb2
from plexus_testkit.clock import FrozenClock
from plexuskit.errors import DependencyDown
from plexuskit.grpc import RemoteFailure, RemoteRefusal

pytestmark = pytest.mark.usefixtures("known")

Ledger = Callable[..., Any]
MINUTE = timedelta(minutes=1)


async def mention(handlers: Handlers, facts: Any, *names: str, seq: int = 1) -> Any:
    message = facts.message(seq=seq, mentions=names or ("bo",))
    await handlers.messages([facts.posted(message)])
    return message


async def be_quiet(store: Store, person_id: str = "per_bo", *, enabled: bool = True) -> None:
    await set_preferences(
        store,
        tenant_id="ten_a",
        person_id=person_id,
        channels={},
        hours=QuietHours(
            enabled=enabled,
            start=clock_time("11:30", field="start"),
            end=clock_time("13:00", field="end"),
        ),
        expected_version=0,
    )


async def test_ntf_01_a_mail_says_what_it_is_about_in_the_readers_language(
    handlers: Handlers, facts: Any, sink: Any, sender: Any, ledger: Ledger, outbox: Any
) -> None:
    await handlers.people([facts.person("cy", locale="en", display_name="Cy, <x>", version=2)])
    await mention(handlers, facts, "bo", "cy")

    assert await sender(sink.port).send_due() == Sent(taken=2, unreachable=False)

    by_recipient = {str(mail["To"].addresses[0].addr_spec): mail for mail in sink.mails}
    zh, en = by_recipient["bo@example.com"], by_recipient["cy@example.com"]
    assert zh["Subject"] == "Ann 在「采购」中提到了你"
    assert "合同已经签好了" in zh.get_body(("plain",)).get_content()
    assert "合同已经签好了" in zh.get_body(("html",)).get_content()
    assert (zh["Auto-Submitted"], zh["Content-Language"]) == ("auto-generated", "zh-CN")
    assert en["Subject"] == "Ann mentioned you in 采购"
    bo, _ = await ledger()
    assert zh["Message-ID"] == f"<{bo.email.id}@example.com>"
    assert (bo.email.state, bo.email.reason) == (State.DELIVERED, Reason.ACCEPTED_BY_SERVER)
    assert (bo.email.attempts, bo.email.next_attempt_at, bo.email.lease) == (1, None, "")
    raised, changed = await outbox(bo.id)
    assert (raised.change_no, changed.change_no) == (1, 2)
    shown = events_pb2.NotificationChanged.FromString(changed.fact).notification
    assert shown.deliveries[1].reason == "ACCEPTED_BY_SERVER"


async def test_ntf_09_without_content_a_mail_says_that_there_is_something_and_no_more(
    handlers: Handlers, facts: Any, sink: Any, sender: Any
) -> None:
    await mention(handlers, facts)
    await sender(sink.port, content=False).send_due()

    (mail,) = sink.mails
    assert mail["Subject"] == "你有一条新消息"
    for secret in ("合同", "采购", "Ann"):
        assert secret not in mail.get_body(("plain",)).get_content()
        assert secret not in mail.get_body(("html",)).get_content()


async def test_ntf_09_a_mail_of_a_confidential_conversation_carries_no_content(
    handlers: Handlers, facts: Any, sender: Callable[..., Any], sink: Any
) -> None:
    secret = facts.conversation("ann", "bo", id_="cnv_secret", name="并购", confidential=True)
    await handlers.messages([secret])
    said = facts.message("收购价九亿", conversation="cnv_secret", mentions=("bo",))
    await handlers.messages([facts.posted(said)])

    await sender(sink.port).send_due()

    (mail,) = sink.mails
    for part in ("plain", "html"):
        content = mail.get_body((part,)).get_content()
        assert "九亿" not in content
        assert "并购" not in content
    assert "并购" not in mail["Subject"]


async def test_ntf_02_ten_senders_send_each_mail_once(
    handlers: Handlers, facts: Any, sink: Any, sender: Any, ledger: Ledger
) -> None:
    for number in range(1, 9):
        room = f"cnv_{number}"
        await handlers.messages([facts.conversation("ann", "bo", "cy", id_=room)])
        message = facts.message(conversation=room, mentions=("bo", "cy"))
        await handlers.messages([facts.posted(message)])

    rounds = await asyncio.gather(*(sender(sink.port, batch=5).send_due() for _ in range(10)))

    assert sum(each.taken for each in rounds) <= 16
    await sender(sink.port).send_due()
    assert len(sink.mails) == len({mail["Message-ID"] for mail in sink.mails}) == 16
    assert {each.email.reason for each in await ledger()} == {Reason.ACCEPTED_BY_SERVER}


async def test_ntf_02_after_a_crash_behind_the_servers_answer_the_repeat_is_recognisable(
    handlers: Handlers,
    facts: Any,
    sink: Any,
    sender: Any,
    ledger: Ledger,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await mention(handlers, facts)
    dying = sender(sink.port)

    async def killed(*_: object) -> None:
        raise OSError("killed before the outcome was stored")

    monkeypatch.setattr(dying, "_store_outcomes", killed)
    with pytest.raises(ExceptionGroup):
        await dying.send_due()
    assert await sender(sink.port).send_due() == Sent(taken=0, unreachable=False)

    clock.advance(timedelta(minutes=3))
    assert await sender(sink.port).send_due() == Sent(taken=1, unreachable=False)

    first, second = sink.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]
    (told,) = await ledger()
    assert (told.email.reason, told.email.attempts) == (Reason.ACCEPTED_BY_SERVER, 2)


async def test_ntf_08_a_server_that_is_away_is_tried_until_it_is_back(
    handlers: Handlers,
    facts: Any,
    smtp: Any,
    sender: Any,
    ledger: Ledger,
    clock: FrozenClock,
) -> None:
    async with smtp() as gone:
        port = gone.port
    await mention(handlers, facts)

    assert await sender(port).send_due() == Sent(taken=1, unreachable=True)
    (told,) = await ledger()
    assert (told.email.state, told.email.reason) == (State.PENDING, Reason.SMTP_UNREACHABLE)
    wait = told.email.next_attempt_at - clock.now()
    assert timedelta(seconds=15) <= wait <= timedelta(seconds=30)
    assert (await sender(port).send_due()).taken == 0

    clock.advance(MINUTE)
    async with smtp(port) as back:
        assert await sender(port).send_due() == Sent(taken=1, unreachable=False)
        assert back.recipients == ["bo@example.com"]


async def test_ntf_08_after_a_day_without_a_server_the_delivery_has_failed(
    handlers: Handlers, facts: Any, smtp: Any, sender: Any, ledger: Ledger, clock: FrozenClock
) -> None:
    async with smtp() as gone:
        port = gone.port
    await mention(handlers, facts)

    attempts = 0
    while (told := (await ledger())[0]).email.state is State.PENDING:
        clock.advance(max(told.email.next_attempt_at - clock.now(), timedelta()))
        attempts += (await sender(port).send_due()).taken

    assert (told.email.state, told.email.reason) == (State.FAILED, Reason.SMTP_UNREACHABLE)
    assert told.email.attempts == attempts
    assert 24 <= attempts <= 60
    assert told.email.at - told.created_at <= timedelta(hours=24)


@pytest.mark.parametrize(
    ("reply", "state", "reason"),
    [
        ("550 no such user", State.FAILED, Reason.SMTP_REFUSED),
        ("451 later", State.PENDING, Reason.SMTP_BUSY),
    ],
)
async def test_ntf_08_permanent_and_transient_refusals_differ(
    handlers: Handlers,
    facts: Any,
    sink: Any,
    sender: Any,
    ledger: Ledger,
    reply: str,
    state: State,
    reason: Reason,
) -> None:
    sink.replies.append(reply)
    await mention(handlers, facts)
    await sender(sink.port).send_due()

    (told,) = await ledger()
    assert (told.email.state, told.email.reason) == (state, reason)
    assert sink.mails == []


async def test_ntf_02_a_connection_that_ends_without_an_answer_is_retried_with_the_same_id(
    handlers: Handlers, facts: Any, sender: Any, smtp: Any, ledger: Ledger, clock: FrozenClock
) -> None:
    heard: list[str] = []

    async def takes_and_hangs_up(reader: Any, writer: Any) -> None:
        writer.write(b"220 here\r\n")
        async for line in reader:
            heard.append(line.decode().strip())
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
            elif line == b".\r\n":
                break
            elif len(heard) < 4:
                writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(takes_and_hangs_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await mention(handlers, facts)
    async with server:
        assert await sender(port).send_due() == Sent(taken=1, unreachable=False)
    (told,) = await ledger()
    assert (told.email.state, told.email.reason) == (State.PENDING, Reason.SMTP_UNANSWERED)

    clock.advance(MINUTE)
    async with smtp(port) as back:
        await sender(port).send_due()
        assert f"Message-ID: {back.mails[0]['Message-ID']}" in heard


async def test_ntf_04_a_deferred_mail_leaves_at_the_windows_end(
    handlers: Handlers,
    facts: Any,
    store: Store,
    sink: Any,
    sender: Any,
    ledger: Ledger,
    clock: FrozenClock,
) -> None:
    await be_quiet(store)
    await mention(handlers, facts)
    assert (await sender(sink.port).send_due()).taken == 0

    clock.advance(timedelta(minutes=59))
    assert (await sender(sink.port).send_due()).taken == 0
    clock.advance(timedelta(minutes=3))
    assert (await sender(sink.port).send_due()).taken == 1

    assert sink.recipients == ["bo@example.com"]
    (told,) = await ledger()
    assert told.email.reason is Reason.ACCEPTED_BY_SERVER


async def test_ntf_03_a_zone_that_changed_holds_for_what_is_sent_from_now_on(
    handlers: Handlers,
    facts: Any,
    store: Store,
    sink: Any,
    sender: Any,
    ledger: Ledger,
    clock: FrozenClock,
) -> None:
    await be_quiet(store)
    await mention(handlers, facts)
    # One o'clock in Shanghai is noon in Bangkok: quiet again, for an hour.
    await handlers.people([facts.person("bo", time_zone="Asia/Bangkok", version=2)])

    clock.advance(timedelta(minutes=62))
    assert (await sender(sink.port).send_due()).taken == 1
    assert sink.mails == []
    (told,) = await ledger()
    assert (told.email.state, told.email.reason) == (State.DEFERRED, Reason.QUIET_HOURS)
    assert told.email.attempts == 0
    assert told.email.next_attempt_at >= clock.now() + timedelta(minutes=57)


@pytest.mark.parametrize("how", ["cursor", "inbox", "cursor while the mail is taken"])
async def test_ntf_07_reading_drops_the_mail_that_waits(
    handlers: Handlers,
    facts: Any,
    store: Store,
    sink: Any,
    sender: Any,
    ledger: Ledger,
    clock: FrozenClock,
    now: datetime,
    how: str,
) -> None:
    await be_quiet(store)
    await mention(handlers, facts, seq=4)
    (told,) = await ledger()
    if how == "inbox":
        marked = await mark_notifications_read(
            store, person_id="per_bo", notification_ids=[told.id, "ntf_other"], now=now
        )
        assert marked == 1
    elif how == "cursor":
        await handlers.cursors([facts.cursor("bo", 3)])
        assert not (await ledger())[0].read
        await handlers.cursors([facts.cursor("bo", 4), facts.cursor("bo", 2)])
    else:
        # The cursor is known but its handler has not reached the notifications yet.
        from notify.store import Cursor  # noqa: PLC0415 - only this case writes one

        cursor = Cursor(conversation_id="cnv_group", person_id="per_bo", root_seq=0, through_seq=4)
        await store.conversations.advance([cursor])

    clock.advance(timedelta(hours=2))
    await sender(sink.port).send_due()

    assert sink.mails == []
    (told,) = await ledger()
    assert (told.email.state, told.email.reason) == (State.DROPPED, Reason.ALREADY_READ)


async def test_msg_15_a_threads_cursor_reads_the_thread_only(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    for seq, root in ((3, 1), (4, 2), (5, 0)):
        message = facts.message(seq=seq, root_seq=root, mentions=("bo",))
        await handlers.messages([facts.posted(message)])
    await handlers.cursors([facts.cursor("bo", 9, root=1)])
    assert [each.read for each in await ledger()] == [True, False, False]
    await handlers.cursors([facts.cursor("bo", 4)])
    assert [each.read for each in await ledger()] == [True, True, False]


async def test_ntf_04_access_that_was_lost_drops_the_mail(
    handlers: Handlers, facts: Any, owners: Any, sink: Any, sender: Any, ledger: Ledger
) -> None:
    message = await mention(handlers, facts)
    owners.hidden.add(message.id)
    await sender(sink.port).send_due()

    assert sink.mails == []
    (told,) = await ledger()
    assert (told.email.state, told.email.reason) == (State.DROPPED, Reason.ACCESS_LOST)


async def test_ntf_04_a_recall_drops_the_mail_that_waits(
    handlers: Handlers, facts: Any, store: Store, sink: Any, sender: Any, clock: FrozenClock
) -> None:
    await be_quiet(store)
    message = await mention(handlers, facts)
    await handlers.messages([facts.recalled(message)])
    clock.advance(timedelta(hours=2))
    assert (await sender(sink.port).send_due()).taken == 0


async def test_an_owner_that_cannot_be_asked_is_never_guessed_for(
    handlers: Handlers,
    facts: Any,
    owners: Any,
    sink: Any,
    sender: Any,
    ledger: Ledger,
    clock: FrozenClock,
) -> None:
    await mention(handlers, facts)
    owners.down = DependencyDown(dependency="messaging")
    await sender(sink.port).send_due()
    (told,) = await ledger()
    assert sink.mails == []
    assert (told.email.state, told.email.reason) == (State.PENDING, Reason.OWNER_UNREACHABLE)

    owners.down = None
    clock.advance(MINUTE)
    await sender(sink.port).send_due()
    assert sink.recipients == ["bo@example.com"]


async def test_ntf_01_what_changed_since_is_looked_at_before_sending(
    handlers: Handlers, facts: Any, store: Store, sink: Any, sender: Any, ledger: Ledger
) -> None:
    await mention(handlers, facts, "bo", "cy")
    await handlers.people([facts.person("bo", deactivated=True, version=2)])
    await set_preferences(
        store,
        tenant_id="ten_a",
        person_id="per_cy",
        channels={MENTION: frozenset({Channel.IN_APP})},
        hours=QuietHours(),
        expected_version=0,
    )
    await sender(sink.port).send_due()

    assert sink.mails == []
    bo, cy = await ledger()
    assert bo.email.reason is Reason.PERSON_DEACTIVATED
    assert cy.email.reason is Reason.PREFERENCE_OFF


@pytest.mark.parametrize("email", ["nobody", "a@b@c", "x y@example.com", "bo@\nexample.com"])
async def test_an_address_that_cannot_be_written_down_fails_and_stops_nobody(
    handlers: Handlers, facts: Any, sink: Any, sender: Any, ledger: Ledger, email: str
) -> None:
    await handlers.people([facts.person("bo", email=email, version=2)])
    await mention(handlers, facts, "bo", "cy")
    await sender(sink.port).send_due()

    bo, cy = await ledger()
    assert (bo.email.state, bo.email.reason) == (State.FAILED, Reason.ADDRESS_INVALID)
    assert cy.email.reason is Reason.ACCEPTED_BY_SERVER
    assert sink.recipients == ["cy@example.com"]


async def test_a_sender_that_is_told_to_stop_gives_back_what_it_has_not_begun(
    handlers: Handlers, facts: Any, sink: Any, sender: Any, ledger: Ledger
) -> None:
    await mention(handlers, facts, "bo", "cy")
    stopping = sender(sink.port, connections=1)
    sink.after = stopping.stop
    assert (await stopping.send_due()).taken == 2
    sink.after = None

    left = [each for each in await ledger() if each.email.state is State.PENDING]
    assert [(each.email.lease, each.email.attempts) for each in left] == [("", 0)]
    assert (await sender(sink.port).send_due()).taken == 1
    assert len(sink.mails) == 2


async def test_a_mail_in_hand_keeps_the_servers_answer_when_it_is_read_meanwhile(
    handlers: Handlers, facts: Any, sink: Any, sender: Any, ledger: Ledger
) -> None:
    await mention(handlers, facts)
    sending = sender(sink.port)
    hand_over = sending._hand_over

    async def read_meanwhile(*arguments: Any, **options: Any) -> Answer:
        answer = await hand_over(*arguments, **options)
        await handlers.cursors([facts.cursor("bo", 1)])
        return answer

    sending._hand_over = read_meanwhile
    await sending.send_due()

    (told,) = await ledger()
    assert (told.read, told.email.reason) == (True, Reason.ACCEPTED_BY_SERVER)
    assert told.version == 3


@pytest.mark.parametrize(
    "unexpected",
    [
        RemoteFailure(
            RemoteRefusal(
                code=grpc.StatusCode.INTERNAL, reason="INTERNAL", domain="d", text="", metadata={}
            )
        ),
        KeyError("a mistake in the code"),
    ],
    ids=["the owner answers INTERNAL", "a mistake"],
)
async def test_a_mail_that_fails_unexpectedly_ends_no_other_and_is_tried_again(
    unexpected: Exception,
    handlers: Handlers,
    facts: Any,
    owners: Any,
    sink: Any,
    sender: Any,
    clock: FrozenClock,
) -> None:
    await handlers.people([facts.person("cy", version=2)])
    await mention(handlers, facts, "bo", "cy")
    owners.failing["per_bo"] = unexpected
    sending = sender(sink.port)
    for _ in range(3):
        await sending.send_due()
        clock.advance(10 * MINUTE)
    assert sink.recipients == ["cy@example.com"]

    owners.failing.clear()
    clock.advance(10 * MINUTE)
    await sending.send_due()
    assert sorted(sink.recipients) == ["bo@example.com", "cy@example.com"]


@pytest.mark.rule("GW-10")
async def test_gw_10_a_mail_carries_no_content_that_a_policy_keeps_from_who_gave_no_second_factor(
    handlers: Handlers, facts: Any, sink: Any, sender: Any, company: Any
) -> None:
    company.policy(
        "ten_a",
        "strong",
        'forbid(principal, action == Plexus::Action::"messages.read", resource)'
        " when { !context.second_factor };",
    )
    await mention(handlers, facts, "bo")

    assert await sender(sink.port).send_due() == Sent(taken=1, unreachable=False)

    (mail,) = sink.mails
    assert mail["Subject"] == "你有一条新消息"
    assert "合同已经签好了" not in mail.get_body(("plain",)).get_content()
    assert "合同已经签好了" not in mail.get_body(("html",)).get_content()


@pytest.mark.rule("GW-10")
async def test_gw_10_a_mail_waits_while_roles_and_policies_are_not_current(
    handlers: Handlers, facts: Any, sink: Any, sender: Any, clock: FrozenClock, company: Any
) -> None:
    company.current = False
    await mention(handlers, facts, "bo")

    await sender(sink.port).send_due()
    assert sink.mails == []

    company.current = True
    clock.advance(timedelta(hours=1))
    await sender(sink.port).send_due()
    assert len(sink.mails) == 1
