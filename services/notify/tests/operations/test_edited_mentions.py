"""An edit notifies also those who have read the message; what is gone is withdrawn (MSG-11)."""

from collections.abc import Callable
from typing import Any

import pytest
from notify.consumers import Handlers
from notify.domain.outcomes import Reason, State
from plexus.notify.v1 import events_pb2
from plexus.notify.v1 import notifications_pb2 as pb

pytestmark = pytest.mark.usefixtures("known")

Ledger = Callable[..., Any]


async def test_msg_11_a_mention_added_to_a_read_message_is_unread_and_mailed(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.messages([facts.posted(facts.message())])
    await handlers.cursors([facts.cursor("bo", 1)])
    await handlers.messages([facts.edited(facts.message(mentions=("bo",)), "bo")])
    (told,) = await ledger("bo")
    assert (told.read, told.after_reading, told.email.state) == (False, True, State.PENDING)
    # Another notification of the conversation looks at the cursors, and leaves this one alone.
    await handlers.messages([facts.posted(facts.message(seq=2, mentions=("bo",)))])
    assert [each.read for each in await ledger("bo")] == [False, False]
    await handlers.cursors([facts.cursor("bo", 2)])
    assert [each.read for each in await ledger("bo")] == [True, True]


async def test_msg_11_a_mention_that_an_edit_removes_leaves_the_inbox_and_can_come_again(
    handlers: Handlers, facts: Any, ledger: Ledger, outbox: Callable[..., Any]
) -> None:
    await handlers.messages([facts.posted(facts.message(mentions=("bo", "cy")))])
    await handlers.messages([facts.edited(facts.message("改", mentions=("cy",)))])
    (told,) = await ledger("bo")
    assert (told.in_inbox, told.read, told.body) == (False, True, "")
    assert (told.in_app.reason, told.email.reason) == (
        Reason.MENTION_REMOVED,
        Reason.MENTION_REMOVED,
    )
    event = (await outbox(told.id))[-1]
    shown = events_pb2.NotificationChanged.FromString(event.fact).notification
    assert [each.state for each in shown.deliveries] == [pb.Delivery.STATE_DROPPED] * 2
    (other,) = await ledger("cy")
    assert other.in_inbox

    await handlers.messages([facts.edited(facts.message("再改", mentions=("bo", "cy")), "bo")])
    assert [each.in_inbox for each in await ledger("bo")] == [False, True]


async def test_msg_12_a_recalled_mention_leaves_the_inbox(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    message = facts.message(mentions=("bo",))
    await handlers.messages([facts.posted(message), facts.recalled(message)])
    (told,) = await ledger("bo")
    assert (told.in_inbox, told.in_app.reason, told.body) == (False, Reason.RECALLED, "")


async def test_everyone_and_departments_stay_mentioned_without_their_names(
    handlers: Handlers, facts: Any, ledger: Ledger, membership: Any
) -> None:
    membership.members = {"dep_1": {"bo"}}
    await handlers.messages([facts.posted(facts.message(mentions=("bo", "cy")))])
    await handlers.messages([facts.edited(facts.message("改", departments=("dep_1",)))])
    assert [each.in_inbox for each in await ledger("bo")] == [True]
    assert [each.in_inbox for each in await ledger("cy")] == [False]
    await handlers.messages([facts.edited(facts.message("又改", everybody=True))])
    assert [each.in_inbox for each in await ledger("bo")] == [True]


async def test_in_a_direct_conversation_the_notification_stays(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    there = {"conversation": "cnv_direct"}
    await handlers.messages([facts.posted(facts.message(mentions=("bo",), **there))])
    await handlers.messages([facts.edited(facts.message("改", **there))])
    assert [each.in_inbox for each in await ledger("bo")] == [True]
