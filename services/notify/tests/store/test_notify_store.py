import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from notify.domain.conversations import Conversation, Member
from notify.domain.notifications import Delivery, Notification, Source
from notify.domain.outcomes import Reason, State
from notify.domain.preferences import Preferences
from notify.kinds import mention, task_due
from notify.store import Cursor, Store
from notify.store.notifications import (
    of_message,
    unread_at,
    unread_by_id,
    unread_of,
    waiting_for_task,
)
from plexuskit.mongo import Database, DuplicateKey, Transaction
from plexuskit.paging import PageBudget

Make = Callable[..., Notification]


@pytest.fixture
def notification(now: datetime) -> Make:
    def made(number: int = 1, *, due_at: datetime | None = now, **fields: Any) -> Notification:
        email = Delivery(
            id=f"dlv_{number}",
            state=State.PENDING if due_at else State.DROPPED,
            reason=Reason.QUEUED if due_at else Reason.NO_ADDRESS,
            at=now,
            next_attempt_at=due_at,
        )
        fields = {
            "person_id": "per_bo",
            "source": Source(
                kind="message",
                id=f"msg_{number}",
                actor_id="per_ann",
                conversation_id="c",
                seq=number,
            ),
            "read": False,
            "body": "正文",
        } | fields
        return Notification(
            id=f"ntf_{number:04}",
            tenant_id="ten_a",
            kind=mention.KIND,
            title="title",
            step="",
            event_id=f"evt_{number}",
            created_at=now,
            in_app=Delivery(id="dlv_in", state=State.DELIVERED, reason=Reason.STORED, at=now),
            email=email,
            **fields,
        )

    return made


async def add(store: Store, *notifications: Notification) -> None:
    async def work(tx: Transaction) -> None:
        await store.notifications.add(notifications, tx=tx)

    await store.transact(work)


async def test_what_is_stored_reads_back_equal(store: Store, notification: Make) -> None:
    stored = [notification(1), notification(2, due_at=None, read=True)]
    await add(store, *stored)
    assert sorted(await store.notifications.load(["ntf_0001", "ntf_0002"]), key=lambda n: n.id) == (
        stored
    )


async def test_ntf_02_the_same_thing_is_told_once_per_person(
    store: Store, notification: Make
) -> None:
    first = notification(1)
    await add(store, first)
    with pytest.raises(DuplicateKey):
        await add(store, replace(first, id="ntf_0009"))
    await add(store, replace(first, id="ntf_0010", person_id="per_cy"))


async def test_ntf_02_a_mail_is_taken_by_one_and_again_when_the_lease_is_over(
    store: Store, notification: Make, now: datetime
) -> None:
    await add(
        store,
        *(notification(number, person_id=f"per_{number}") for number in range(1, 31)),
    )
    until = now + timedelta(minutes=3)

    claims = await asyncio.gather(
        *(
            store.mails.claim_due(lease=f"lse_{number}", until=until, now=now, limit=30)
            for number in range(6)
        )
    )
    taken = [[each for mail in claim.mails for each in mail.notifications] for claim in claims]
    ids = [each.id for part in taken for each in part]
    assert len(ids) == len(set(ids)) == 30
    assert all(
        (each.email.lease, each.email.attempts, each.email.next_attempt_at)
        == (f"lse_{number}", 1, until)
        for number, part in enumerate(taken)
        for each in part
    )
    again = await store.mails.claim_due(lease="lse_x", until=until, now=now, limit=30)
    assert again.mails == ()
    late = await store.mails.claim_due(
        lease="lse_y", until=until + timedelta(minutes=3), now=until, limit=30
    )
    assert len(late.mails) == 30
    assert all(mail.ambiguous for mail in late.mails)
    assert {mail.notifications[0].email.attempts for mail in late.mails} == {2}
    assert {mail.notifications[0].email.first_attempt_at for mail in late.mails} == {now}


