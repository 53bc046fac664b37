import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from notify.consumers import Handlers
from notify.domain.kinds import Channel
from notify.domain.outcomes import Reason, State
from notify.domain.quiet_hours import QuietHours, clock_time
from notify.kinds import direct_message, mention
from notify.operations import audiences
from notify.operations.preferences import set_preferences
from notify.store import Store
from plexus.messaging.v1.messages_pb2 import NOTIFY_NONE, PRIORITY_URGENT
from plexus.notify.v1 import events_pb2
from plexuskit.mongo import Database

pytestmark = pytest.mark.usefixtures("known")

Ledger = Callable[..., Any]


async def test_ntf_01_a_mention_is_shown_and_mailed(
    handlers: Handlers, facts: Any, ledger: Ledger, outbox: Callable[..., Any]
) -> None:
    await handlers.messages([facts.posted(facts.message(mentions=("bo",)))])

    (told,) = await ledger()
    assert (told.person_id, told.kind, told.read) == ("per_bo", mention.KIND, False)
    assert told.title == "Ann 在「采购」中提到了你"
    assert told.body == "合同已经签好了"
    assert (told.in_app.state, told.in_app.reason) == (State.DELIVERED, Reason.STORED)
    assert (told.email.state, told.email.reason) == (State.PENDING, Reason.QUEUED)
    (event,) = await outbox()
    raised = events_pb2.NotificationRaised.FromString(event.fact).notification
    assert (event.scope, event.change_no, event.entity_version) == (told.id, 1, 1)
    assert (raised.id, raised.title, len(raised.deliveries)) == (told.id, told.title, 2)


