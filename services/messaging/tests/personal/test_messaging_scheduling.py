"""Scheduled messages on a real mongod: MSG-3, MSG-4, MSG-17, MSG-18, GW-2."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from messaging.app import conversation_log
from messaging.config import LogSection, ScheduleSection
from messaging.conversations.operations.members import add_members, remove_members
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import Role
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.messages import list_messages
from messaging.personal.api import read_scheduled
from messaging.personal.domain.refusals import (
    ScheduledMessageClaimed,
    ScheduledMessageEnded,
    ScheduledMessageNotFound,
    ScheduleInThePast,
    TooManyScheduled,
)
from messaging.personal.domain.scheduled import (
    GRACE,
    SCHEDULED_LIMIT,
    Authority,
    State,
    claimed,
    fires_at,
)
from messaging.personal.operations.scheduled import (
    cancel_scheduled_message,
    schedule_message,
    update_scheduled_message,
)
from messaging.personal.operations.schedulers import Scheduler
from messaging.personal.queries.scheduled import list_scheduled_messages
from messaging.personal.store.scheduled import place_of
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.events_pb2 import ScheduledMessageChanged
from plexus.messaging.v1.personal_service_pb2 import ScheduledContent, ScheduledMessage
from plexus_testkit.clock import FrozenClock
from plexus_testkit.companies import Company
from plexuskit.errors import DependencyDown

# Ahead of the server's clock: expiring documents are not deleted while a test looks at them.
TENANT = "ten_acme"
SIGNED_IN = Authority()
NOW = datetime(2036, 3, 3, 4, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SECTION = ScheduleSection(poll_seconds=0.05, lease_seconds=30, retry_seconds=5)


@dataclass
class Directory:
    """Directory's contract at the outer seam: hides all from deactivated people, or is down."""

    deactivated: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    down: bool = False

    async def unknown(
        self, *, tenant_id: str, asker_id: str, person_ids: Sequence[str]
    ) -> list[str]:
        assert tenant_id
        if self.down:
            raise DependencyDown(dependency="directory")
        return list(person_ids) if asker_id in self.deactivated else []

    async def ended(self, token_id: str) -> bool:
        if self.down:
            raise DependencyDown(dependency="directory")
        return token_id in self.revoked


@pytest.fixture
def directory():
    return Directory()


@pytest.fixture
def clock():
    return FrozenClock(NOW)


@pytest.fixture
async def frozen_log(store, runtime, clock):
    log = conversation_log(store, section=LogSection(), clock=clock)
    async with log.running(runtime):
        yield log


@pytest.fixture
def company(clock):
    found = Company(clock)
    for name in ("ann", "bob", "carl", "eve"):
        found.person(TENANT, name)
    return found


@pytest.fixture
def scheduler(frozen_log, directory, clock, company):
    return Scheduler(
        frozen_log,
        directory,
        tokens=directory,
        decisions=company.decisions,
        read=read_scheduled,
        section=SECTION,
        clock=clock,
    )


@pytest.fixture
def schedule(store, say, person, clock):
    """Schedule a message: `await schedule("ann", room, "hello", ahead=HOUR)`."""

    async def scheduled(name, room, text, *, ahead=HOUR, authority=SIGNED_IN, **words):
        content = ScheduledContent(conversation_id=room, text=text, **words)
        work = schedule_message(
            store,
            actor=person(name),
            new_message=say(room, name, text),
            words=content.SerializeToString(),
            send_at=clock.now() + ahead,
            authority=authority,
            shortest=MINUTE,
            now=clock.now(),
        )
        return await store.transact(work)

    return scheduled


@pytest.fixture
def update(store, person, clock):
    async def updated(
        name, scheduled, *, text=None, ahead=None, authority=SIGNED_IN, expected_version=0
    ):
        words = None
        if text is not None:
            content = ScheduledContent(conversation_id=scheduled.conversation_id, text=text)
            words = content.SerializeToString()
        return await update_scheduled_message(
            store,
            actor=person(name),
            scheduled_id=scheduled.id,
            conversation_id=scheduled.conversation_id,
            words=words,
            send_at=None if ahead is None else clock.now() + ahead,
            authority=authority,
            expected_version=expected_version,
            shortest=MINUTE,
            now=clock.now(),
        )

    return updated