async def test_no_selection_walks_the_whole_collection(
    db: Database, store: Store, notification: Make
) -> None:
    await add(store, *(notification(number) for number in range(1, 200)))
    raw = db._database  # the plan is the server's, no service asks for it
    selections = [
        of_message("msg_1"),
        waiting_for_task("tsk_1", kind=task_due.KIND),
        unread_of("per_cy"),
        unread_at([("d", "per_cy"), ("d", "per_bo")]),
        unread_by_id("per_bo", ["ntf_0001"]),
    ]
    for selection in selections:
        find = {
            "find": "notifications",
            "filter": {"$and": [selection.filter, {"_id": {"$gt": ""}}]},
            "sort": {"_id": 1},
            "hint": selection.index,
        }
        plan = await raw.command({"explain": find, "verbosity": "executionStats"})
        keys = plan["executionStats"]["totalKeysExamined"]
        found = plan["executionStats"]["nReturned"]
        assert keys <= found + 4, selection


async def test_msg_07_a_cursor_never_goes_back(store: Store) -> None:
    for through in (5, 3, 5):
        cursor = Cursor(conversation_id="c", person_id="per_bo", root_seq=0, through_seq=through)
        await store.conversations.advance([cursor, cursor])
    places = [("c", "per_bo", 0), ("c", "per_cy", 0)]
    assert await store.conversations.read_through(places) == {("c", "per_bo", 0): 5}


async def test_msg_04_projections_take_newer_states_only(
    store: Store, person: Callable[..., Any]
) -> None:
    await store.people.put([person(version=2, email="new@example.com"), person(version=1)])
    await store.people.put([person(version=1, email="other@example.com")])
    assert (await store.people.find(["per_bo"]))["per_bo"].email == "new@example.com"

    def member(version: int, *, active: bool) -> Member:
        return Member(
            conversation_id="c",
            person_id="per_bo",
            active=active,
            intervals=((1, 0 if active else 4),),
            version=version,
        )

    await store.conversations.put_members([member(3, active=False)])
    await store.conversations.put_members([member(2, active=True)])
    assert (await store.conversations.members(["c"]))["c"]["per_bo"] == member(3, active=False)


async def test_msg_04_a_state_of_an_equal_version_is_stored_again(
    store: Store,
) -> None:
    held = Conversation(
        id="c", tenant_id="ten_a", direct=False, name="held", open_history=True, version=3
    )
    await store.conversations.put([held])
    await store.conversations.put([replace(held, confidential=True)])
    await store.conversations.put([replace(held, version=2, name="overtaken")])
    assert (await store.conversations.find(["c"]))["c"] == replace(held, confidential=True)


async def test_two_first_choices_at_once_become_two_versions(store: Store) -> None:
    async def choose() -> None:
        async def work(tx: Transaction) -> None:
            current = await store.preferences.get("per_bo", tx=tx)
            following = replace(current, version=current.version + 1)
            await store.preferences.put(following, tenant_id="ten_a", tx=tx)

        await store.transact(work)

    await asyncio.gather(*(choose() for _ in range(5)))
    assert await store.preferences.get("per_bo") == Preferences(person_id="per_bo", version=5)


async def test_cursors_of_many_people_look_at_their_own_conversations_alone(
    store: Store, notification: Make
) -> None:
    people, rooms = 20, 10
    await add(
        store,
        *(
            notification(
                person * rooms + room,
                person_id=f"per_{person:02}",
                source=Source(
                    kind="message",
                    id=f"msg_{person}_{room}",
                    actor_id="per_ann",
                    conversation_id=f"room_{room}",
                    seq=1,
                ),
            )
            for person in range(people)
            for room in range(rooms)
        ),
    )
    # Each has read one conversation; between them they have read all ten.
    read = [(f"room_{person % rooms}", f"per_{person:02}") for person in range(people)]

    found = await store.notifications.ids(unread_at(read), after="", limit=250)

    assert len(found) == people
    assert found == sorted(found)


@pytest.mark.rule("MSG-21")
async def test_a_page_of_the_inbox_ends_at_its_bytes_and_goes_on_after_its_last_one(
    store: Store, notification: Make
) -> None:
    made = [notification(number, body="正" * 10_000) for number in range(1, 21)]
    await add(store, *made)
    before, pages, more = "", [], True
    while more:
        page, more = await store.notifications.page(
            "per_bo",
            unread_only=False,
            before=before,
            budget=PageBudget(items=200, max_bytes=200_000),
        )
        pages.append([each.id for each in page])
        before = page[-1].id

    assert [id_ for page in pages for id_ in page] == [each.id for each in reversed(made)]
    assert {len(page) for page in pages[:-1]} == {6}