async def test_ntf_11_a_message_sent_silently_disturbs_nobody_and_says_why(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    quiet = facts.message(mentions=("bo",), notify=NOTIFY_NONE)

    await handlers.messages([facts.posted(quiet)])

    (told,) = await ledger()
    assert (told.in_app.state, told.email.state) == (State.DROPPED, State.DROPPED)
    assert (told.in_app.reason, told.email.reason) == (Reason.SENT_SILENTLY, Reason.SENT_SILENTLY)


async def test_ntf_11_an_urgent_message_is_never_silent(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    urgent = facts.message(mentions=("bo",), notify=NOTIFY_NONE, priority=PRIORITY_URGENT)

    await handlers.messages([facts.posted(urgent)])

    (told,) = await ledger()
    assert told.in_app.state is State.DELIVERED


async def test_ntf_02_an_event_has_its_effect_once_however_often_it_comes(
    handlers: Handlers, facts: Any, ledger: Ledger, outbox: Callable[..., Any]
) -> None:
    record = facts.posted(facts.message(mentions=("bo", "cy")))

    await handlers.messages([record, record])
    await asyncio.gather(*(handlers.messages([record]) for _ in range(5)))

    assert [each.person_id for each in await ledger()] == ["per_bo", "per_cy"]
    assert len(await outbox()) == 2


async def test_ntf_02_two_consumers_of_the_same_records_tell_everybody_once(
    store: Store, handlers: Handlers, facts: Any, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiences, "PART", 7)
    names = [f"m{number:03}" for number in range(40)]
    await handlers.messages([facts.joined(*(facts.member(name, version=2) for name in names))])
    records = [
        facts.posted(facts.message(f"{number}", seq=number, everybody=True)) for number in (1, 2)
    ]

    await asyncio.gather(*(handlers.messages(records) for _ in range(3)))

    told = await ledger()
    assert len(told) == len({each.dedupe_key for each in told}) == 2 * 42
    for record in records:
        assert await store.claims.counts(record.envelope.event_id) == (42, 0)


async def test_ntf_01_the_outcomes_of_a_large_audience_add_up(
    store: Store, handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    names = [f"m{number:04}" for number in range(1000)]
    await handlers.messages([facts.joined(*(facts.member(name, version=2) for name in names))])
    record = facts.posted(facts.message(everybody=True))

    await handlers.messages([record])

    told = await ledger()
    assert len(told) == 1002, "everybody but the sender"
    assert await store.claims.counts(record.envelope.event_id) == (1002, 0)
    assert all(each.email.reason for each in told)
    assert "per_ann" not in {each.person_id for each in told}


async def test_ntf_02_what_was_cut_off_goes_on_where_it_ended(
    handlers: Handlers,
    store: Store,
    facts: Any,
    ledger: Ledger,
    outbox: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audiences, "PART", 10)
    names = [f"m{number:03}" for number in range(35)]
    await handlers.messages([facts.joined(*(facts.member(name, version=2) for name in names))])
    record = facts.posted(facts.message(everybody=True))
    transact, calls = store.transact, []

    async def dies_at_the_third(work: Any) -> Any:
        calls.append(work)
        if len(calls) == 3:
            raise OSError("the process was killed here")
        return await transact(work)

    monkeypatch.setattr(store, "transact", dies_at_the_third)
    with pytest.raises(OSError, match="killed"):
        await handlers.messages([record])
    assert len(await ledger()) == 20

    await handlers.messages([record])

    assert len(await ledger()) == len(await outbox()) == 37


async def test_msg_13_who_is_no_member_hears_nothing_and_who_names_themselves_neither(
    handlers: Handlers, facts: Any, ledger: Ledger, outbox: Callable[..., Any]
) -> None:
    await handlers.people([facts.person("dee")])
    await handlers.messages([facts.posted(facts.message(mentions=("dee", "ann")))])

    (own,) = await ledger()
    assert own.person_id == "per_ann"
    assert own.in_app.reason is own.email.reason is Reason.SENDER
    assert not own.in_inbox
    assert await outbox() == []


async def test_msg_14_all_means_the_members_at_the_message(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.messages(
        [
            facts.left(facts.member("cy", version=2, last=1)),
            facts.joined(facts.member("dee", version=3, first=3)),
            facts.posted(facts.message(seq=2, everybody=True)),
        ]
    )
    assert [each.person_id for each in await ledger()] == ["per_bo"]


async def test_msg_04_an_older_membership_does_not_come_back(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    joined = facts.joined(facts.member("dee", version=2, first=1))
    await handlers.messages([joined, facts.left(facts.member("dee", version=3, last=4)), joined])
    await handlers.messages([facts.posted(facts.message(seq=5, mentions=("dee",)))])
    assert await ledger() == []


async def test_msg_19_imports_notify_nobody_but_their_members_count(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    imported = facts.message(conversation="cnv_old", mentions=("bo",), origin="import")
    await handlers.messages(
        [
            facts.conversation("ann", "bo", id_="cnv_old", origin="import"),
            facts.posted(imported, origin="import"),
            facts.posted(facts.message(conversation="cnv_old", seq=2, mentions=("bo",))),
        ]
    )
    assert [each.source.seq for each in await ledger()] == [2]


async def test_msg_11_an_edit_tells_only_the_newly_mentioned_and_rewords_the_rest(
    handlers: Handlers, facts: Any, ledger: Ledger, outbox: Callable[..., Any]
) -> None:
    message = facts.message("初稿", mentions=("bo",))
    edited = facts.message("定稿", mentions=("bo", "cy"))
    await handlers.messages([facts.posted(message), facts.edited(edited, "cy")])
    await handlers.messages([facts.edited(edited, "cy", "bo")])

    bo, cy = await ledger()
    assert (bo.person_id, bo.body, bo.version) == ("per_bo", "定稿", 2)
    assert (cy.person_id, cy.body, cy.version) == ("per_cy", "定稿", 1)
    assert [event.change_no for event in await outbox(bo.id)] == [1, 2]


async def test_a_direct_message_is_shown_and_not_mailed_by_default(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.messages(
        [
            facts.posted(facts.message("你好", conversation="cnv_direct")),
            facts.posted(facts.message("在吗", seq=2, conversation="cnv_direct", mentions=("bo",))),
        ]
    )
    plain, named = await ledger()
    assert (plain.kind, plain.person_id) == (direct_message.KIND, "per_bo")
    assert plain.title == "Ann 给你发来消息"
    assert plain.email.reason is Reason.PREFERENCE_OFF
    assert named.kind is mention.KIND


async def test_ntf_01_every_drop_has_its_reason(
    handlers: Handlers, facts: Any, ledger: Ledger, store: Store
) -> None:
    await handlers.people(
        [
            facts.person("bo", email="", version=2),
            facts.person("cy", deactivated=True, version=2),
            facts.person("dee"),
            facts.person("robot", kind=2),
        ]
    )
    joining = [facts.member(name, version=2) for name in ("dee", "robot", "new")]
    await handlers.messages([facts.joined(*joining)])
    await set_preferences(
        store,
        tenant_id="ten_a",
        person_id="per_dee",
        channels={mention.KIND: frozenset({Channel.EMAIL})},
        hours=QuietHours(),
        expected_version=0,
    )
    record = facts.posted(facts.message(everybody=True))
    await handlers.messages([record])

    told = {each.person_id.removeprefix("per_"): each for each in await ledger()}
    assert {name: (each.in_app.reason, each.email.reason) for name, each in told.items()} == {
        "bo": (Reason.STORED, Reason.NO_ADDRESS),
        "cy": (Reason.PERSON_DEACTIVATED, Reason.PERSON_DEACTIVATED),
        "dee": (Reason.PREFERENCE_OFF, Reason.QUEUED),
        "new": (Reason.STORED, Reason.QUEUED),
    }
    assert await store.claims.counts(record.envelope.event_id) == (4, 0)


async def test_ntf_03_in_quiet_hours_the_badge_comes_and_the_mail_waits(
    handlers: Handlers, facts: Any, ledger: Ledger, store: Store, now: datetime
) -> None:
    await set_preferences(
        store,
        tenant_id="ten_a",
        person_id="per_bo",
        channels={},
        hours=QuietHours(
            enabled=True,
            start=clock_time("11:30", field="start"),
            end=clock_time("13:00", field="end"),
        ),
        expected_version=0,
    )
    await handlers.messages([facts.posted(facts.message(mentions=("bo", "cy")))])

    bo, cy = await ledger()
    assert bo.in_app.state is State.DELIVERED
    assert (bo.email.state, bo.email.reason) == (State.DEFERRED, Reason.QUIET_HOURS)
    release = bo.email.next_attempt_at
    assert now + timedelta(hours=1) <= release < now + timedelta(hours=1, minutes=2)
    assert cy.email.state is State.PENDING


async def test_ntf_07_a_message_that_was_read_before_is_told_of_as_read(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.cursors([facts.cursor("bo", 5)])
    await handlers.messages([facts.posted(facts.message(seq=5, mentions=("bo", "cy")))])

    bo, cy = await ledger()
    assert (bo.read, bo.email.reason) == (True, Reason.ALREADY_READ)
    assert (cy.read, cy.email.reason) == (False, Reason.QUEUED)


async def test_msg_12_a_recall_takes_content_badge_place_and_mail(
    handlers: Handlers, facts: Any, ledger: Ledger, outbox: Callable[..., Any]
) -> None:
    message = facts.message("机密", mentions=("bo",))
    await handlers.messages([facts.posted(message), facts.recalled(message)])
    await handlers.messages([facts.recalled(message)])

    (told,) = await ledger()
    assert (told.body, told.read, told.in_inbox, told.version) == ("", True, False, 2)
    assert (told.email.state, told.email.reason) == (State.DROPPED, Reason.RECALLED)
    assert [event.change_no for event in await outbox(told.id)] == [1, 2]


async def test_msg_04_the_last_fact_is_what_is_stored(
    handlers: Handlers, facts: Any, ledger: Ledger, outbox: Callable[..., Any]
) -> None:
    from notify.events import notification_message  # noqa: PLC0415 - for comparison with facts

    message = facts.message(mentions=("bo",))
    await handlers.messages([facts.posted(message)])
    await handlers.cursors([facts.cursor("bo", 1)])

    (told,) = await ledger()
    last = (await outbox(told.id))[-1]
    fact = events_pb2.NotificationChanged.FromString(last.fact)
    assert fact.notification == notification_message(told)
    assert replace(told, version=2) == told


async def test_schema_versions_are_on_every_document(
    handlers: Handlers, facts: Any, db: Database
) -> None:
    await handlers.messages([facts.posted(facts.message(mentions=("bo",)))])
    await handlers.cursors([facts.cursor("bo", 1)])
    for name in await db.collection_names():
        collection = db.collection(name, schema_version=1)
        assert await collection.count({}) == await collection.count({"schema_version": 1}), name