@pytest.fixture
def said(store, person):
    """Return the messages of a conversation: (seq, text, request id)."""

    async def read(room, who="ann"):
        messages, _, _ = await list_messages(
            store,
            actor=person(who),
            conversation_id=room,
            before_seq=0,
            after_seq=0,
            root_seq=0,
            limit=500,
        )
        return [(each.seq, each.text, each.request_id) for each in messages]

    return read


@pytest.fixture
def told(db):
    """Return the states in a scheduled message's facts, in order, with dense versions."""

    async def read(scheduled):
        found = await db.collection("outbox", schema_version=1).find_all(
            {"scope": scheduled.id}, sort=[("number", 1)]
        )
        events = [Envelope.FromString(document["event"]) for document in found]
        assert [event.change_no for event in events] == list(range(1, len(events) + 1))
        assert {document["key"] for document in found} == {scheduled.person_id}
        facts = [ScheduledMessageChanged.FromString(event.fact).scheduled for event in events]
        return [ScheduledMessage.State.Name(fact.state).removeprefix("STATE_") for fact in facts]

    return read


async def test_msg_17_it_is_sent_at_its_time_and_not_before(
    store, group, schedule, scheduler, clock, said, told
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "早上好")

    clock.advance(HOUR - timedelta(milliseconds=1))
    assert await scheduler.fire_due() == 0
    clock.advance(timedelta(milliseconds=1))
    assert await scheduler.fire_due() == 1
    assert await scheduler.fire_due() == 0

    assert await said(room) == [(1, "早上好", later.id)]
    kept = await store.scheduled.find(later.id)
    assert (kept.state, kept.seq, kept.ended_at) == (State.SENT, 1, clock.now())
    assert await told(later) == ["WAITING", "CLAIMED", "SENT"]


async def test_msg_17_a_crowded_time_is_kept_until_its_jitter_is_over(
    group, schedule, scheduler, clock, said
):
    room = await group("ann", "bob")
    half_past = NOW.replace(minute=30)
    later = await schedule("ann", room, "half past", ahead=half_past - NOW)
    fires = fires_at(later.id, send_at=half_past)
    assert fires > half_past

    clock.advance(fires - NOW - timedelta(milliseconds=1))
    assert await scheduler.fire_due() == 0
    clock.advance(timedelta(milliseconds=1))
    await scheduler.fire_due()
    assert len(await said(room)) == 1


async def test_msg_17_ten_schedulers_send_each_once(
    store, runtime, group, schedule, directory, clock, said, told, company
):
    room = await group("ann", "bob")
    later = [await schedule("ann", room, f"m{n}") for n in range(20)]
    clock.advance(HOUR)
    logs = [conversation_log(store, section=LogSection(), clock=clock) for _ in range(3)]
    schedulers = [
        Scheduler(
            logs[n % 3],
            directory,
            tokens=directory,
            decisions=company.decisions,
            read=read_scheduled,
            section=SECTION,
            clock=clock,
        )
        for n in range(10)
    ]
    async with logs[0].running(runtime), logs[1].running(runtime), logs[2].running(runtime):
        await asyncio.gather(*(each.fire_due() for each in schedulers))

    stored = await said(room)
    assert sorted(text for _, text, _ in stored) == sorted(f"m{n}" for n in range(20))
    assert {request for _, _, request in stored} == {each.id for each in later}
    for each in later:
        assert await told(each) == ["WAITING", "CLAIMED", "SENT"]


