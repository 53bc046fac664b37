"""Calls of notify at their largest size, on a MongoDB that takes 3 ms more for each command."""

from datetime import UTC, datetime

import pytest
from notify.api import NotifyApi
from notify.domain.notifications import Delivery, Notification, Source
from notify.domain.outcomes import Reason, State
from notify.kinds import mention
from notify.operations.notifications import MAX_IDS, advance_cursors
from notify.queries.notifications import PAGE_LIMIT
from notify.queries.status import DeadLetters
from notify.store import Cursor, Store
from plexus.notify.v1 import notifications_pb2
from plexus.notify.v1 import notify_service_pb2 as pb
from plexus_testkit.companies import Company
from plexuskit.clock import SystemClock
from plexuskit.mongo import Database

NOW = datetime(2036, 3, 2, 1, tzinfo=UTC)
FEW = 16
# 250 are changed in one transaction, each with a handful of commands.
PARTS = 40


async def no_letters() -> int:
    return 0


def notification(number: int, *, person_id: str, conversation_id: str) -> Notification:
    return Notification(
        id=f"ntf_{number:05}",
        tenant_id="ten_acme",
        person_id=person_id,
        kind=mention.KIND,
        title="title",
        body="正文",
        step="",
        event_id=f"evt_{number}",
        created_at=NOW,
        in_app=Delivery(id="dlv_in", state=State.DELIVERED, reason=Reason.STORED, at=NOW),
        email=Delivery(id=f"dlv_{number}", state=State.DROPPED, reason=Reason.NO_ADDRESS, at=NOW),
        source=Source(
            kind="message",
            id=f"msg_{number}",
            actor_id="per_ann",
            conversation_id=conversation_id,
            seq=number,
        ),
        read=False,
    )


@pytest.fixture
async def store(late_db: Database) -> Store:
    store = Store(late_db)
    await store.provision()
    return store


async def add(store, notifications):
    async def work(tx):
        await store.notifications.add(notifications, tx=tx)

    await store.transact(work)


@pytest.mark.largest(
    "notify.NotifyService",
    "ListNotifications",
    "MarkNotificationsRead",
    "GetPreferences",
    "SetPreferences",
    "GetNotifyStatus",
)
async def test_an_inbox_at_its_largest(store, called, as_person):
    as_person("bo")
    api = NotifyApi(
        store,
        decisions=Company().decisions,
        dead_letters=DeadLetters(no_letters, clock=SystemClock()),
        clock=SystemClock(),
    )
    everything = [
        notification(number, person_id="bo", conversation_id=f"room_{number}")
        for number in range(2 * MAX_IDS)
    ]
    await add(store, everything)
    ids = [each.id for each in everything[:MAX_IDS]]

    listed = await called(
        lambda: api.ListNotifications(
            pb.ListNotificationsRequest(page_size=PAGE_LIMIT, unread_only=True), None
        ),
        maximum=FEW,
    )
    marked = await called(
        lambda: api.MarkNotificationsRead(
            pb.MarkNotificationsReadRequest(notification_ids=ids), None
        ),
        maximum=PARTS,
    )
    await called(
        lambda: advance_cursors(
            store,
            cursors=[
                Cursor(
                    conversation_id=f"room_{number}",
                    person_id="bo",
                    root_seq=0,
                    through_seq=number,
                )
                for number in range(MAX_IDS, 2 * MAX_IDS)
            ],
            now=NOW,
        ),
        maximum=PARTS,
    )
    status = await called(
        lambda: api.ListNotifications(pb.ListNotificationsRequest(page_size=1), None), maximum=FEW
    )

    await called(lambda: api.GetPreferences(pb.GetPreferencesRequest(), None), maximum=FEW)
    await called(
        lambda: api.SetPreferences(
            pb.SetPreferencesRequest(preferences=notifications_pb2.Preferences()), None
        ),
        maximum=FEW,
    )
    as_person("root", "admin")
    await called(lambda: api.GetNotifyStatus(pb.GetNotifyStatusRequest(), None), maximum=FEW)

    assert len(listed.notifications) == PAGE_LIMIT
    assert marked.marked == MAX_IDS
    assert status.unread == 0
