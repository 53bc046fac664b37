"""One account's flood of mentions and the mails of others (GW-6, NTF-2, NTF-4)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from notify.consumers import Handlers
from notify.domain.mails import MAX_LISTED
from notify.domain.outcomes import Reason, State
from notify.operations.mails import Sent
from notify.store import Store
from notify.store.mails import MAX_JOINED
from plexus_testkit.clock import FrozenClock

pytestmark = pytest.mark.usefixtures("known")

Ledger = Callable[..., Any]
FLOODED = tuple(f"flooded{number}" for number in range(30))


async def flood(handlers: Handlers, facts: Any, *, messages: int = 3) -> None:
    """Let Dee address a group of 30 as often as that."""
    await handlers.people([facts.person(name) for name in ("dee", *FLOODED)])
    group = facts.conversation("dee", *FLOODED, id_="cnv_flood")
    posted = [
        facts.posted(facts.message(seq=seq, conversation="cnv_flood", sender="dee", everybody=True))
        for seq in range(1, messages + 1)
    ]
    await handlers.messages([group, *posted])


async def mention(handlers: Handlers, facts: Any, *, seqs: range = range(1, 2), **to: Any) -> None:
    to = {"mentions": ("bo",)} | to
    await handlers.messages([facts.posted(facts.message(seq=seq, **to)) for seq in seqs])


@pytest.mark.rule("GW-6")
async def test_gw_06_a_mail_waits_for_a_bounded_number_of_those_of_a_flood(
    handlers: Handlers, facts: Any, sink: Any, sender: Callable[..., Any]
) -> None:
    await flood(handlers, facts)
    await mention(handlers, facts)

    sending = sender(sink.port, batch=4)
    assert await sending.send_due() == Sent(taken=3, unreachable=False, more=True)

    assert "bo@example.com" in sink.recipients


@pytest.mark.rule("GW-6")
async def test_gw_06_turns_go_round_when_more_people_send_than_a_batch_has_mails(
    handlers: Handlers, facts: Any, sink: Any, sender: Callable[..., Any], ledger: Ledger
) -> None:
    senders = tuple(f"s{number}" for number in range(5))
    await handlers.people([facts.person(name) for name in senders])
    for name in senders:
        rooms = [f"cnv_{name}_{number}" for number in range(3)]
        await handlers.messages([facts.conversation(name, "bo", id_=room) for room in rooms])
        for room in rooms:
            await mention(handlers, facts, conversation=room, sender=name)

    sending = sender(sink.port, batch=2)
    for _ in range(3):
        assert (await sending.send_due()).taken == 2
    sent = [each for each in await ledger() if each.email.state is State.DELIVERED]
    assert {each.source.actor_id for each in sent} == {f"per_{name}" for name in senders}

    while (await sending.send_due()).taken:
        pass
    assert len(sink.mails) == 15


@pytest.mark.rule("NTF-4")
async def test_ntf_04_mentions_that_wait_in_one_conversation_leave_in_one_mail(
    handlers: Handlers, facts: Any, sink: Any, sender: Callable[..., Any], ledger: Ledger
) -> None:
    for seq, who in ((1, "ann"), (2, "cy"), (3, "ann")):
        await mention(handlers, facts, seqs=range(seq, seq + 1), text=f"say {seq}", sender=who)

    assert await sender(sink.port).send_due() == Sent(taken=1, unreachable=False)

    (mail,) = sink.mails
    first, *others = await ledger("bo")
    assert mail["Subject"] == "Ann 在「采购」中提到了你 · 另有 2 条"
    assert mail["Message-ID"] == f"<{first.email.id}@example.com>"
    for part in ("plain", "html"):
        words = mail.get_body((part,)).get_content()
        assert all(f"say {seq}" in words for seq in (1, 2, 3))
    for told in (first, *others):
        assert (told.email.state, told.email.attempts) == (State.DELIVERED, 1)
        assert told.email.reason is Reason.ACCEPTED_BY_SERVER


async def test_ntf_04_what_was_read_recalled_or_lost_is_not_in_the_mail(
    handlers: Handlers,
    facts: Any,
    owners: Any,
    sink: Any,
    sender: Callable[..., Any],
    ledger: Ledger,
) -> None:
    await mention(handlers, facts, seqs=range(1, 2), text="was read")
    await handlers.cursors([facts.cursor("bo", 1)])
    recalled = facts.message("was recalled", seq=2, mentions=("bo",))
    await handlers.messages([facts.posted(recalled), facts.recalled(recalled)])
    await mention(handlers, facts, seqs=range(3, 4), text="was lost")
    owners.hidden.add("msg_cnv_group_3")
    await mention(handlers, facts, seqs=range(4, 5), text="is left")

    await sender(sink.port).send_due()

    (mail,) = sink.mails
    words = mail.get_body(("plain",)).get_content()
    assert "is left" in words
    assert "was" not in words
    assert [each.email.reason for each in await ledger("bo")] == [
        Reason.ALREADY_READ,
        Reason.RECALLED,
        Reason.ACCESS_LOST,
        Reason.ACCEPTED_BY_SERVER,
    ]


async def test_ntf_09_a_mail_without_content_has_none_of_any_of_its_notifications(
    handlers: Handlers, facts: Any, sink: Any, sender: Callable[..., Any]
) -> None:
    await mention(handlers, facts, seqs=range(1, 4))
    await sender(sink.port, content=False).send_due()

    (mail,) = sink.mails
    assert mail["Subject"] == "你有一条新消息"
    assert "合同" not in mail.get_body(("plain",)).get_content()


async def test_a_mail_has_a_bounded_number_of_notifications_and_lists_fewer(
    handlers: Handlers, facts: Any, sink: Any, sender: Callable[..., Any]
) -> None:
    await mention(handlers, facts, seqs=range(1, MAX_JOINED + 3), text="again")
    sending = sender(sink.port)
    for _ in range(2):
        assert (await sending.send_due()).taken == 1

    large, small = sink.mails
    assert f"另有 {MAX_JOINED - 1} 条" in large["Subject"]
    words = large.get_body(("plain",)).get_content()
    assert words.count("again") == MAX_LISTED
    assert f"另有 {MAX_JOINED - MAX_LISTED} 条。" in words
    assert "另有 1 条" in small["Subject"]


@pytest.mark.rule("NTF-4")
async def test_ntf_04_a_mention_joins_the_mail_that_waits_for_a_server(
    handlers: Handlers, facts: Any, smtp: Any, sender: Callable[..., Any], ledger: Ledger
) -> None:
    async with smtp() as gone:
        port = gone.port
    await mention(handlers, facts)
    assert (await sender(port).send_due()).unreachable
    await mention(handlers, facts, seqs=range(2, 3))

    async with smtp(port) as back:
        await sender(port).send_due()
        assert len(back.mails) == 1
    assert {each.email.state for each in await ledger("bo")} == {State.DELIVERED}


@pytest.mark.rule("NTF-2")
async def test_ntf_02_nothing_joins_a_mail_that_the_server_may_have(
    handlers: Handlers,
    facts: Any,
    sink: Any,
    sender: Callable[..., Any],
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await mention(handlers, facts, seqs=range(1, 3))
    dying = sender(sink.port)

    async def killed(*_: object, **__: object) -> None:
        raise OSError("killed before the outcome was stored")

    monkeypatch.setattr(dying, "_store_outcomes", killed)
    with pytest.raises(ExceptionGroup):
        await dying.send_due()
    await mention(handlers, facts, seqs=range(3, 4))
    clock.advance(timedelta(minutes=3))
    # The repeat is refused for now: what the server did before is as unknown as it was.
    sink.replies.append("451 later")
    await sender(sink.port).send_due()
    clock.advance(timedelta(minutes=5))
    sending = sender(sink.port)
    while (await sending.send_due()).taken:
        pass

    first, *others = sink.mails
    (repeat,) = (each for each in others if each["Message-ID"] == first["Message-ID"])
    assert repeat.get_body(("plain",)).get_content() == first.get_body(("plain",)).get_content()
    assert (repeat["Subject"], repeat["Date"]) == (first["Subject"], first["Date"])
    assert len(others) == 2


async def test_a_person_has_one_mail_of_a_conversation_in_hand(
    handlers: Handlers, facts: Any, store: Store, clock: FrozenClock
) -> None:
    await mention(handlers, facts)
    now, until = clock.now(), clock.now() + timedelta(minutes=3)
    (held,) = (await store.mails.claim_due(lease="lse_1", until=until, now=now, limit=9)).mails
    await mention(handlers, facts, seqs=range(2, 3))

    meanwhile = await store.mails.claim_due(lease="lse_2", until=until, now=now, limit=9)
    assert meanwhile.mails == ()
    await store.mails.release(held, lease="lse_1", now=now)
    (later,) = (await store.mails.claim_due(lease="lse_2", until=until, now=now, limit=9)).mails
    assert [each.source.seq for each in later.notifications] == [1, 2]
    assert not later.ambiguous


async def test_mails_of_an_earlier_release_have_a_turn(
    handlers: Handlers, facts: Any, store: Store, db: Any, sink: Any, sender: Callable[..., Any]
) -> None:
    await mention(handlers, facts)
    await db.collection("notifications", schema_version=1).update_many(
        {}, {"$unset": {"mail_turn": 1}}
    )
    await store.provision()

    assert (await sender(sink.port).send_due()).taken == 1