async def test_msg_17_membership_is_checked_at_fire_time_and_a_failure_is_kept(
    store, frozen_log, group, schedule, update, scheduler, clock, person, said, told
):
    room = await group("ann", "bob")
    later = await schedule("bob", room, "hello")
    change = {"conversation_id": room, "person_ids": ["bob"], "now": clock.now()}
    await remove_members(frozen_log, actor=person("ann"), **change)

    clock.advance(HOUR)
    await scheduler.fire_due()
    kept = await store.scheduled.find(later.id)
    assert (kept.state, kept.failure_reason) == (State.FAILED, "CONVERSATION_NOT_FOUND")
    assert ScheduledContent.FromString(kept.words).text == "hello"
    assert await said(room) == []
    clock.advance(HOUR)
    assert await scheduler.fire_due() == 0, "it is not tried again by itself"

    change = {"conversation_id": room, "person_ids": ["bob"], "now": clock.now()}
    await add_members(frozen_log, Directory(), actor=person("ann"), role=Role.MEMBER, **change)
    await update("bob", kept, text="hello again", ahead=HOUR)
    clock.advance(HOUR)
    await scheduler.fire_due()
    assert [text for _, text, _ in await said(room)] == ["hello again"]
    assert await told(later) == ["WAITING", "CLAIMED", "FAILED", "WAITING", "CLAIMED", "SENT"]


async def test_msg_17_the_deactivated_send_nothing(
    store, group, schedule, scheduler, directory, clock, said, told
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "goodbye")
    directory.deactivated.add("ann")
    clock.advance(HOUR)
    await scheduler.fire_due()

    kept = await store.scheduled.find(later.id)
    assert (kept.state, kept.failure_reason) == (State.FAILED, "PERSON_DEACTIVATED")
    assert await said(room, "bob") == []
    assert await told(later) == ["WAITING", "FAILED"]


async def test_msg_17_while_directory_is_away_it_waits_and_can_be_edited(
    store, group, schedule, update, scheduler, directory, clock, said
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "first words")
    directory.down = True
    clock.advance(HOUR)
    await scheduler.fire_due()
    assert (await store.scheduled.find(later.id)).state is State.WAITING
    assert await scheduler.fire_due() == 0, "not asked for again at once"

    await update("ann", later, text="better words")
    directory.down = False
    clock.advance(timedelta(seconds=SECTION.retry_seconds))
    await scheduler.fire_due()
    assert [text for _, text, _ in await said(room)] == ["better words"]


async def test_msg_17_a_day_late_the_author_is_asked_and_may_send_it_yet(
    store, group, schedule, update, scheduler, clock, said, told, person
):
    room = await group("ann", "bob")
    late = await schedule("ann", room, "开会啦")
    in_time = await schedule("ann", room, "still fine", ahead=HOUR + MINUTE)
    clock.advance(HOUR + GRACE + timedelta(seconds=1))
    await scheduler.fire_due()

    assert [text for _, text, _ in await said(room)] == ["still fine"]
    assert await told(late) == ["WAITING", "OVERDUE"]
    assert await told(in_time) == ["WAITING", "CLAIMED", "SENT"]
    (first, *_), _ = await list_scheduled_messages(
        store, actor=person("ann"), after=None, include_ended=False, limit=10
    )
    assert first.id == late.id
    await update("ann", late, ahead=2 * MINUTE)
    clock.advance(2 * MINUTE)
    await scheduler.fire_due()
    assert [text for _, text, _ in await said(room)] == ["still fine", "开会啦"]


async def test_msg_03_one_whose_scheduler_died_after_the_send_is_found_stored(
    store, frozen_log, group, schedule, scheduler, directory, clock, said
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "once")
    clock.advance(HOUR)
    taken = claimed(later, lease="lse_dead", until=clock.now() + MINUTE)
    await store.transact(lambda tx: store.scheduled.swap(later, taken, tx=tx))
    await send_message(frozen_log, new_message=read_scheduled(taken))
    directory.deactivated.add("ann")
    assert await scheduler.fire_due() == 0, "its lease has not ended"

    clock.advance(GRACE + HOUR)
    await scheduler.fire_due()
    kept = await store.scheduled.find(later.id)
    assert (kept.state, kept.seq) == (State.SENT, 1)
    assert await said(room) == [(1, "once", later.id)]


