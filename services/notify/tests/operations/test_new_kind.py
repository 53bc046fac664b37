"""A new kind of notification needs only its definition: no other code lists kinds."""

from collections.abc import Callable
from typing import Any

import pytest
from notify.api.translation import channels_of
from notify.consumers import Handlers
from notify.domain.definitions import (
    Definition,
    Event,
    FactRule,
    Kinds,
    Projections,
    display_name,
)
from notify.domain.kinds import IN_APP, TASK, Kind
from notify.domain.notifications import Source
from notify.domain.outcomes import Reason
from notify.domain.quiet_hours import QuietHours
from notify.domain.requests import NotificationRequest, Recipient
from notify.domain.wording import Text, Wording, excerpt
from notify.events import preferences_message
from notify.kinds import KINDS
from notify.operations.permits import shown
from notify.operations.preferences import set_preferences
from notify.operations.tasks import Pace
from notify.store import Store
from plexus.notify.v1 import events_pb2 as notify_pb
from plexus.notify.v1 import notifications_pb2 as pb
from plexus.tasks.v1.events_pb2 import TaskChanged
from plexus.tasks.v1.tasks_pb2 import Task
from plexus_access.decisions import Asker
from plexus_testkit.clock import FrozenClock
from plexus_testkit.companies import Company
from plexuskit.mongo import Database

# Not in the contract: an open enum keeps it.
NUMBER: Any = 1_000

TASK_DONE = Kind(
    name="task_done",
    number=NUMBER,
    source=TASK,
    channels=IN_APP,
    texts={"title": Text(zh="{actor} 完成了任务 {key}", en="{actor} completed task {key}")},
    hidden=Text(zh="有任务已完成", en="A task was completed"),
)


async def done(
    fact: TaskChanged, event: Event, projections: Projections
) -> NotificationRequest | None:
    if fact.task.state != Task.STATE_DONE:
        return None
    words = {"actor": await display_name(projections, event.actor_id), "key": fact.task.key}
    wording = Wording(text=TASK_DONE.texts["title"], words=words)
    return NotificationRequest(
        event_id=event.id,
        tenant_id=event.tenant_id,
        source=Source(kind=TASK, id=fact.task.id, actor_id=event.actor_id),
        step=f"done|{fact.task.version}",
        body=excerpt(fact.task.title),
        recipients=(Recipient(person_id=fact.task.owner_id, kind=TASK_DONE, wording=wording),),
    )


@pytest.fixture
def store(db: Database) -> Store:
    definition = Definition(kind=TASK_DONE, facts=(FactRule(fact=TaskChanged, request=done),))
    return Store(db, kinds=Kinds([*KINDS.definitions, definition]))


@pytest.fixture
def handlers(store: Store, membership: Any, pace: Pace, clock: FrozenClock) -> Handlers:
    return Handlers(store, membership=membership, pace=pace, clock=clock)


pytestmark = pytest.mark.usefixtures("known")


async def test_a_fact_notifies_by_the_new_kind_beside_the_old_one(
    handlers: Handlers, facts: Any, ledger: Callable[..., Any], outbox: Callable[..., Any]
) -> None:
    await handlers.people([facts.person("cy", locale="en", version=2)])
    fields = {"owner_id": "per_cy", "assignee_ids": ["per_bo"]}
    task = facts.task(state=Task.STATE_DONE, version=2, **fields)
    record = facts.task_changed(task, "bo")
    await handlers.tasks([facts.task_created(facts.task(owner_id="per_cy")), record, record])
    await handlers.tasks([record])

    assigned, completed = await ledger()
    assert (assigned.kind.name, assigned.person_id) == ("task_assigned", "per_bo")
    assert (completed.kind, completed.person_id) == (TASK_DONE, "per_cy")
    assert completed.title == "Ann completed task T-1"
    assert (completed.in_app.reason, completed.email.reason) == (
        Reason.STORED,
        Reason.PREFERENCE_OFF,
    )
    published = [notify_pb.NotificationRaised.FromString(each.fact) for each in await outbox()]
    assert {each.notification.kind for each in published} == {
        pb.NOTIFICATION_KIND_TASK_ASSIGNED,
        NUMBER,
    }


async def test_preferences_show_and_store_the_new_kind(store: Store) -> None:
    def channels(preferences: Any) -> dict[int, list[int]]:
        message = preferences_message(preferences, kinds=store.kinds)
        return {each.kind: list(each.channels) for each in message.kinds}

    defaults = channels(await store.preferences.get("per_bo"))
    assert defaults[NUMBER] == [pb.CHANNEL_IN_APP]
    await set_preferences(
        store,
        tenant_id="ten_a",
        person_id="per_bo",
        channels=channels_of([pb.KindPreference(kind=NUMBER)], kinds=store.kinds),
        hours=QuietHours(),
        expected_version=0,
    )
    assert channels(await store.preferences.get("per_bo")) == {**defaults, NUMBER: []}


async def test_a_hidden_task_hides_the_words_of_the_new_kind(
    handlers: Handlers, facts: Any, ledger: Callable[..., Any], company: Company
) -> None:
    await handlers.tasks([facts.task_changed(facts.task(owner_id="per_bo", state=Task.STATE_DONE))])
    (completed,) = await ledger()
    asker = Asker(
        tenant_id="ten_a",
        person_id="per_bo",
        scopes=frozenset({"notifications.read"}),
        roles=frozenset({"member"}),
    )
    seen = shown(company.decisions, asker, completed, locale="zh-CN")
    assert (completed.title, completed.body) == ("Ann 完成了任务 T-1", "订三楼的办公桌")
    assert (seen.title, seen.body) == ("有任务已完成", "")
