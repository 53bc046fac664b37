from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from notify.consumers import Handlers
from notify.domain.outcomes import Reason, State
from notify.domain.quiet_hours import QuietHours, clock_time
from notify.kinds import mention
from notify.operations.preferences import set_preferences
from notify.store import Store
from plexus.messaging.v1.messages_pb2 import PRIORITY_URGENT
from plexus_testkit.clock import FrozenClock

pytestmark = pytest.mark.usefixtures("known")

HOUR = timedelta(hours=1)
FOR_EVER = datetime(9999, 12, 31)  # noqa: DTZ001 - a contract's timestamp is UTC
DIRECT = "cnv_direct"

Ledger = Callable[..., Any]


def reasons(notification: Any) -> tuple[Reason, Reason]:
    return notification.in_app.reason, notification.email.reason


async def test_ntf_01_a_muted_conversation_tells_nothing_and_says_why(
    handlers: Handlers, facts: Any, ledger: Ledger, outbox: Any, now: datetime
) -> None:
    await handlers.settings([facts.draft("bo"), facts.muted("bo", now + HOUR)])
    await handlers.messages([facts.posted(facts.message(everybody=True))])

    bo, cy = await ledger()
    assert (bo.in_app.state, bo.email.state) == (State.DROPPED, State.DROPPED)
    assert reasons(bo) == (Reason.CONVERSATION_MUTED, Reason.CONVERSATION_MUTED)
    assert not bo.in_inbox
    assert reasons(cy) == (Reason.STORED, Reason.QUEUED)
    assert [event.scope for event in await outbox()] == [cy.id]


async def test_ntf_01_a_mute_ends_at_its_time_and_is_of_one_conversation(
    handlers: Handlers, facts: Any, ledger: Ledger, now: datetime, clock: FrozenClock
) -> None:
    await handlers.settings([facts.muted("bo", now + HOUR, conversation=DIRECT)])
    await handlers.messages(
        [
            facts.posted(facts.message("1", conversation=DIRECT)),
            facts.posted(facts.message("2", everybody=True)),
        ]
    )
    clock.advance(HOUR)
    await handlers.messages([facts.posted(facts.message("3", seq=2, conversation=DIRECT))])

    told = {each.body: each.in_app.reason for each in await ledger("bo")}
    assert told == {
        "1": Reason.CONVERSATION_MUTED,
        "2": Reason.STORED,
        "3": Reason.STORED,
    }


async def test_ntf_01_who_is_named_or_urgently_wanted_hears_through_a_mute(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.settings([facts.muted("bo", FOR_EVER)])
    await handlers.messages(
        [
            facts.posted(facts.message("named", mentions=("bo",))),
            facts.posted(facts.message("all", seq=2, everybody=True)),
            facts.posted(facts.message("urgent", seq=3, everybody=True, priority=PRIORITY_URGENT)),
            facts.posted(facts.message("both", seq=4, everybody=True, mentions=("bo",))),
        ]
    )
    told = {each.body: each.in_app.reason for each in await ledger("bo")}
    assert told == {
        "named": Reason.STORED,
        "all": Reason.CONVERSATION_MUTED,
        "urgent": Reason.STORED,
        "both": Reason.STORED,
    }


async def test_msg_04_an_older_setting_does_not_mute_again(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    muted = facts.muted("bo", FOR_EVER, version=1)
    await handlers.settings([muted, facts.muted("bo", None, version=2)])
    await handlers.settings([muted])
    await handlers.messages([facts.posted(facts.message(everybody=True))])
    (bo,) = await ledger("bo")
    assert bo.in_app.reason is Reason.STORED


async def test_ntf_04_what_waited_for_the_morning_is_dropped_when_muted_meanwhile(
    handlers: Handlers,
    facts: Any,
    ledger: Ledger,
    store: Store,
    clock: FrozenClock,
    sender: Any,
    sink: Any,
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
    await handlers.messages(
        [
            facts.posted(facts.message("named", mentions=("bo",))),
            facts.posted(facts.message("all", seq=2, everybody=True)),
        ]
    )
    assert {each.email.reason for each in await ledger("bo")} == {Reason.QUIET_HOURS}
    await handlers.settings([facts.muted("bo", FOR_EVER)])

    clock.advance(timedelta(hours=2))
    await sender(sink.port).send_due()
    outcomes = {each.body: each.email.reason for each in await ledger("bo")}
    assert outcomes == {
        "named": Reason.ACCEPTED_BY_SERVER,
        "all": Reason.CONVERSATION_MUTED,
    }
    assert all(each.kind is mention.KIND for each in await ledger("bo"))