async def test_msg_17_what_is_being_sent_cannot_be_changed(
    store, group, schedule, update, clock, person, scheduler
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "mine")
    taken = claimed(later, lease="lse_1", until=clock.now() + HOUR)
    await store.transact(lambda tx: store.scheduled.swap(later, taken, tx=tx))
    ann = {"actor": person("ann"), "scheduled_id": later.id, "now": clock.now()}
    with pytest.raises(ScheduledMessageClaimed):
        await update("ann", later, text="other")
    with pytest.raises(ScheduledMessageClaimed):
        await cancel_scheduled_message(store, **ann)

    clock.advance(HOUR)
    await scheduler.fire_due()
    with pytest.raises(ScheduledMessageEnded):
        await cancel_scheduled_message(store, **ann)


async def test_msg_17_a_cancelled_one_is_not_sent(
    store, group, schedule, scheduler, clock, person, said, told
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "never mind")
    for _ in range(2):
        gone = await cancel_scheduled_message(
            store, actor=person("ann"), scheduled_id=later.id, now=clock.now()
        )
    assert gone.state is State.CANCELLED
    clock.advance(2 * HOUR)
    assert await scheduler.fire_due() == 0
    assert await said(room) == []
    assert await told(later) == ["WAITING", "CANCELLED"]


async def test_msg_17_editing_and_claiming_at_once_gives_one_of_them(
    store, group, schedule, update, scheduler, clock, said
):
    room = await group("ann", "bob")
    later = [await schedule("ann", room, f"old {n}") for n in range(20)]
    clock.advance(HOUR)

    async def edit(n):
        try:
            await update("ann", later[n], text=f"new {n}")
        except (ScheduledMessageClaimed, ScheduledMessageEnded):
            return f"old {n}"
        return f"new {n}"

    expected, _ = await asyncio.gather(
        asyncio.gather(*(edit(n) for n in range(20))), scheduler.fire_due()
    )
    clock.advance(MINUTE)
    await scheduler.fire_due()
    assert sorted(text for _, text, _ in await said(room)) == sorted(expected)
    assert len(await store.scheduled.due(now=clock.now() + HOUR, limit=100)) == 0


async def test_gw_02_a_scheduled_message_is_its_authors_alone(
    store, group, schedule, update, person, clock
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "mine")
    with pytest.raises(ScheduledMessageNotFound):
        await update("bob", later, text="his")
    with pytest.raises(ScheduledMessageNotFound):
        await cancel_scheduled_message(
            store, actor=person("bob"), scheduled_id=later.id, now=clock.now()
        )
    with pytest.raises(ConversationNotFound):
        await schedule("eve", room, "I am not in it")
    found, _ = await list_scheduled_messages(
        store, actor=person("bob"), after=None, include_ended=True, limit=10
    )
    assert found == []


async def test_msg_18_limits_of_scheduling_are_refused_by_name(db, group, schedule):
    room = await group("ann", "bob")
    with pytest.raises(ScheduleInThePast):
        await schedule("ann", room, "too near", ahead=MINUTE - timedelta(seconds=1))
    first = await schedule("ann", room, "first")
    scheduled = db.collection("scheduled_messages", schema_version=1)
    document = await scheduled.find_one({"_id": first.id})
    more = [document | {"_id": f"sch_{n}"} for n in range(SCHEDULED_LIMIT - 1)]
    await scheduled.insert_many(more)
    with pytest.raises(TooManyScheduled):
        await schedule("ann", room, "one too many")


async def test_they_are_listed_by_what_needs_the_author_next(
    store, group, schedule, person, scheduler, clock
):
    room = await group("ann", "bob")
    late = await schedule("ann", room, "late", ahead=MINUTE)
    clock.advance(GRACE + HOUR)
    await scheduler.fire_due()
    sent = await schedule("ann", room, "sent", ahead=MINUTE)
    clock.advance(2 * MINUTE)
    await scheduler.fire_due()
    second = await schedule("ann", room, "second", ahead=2 * HOUR)
    first = await schedule("ann", room, "first", ahead=HOUR)

    seen, after = [], None
    while True:
        page, more = await list_scheduled_messages(
            store, actor=person("ann"), after=after, include_ended=True, limit=1
        )
        seen += [each.id for each in page]
        if not more:
            break
        after = place_of(page[-1])
    assert seen == [late.id, first.id, second.id, sent.id]
    waiting, _ = await list_scheduled_messages(
        store, actor=person("ann"), after=None, include_ended=False, limit=10
    )
    assert [each.id for each in waiting] == [late.id, first.id, second.id]


