"""INT-1: people who may resolve a stopped feed are notified."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from notify.consumers import Handlers
from notify.domain.kinds import Channel
from notify.domain.outcomes import Reason, State
from notify.domain.quiet_hours import QuietHours, clock_time
from notify.kinds import feed_stopped
from notify.operations.preferences import set_preferences
from notify.store import Store
from plexus.directory.v1 import access_pb2
from plexus.directory.v1 import events_pb2 as directory_pb
from plexus_testkit.clock import FrozenClock
from plexuskit.kafka import Record

pytestmark = pytest.mark.usefixtures("known")

Ledger = Callable[..., Any]
HOUR = timedelta(hours=1)


@pytest.fixture
def stopped(facts: Any, clock: FrozenClock) -> Callable[..., Record]:
    """Return a stop published to these people; the feed uses Ann's token."""

    def made(*names: str) -> Record:
        fact = directory_pb.FeedStopped(
            administrator_ids=[f"per_{name}" for name in names], allowed=12, deactivated=11
        )
        fact.stopped_at.FromDatetime(clock.now())
        return told(facts, fact, entity="feed:ten_a")

    return made


def told(facts: Any, fact: Any, *, entity: str) -> Record:
    record: Record = facts.record(
        "directory.access.v1", fact, key="ten_a", entity_id=entity, version=1
    )
    return record


async def prefer(store: Store, name: str, **chosen: Any) -> None:
    await set_preferences(
        store,
        tenant_id="ten_a",
        person_id=f"per_{name}",
        expected_version=0,
        **{"channels": {}, "hours": QuietHours(), **chosen},
    )


async def test_int_1_each_administrator_is_told_once_in_the_own_language(
    handlers: Handlers, facts: Any, stopped: Any, ledger: Ledger, outbox: Any
) -> None:
    await handlers.people([facts.person("bo", locale="en", version=2)])
    record = stopped("ann", "bo")
    await handlers.notify([record, record])
    await handlers.notify([record])

    ann, bo = await ledger()
    assert (ann.kind, ann.source.kind, ann.source.id) == (feed_stopped.KIND, "feed", "ten_a")
    assert (ann.person_id, ann.title) == ("per_ann", "人员同步已暂停: 停用人数超过每日上限")
    assert "已停用 11 人, 上限为 12 人" in ann.body
    assert (bo.person_id, bo.title.startswith("The HR feed has stopped")) == ("per_bo", True)
    assert bo.body.startswith("11 of 12 deactivations")
    for each in (ann, bo):
        assert "plexus admin feed status" in each.body
        assert (each.in_app.reason, each.email.reason) == (Reason.STORED, Reason.QUEUED)
    assert len(await outbox()) == 2


async def test_ntf_02_the_same_stop_is_told_once_and_a_later_one_again(
    handlers: Handlers, stopped: Any, ledger: Ledger, clock: FrozenClock
) -> None:
    await handlers.notify([stopped("bo"), stopped("bo")])
    assert len(await ledger()) == 1
    clock.advance(HOUR)
    await handlers.notify([stopped("bo")])
    assert [each.person_id for each in await ledger()] == ["per_bo", "per_bo"]


async def test_ntf_01_a_stop_is_told_by_the_ways_that_a_person_wants(
    handlers: Handlers, store: Store, stopped: Any, ledger: Ledger
) -> None:
    await prefer(store, "bo", channels={feed_stopped.KIND: frozenset({Channel.IN_APP})})
    await prefer(store, "cy", channels={feed_stopped.KIND: frozenset()})
    await handlers.notify([stopped("bo", "cy")])

    bo, cy = await ledger()
    assert (bo.in_app.reason, bo.email.reason) == (Reason.STORED, Reason.PREFERENCE_OFF)
    assert cy.in_app.reason is cy.email.reason is Reason.PREFERENCE_OFF


async def test_ntf_03_a_stop_is_not_urgent_and_its_mail_waits_for_the_end_of_quiet_hours(
    handlers: Handlers, store: Store, stopped: Any, ledger: Ledger
) -> None:
    hours = QuietHours(
        enabled=True,
        start=clock_time("11:30", field="start"),
        end=clock_time("13:00", field="end"),
    )
    await prefer(store, "bo", hours=hours)
    await handlers.notify([stopped("bo")])
    (bo,) = await ledger()
    assert (bo.email.state, bo.email.reason) == (State.DEFERRED, Reason.QUIET_HOURS)


async def test_int_1_what_else_changes_in_who_may_do_what_is_told_to_nobody(
    handlers: Handlers, facts: Any, stopped: Any, ledger: Ledger
) -> None:
    role = directory_pb.RoleChanged(role=access_pb2.Role(id="rol_1", version=1))
    module = directory_pb.ModuleChanged(module=access_pb2.Module(name="search", version=1))
    await handlers.notify(
        [told(facts, role, entity="rol_1"), told(facts, module, entity="search"), stopped()]
    )
    assert await ledger() == []


async def test_ntf_04_the_mail_of_a_stop_goes_to_who_is_active_and_asks_no_owner(
    handlers: Handlers,
    facts: Any,
    stopped: Any,
    ledger: Ledger,
    owners: Any,
    sender: Any,
    sink: Any,
) -> None:
    await handlers.notify([stopped("bo", "cy")])
    await handlers.people([facts.person("cy", deactivated=True, version=2)])
    await sender(sink.port).send_due()

    assert owners.asked == []
    (mail,) = sink.mails
    assert mail["Subject"] == "人员同步已暂停: 停用人数超过每日上限"
    assert "plexus admin feed status" in mail.get_body(("plain",)).get_content()
    bo, cy = await ledger()
    assert bo.email.reason is Reason.ACCEPTED_BY_SERVER
    assert cy.email.reason is Reason.PERSON_DEACTIVATED
