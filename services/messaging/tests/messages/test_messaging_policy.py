"""Message policy of a tenant: MSG-10, MSG-11, MSG-12, MSG-18."""

from dataclasses import replace
from datetime import timedelta

import pytest
from messaging.config import LimitsSection
from messaging.log.domain.refusals import ConversationTooBusy, SenderTooFast
from messaging.log.operations.limits import Limits
from messaging.messages.domain.messages import Priority
from messaging.messages.domain.policies import DEFAULT, Policy, Receipts
from messaging.messages.domain.refusals import PolicyDenied
from messaging.messages.operations.messages import send_message
from messaging.messages.operations.policies import update_messaging_policy
from messaging.reading.domain import ReceiptsAreOff
from messaging.reading.queries.receipts import Audiences, list_receipts
from plexuskit.errors import InvalidArgument, VersionConflict


async def test_a_tenant_sets_its_windows_within_bounds(store, person):

    before = await store.policies.get("ten_acme")
    after = await update_messaging_policy(
        store, actor=person("ann", "admin"), policy=Policy(edit_window=timedelta(minutes=5))
    )

    assert before == DEFAULT
    assert (after.edit_window, after.version) == (timedelta(minutes=5), 1)
    assert await store.policies.get("ten_acme") == after


async def test_msg_10_the_policy_hides_names(store, group, log, say, person):
    room = await group("ann", "bob", "eve")
    await send_message(log, new_message=say(room, "bob", "hello"))

    async def told(**fields):
        await update_messaging_policy(store, actor=person("root", "admin"), policy=Policy(**fields))
        return await list_receipts(
            store, Audiences(), actor=person("bob"), conversation_id=room, seq=1, after="", limit=10
        )

    assert [who for who, _ in (await told()).page] == ["ann", "eve"]
    counts = await told(receipts=Receipts.COUNTS)
    assert (counts.page, counts.audience, counts.counts_only) == ((), 2, True)
    assert (await told(receipt_names_limit=2)).counts_only
    with pytest.raises(ReceiptsAreOff):
        await told(receipts=Receipts.OFF)


@pytest.mark.parametrize(
    ("hiding", "names"),
    [({"receipts": Receipts.COUNTS}, ()), ({"receipt_names_limit": 2}, ("ann", "eve"))],
)
async def test_msg_10_an_urgent_message_shows_names_in_large_groups_alone(
    store, group, log, say, person, hiding, names
):
    room = await group("ann", "bob", "eve")
    urgent = replace(say(room, "bob", "hello"), priority=Priority.URGENT)
    await send_message(log, new_message=urgent)
    await update_messaging_policy(store, actor=person("root", "admin"), policy=Policy(**hiding))

    receipts = await list_receipts(
        store, Audiences(), actor=person("bob"), conversation_id=room, seq=1, after="", limit=10
    )

    assert tuple(person_id for person_id, _ in receipts.page) == names
    assert (receipts.audience, receipts.counts_only) == (2, not names)


async def test_msg_11_nobody_but_administrators_sets_it(store, person):
    with pytest.raises(PolicyDenied):
        await update_messaging_policy(store, actor=person("ann"), policy=DEFAULT)


async def test_two_administrators_do_not_overwrite_each_other(store, person):
    root = person("root", "admin")
    first = await update_messaging_policy(store, actor=root, policy=DEFAULT)
    await update_messaging_policy(store, actor=root, policy=first)

    with pytest.raises(VersionConflict):
        await update_messaging_policy(store, actor=root, policy=first)


@pytest.mark.parametrize(
    "policy",
    [
        Policy(edit_window=timedelta(days=31)),
        Policy(recall_window=timedelta(seconds=-1)),
        Policy(receipt_names_limit=1),
    ],
)
async def test_the_bounds_hold(store, person, policy):
    with pytest.raises(InvalidArgument):
        await update_messaging_policy(store, actor=person("root", "admin"), policy=policy)


async def test_msg_18_a_sender_waits_for_the_next_token(clock, say):
    limits = Limits(LimitsSection(sender_rate=2, sender_burst=3), clock=clock)
    draft = say("cnv_a", "ann", "hello")
    for _ in range(3):
        limits.admit(draft)

    with pytest.raises(SenderTooFast) as refused:
        limits.admit(draft)

    assert refused.value.retry_after == timedelta(seconds=0.5)
    limits.admit(say("cnv_a", "bob", "others are not held up"))
    clock.advance(timedelta(seconds=0.5))
    limits.admit(draft)


async def test_msg_18_a_conversation_has_its_limit_too(clock, say):
    section = LimitsSection(conversation_rate=1, conversation_burst=2)
    limits = Limits(section, clock=clock)
    limits.admit(say("cnv_a", "ann", "one"))
    limits.admit(say("cnv_a", "bob", "two"))

    with pytest.raises(ConversationTooBusy):
        limits.admit(say("cnv_a", "eve", "three"))
    limits.admit(say("cnv_b", "eve", "elsewhere"))


async def test_msg_18_what_is_refused_takes_no_token_of_the_sender(clock, say):
    section = LimitsSection(sender_burst=1, conversation_rate=1, conversation_burst=1)
    limits = Limits(section, clock=clock)
    limits.admit(say("cnv_a", "ann", "one"))
    with pytest.raises(ConversationTooBusy):
        limits.admit(say("cnv_a", "bob", "refused"))

    limits.admit(say("cnv_b", "bob", "still there"))