FORBID_WITHOUT_FACTOR = (
    'forbid(principal, action == Plexus::Action::"messages.send", resource)'
    " when { !context.second_factor };"
)
FORBID_APPS = (
    'forbid(principal, action == Plexus::Action::"messages.send", resource) when { context.app };'
)


@pytest.mark.rule("GW-10")
@pytest.mark.parametrize(
    ("policy", "authority", "state", "reason"),
    [
        (FORBID_WITHOUT_FACTOR, Authority(), State.FAILED, "POLICY_FORBIDS"),
        (FORBID_WITHOUT_FACTOR, Authority(second_factor=True), State.SENT, ""),
        (FORBID_APPS, Authority(api_token_id="tok_1"), State.FAILED, "POLICY_FORBIDS"),
        (FORBID_APPS, Authority(), State.SENT, ""),
    ],
)
async def test_gw_10_a_policy_is_asked_when_it_is_sent_with_the_rights_it_was_written_with(
    schedule, scheduler, store, group, clock, company, policy, authority, state, reason
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "later", authority=authority)
    company.policy(TENANT, "rule", policy)

    clock.advance(HOUR)
    await scheduler.fire_due()

    found = await store.scheduled.find(later.id)
    assert (found.state, found.failure_reason) == (state, reason)


@pytest.mark.rule("GW-9")
@pytest.mark.parametrize(
    ("revoked", "scopes", "state", "reason"),
    [
        ({"tok_1"}, frozenset(), State.FAILED, "TOKEN_REVOKED"),
        (set(), frozenset({"messages.send"}), State.SENT, ""),
        (set(), frozenset({"messages.read"}), State.FAILED, "PERMISSION_MISSING"),
    ],
)
async def test_gw_09_a_message_of_an_app_is_sent_as_long_as_its_token_lives_and_reaches_that_far(
    schedule, scheduler, store, group, clock, directory, revoked, scopes, state, reason
):
    room = await group("ann", "bob")
    authority = Authority(api_token_id="tok_1", scopes=scopes)
    later = await schedule("ann", room, "later", authority=authority)
    directory.revoked |= revoked

    clock.advance(HOUR)
    await scheduler.fire_due()

    found = await store.scheduled.find(later.id)
    assert (found.state, found.failure_reason) == (state, reason)


@pytest.mark.rule("GW-10")
async def test_gw_10_who_changes_the_words_sends_them_with_their_own_rights(
    schedule, update, scheduler, store, group, clock, company
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "later", authority=Authority(second_factor=True))
    await update("ann", later, text="other words", authority=Authority(api_token_id="tok_1"))
    company.policy(TENANT, "rule", FORBID_WITHOUT_FACTOR)

    clock.advance(HOUR)
    await scheduler.fire_due()

    found = await store.scheduled.find(later.id)
    assert (found.state, found.failure_reason) == (State.FAILED, "POLICY_FORBIDS")


@pytest.mark.rule("GW-10")
async def test_gw_10_a_message_waits_while_roles_and_policies_are_not_current(
    schedule, scheduler, store, group, clock, company
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "later")
    company.current = False

    clock.advance(HOUR)
    await scheduler.fire_due()
    assert (await store.scheduled.find(later.id)).state is State.WAITING

    company.current = True
    clock.advance(MINUTE)
    await scheduler.fire_due()
    assert (await store.scheduled.find(later.id)).state is State.SENT


async def test_gw_10_a_message_that_was_stored_without_rights_has_no_second_factor(
    schedule, store, group, db
):
    room = await group("ann", "bob")
    later = await schedule("ann", room, "later", authority=Authority(second_factor=True))
    await db.collection("scheduled_messages", schema_version=1).update(
        {"_id": later.id}, {"$unset": {"authority": ""}}
    )

    assert (await store.scheduled.find(later.id)).authority == Authority()
