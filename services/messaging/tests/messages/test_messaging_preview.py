"""Preview of the members outside their working hours, before a message is sent."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from messaging.app import Store
from messaging.conversations.domain.people import Department, Person
from messaging.conversations.domain.refusals import DepartmentNotFound
from messaging.conversations.domain.working_hours import DEFAULT, WorkingHours
from messaging.conversations.operations.members import remove_members
from messaging.log.domain.refusals import ConversationNotFound
from messaging.messages.api.previews import to_preview
from messaging.messages.domain.availability import Addressed
from messaging.messages.queries.sends import preview_send
from plexuskit.mongo import Collection

TENANT = "ten_acme"
MONDAY_NOON_UTC = datetime(2026, 3, 2, 4, tzinfo=UTC)  # twelve o'clock in Shanghai: lunch
MONDAY_MORNING_UTC = datetime(2026, 3, 2, 1, tzinfo=UTC)  # nine in Shanghai, one at night in Berlin
NIGHTS = WorkingHours((1, 2, 3, 4, 5, 6, 7), ((1320, 360),))


def someone(name: str, **fields: Any) -> Person:
    given = {
        "id": name,
        "tenant_id": TENANT,
        "active": True,
        "is_app": False,
        "time_zone": "Asia/Shanghai",
        "hours": DEFAULT,
        "department_ids": (),
        "version": 1,
    } | fields
    return Person(**given)


@pytest.fixture
async def room(store: Store, group: Any) -> str:
    tree = {"dep_a": ("dep_a",), "dep_b": ("dep_a", "dep_b"), "dep_x": ("dep_x",)}
    await store.people.put_departments(
        [Department(id=id_, tenant_id=TENANT, path=path, version=4) for id_, path in tree.items()]
        + [Department(id="dep_else", tenant_id="ten_else", path=("dep_else",), version=1)]
    )
    await store.people.put(
        [
            someone("ann"),
            someone("bob", department_ids=("dep_b",)),
            someone("cem", time_zone="Europe/Berlin", department_ids=("dep_a",)),
            someone("dora", hours=NIGHTS, department_ids=("dep_x",)),
            someone("bot", is_app=True, hours=NIGHTS),
            someone("gone", active=False),
            someone("lost", time_zone="Mars/Olympus"),
        ]
    )
    made: str = await group("ann", "bob", "cem", "dora", "bot", "gone", "lost", "untold")
    return made


def everybody() -> Addressed:
    return Addressed()


async def look(store: Store, actor: Any, room: str, at: datetime, addressed: Addressed) -> Any:
    return await preview_send(store, actor=actor, conversation_id=room, addressed=addressed, at=at)


async def test_ntf_03_off_hours_are_judged_by_each_persons_own_clock(
    store: Store, room: str, person: Any
) -> None:
    found = await look(store, person("ann"), room, MONDAY_MORNING_UTC, everybody())

    # Without the sender and deactivated people; unknown people count.
    assert found.audience == 6
    assert [(each.person_id, each.local.strftime("%H:%M")) for each in found.people] == [
        ("cem", "02:00"),
        ("dora", "09:00"),
    ]
    assert [each.works_again_at for each in found.people] == [
        datetime(2026, 3, 2, 8, tzinfo=UTC),
        datetime(2026, 3, 2, 14, tzinfo=UTC),
    ]

    lunch = await look(store, person("ann"), room, MONDAY_NOON_UTC, everybody())
    assert [each.person_id for each in lunch.people] == ["bob", "cem", "dora"]


@pytest.mark.parametrize(
    ("addressed", "audience", "off"),
    [
        (Addressed(person_ids=frozenset({"bob", "stranger"})), 1, ["bob"]),
        (Addressed(person_ids=frozenset({"bob"}), everybody=True), 6, ["bob", "cem", "dora"]),
        (Addressed(department_ids=frozenset({"dep_a"})), 2, ["bob", "cem"]),
        (Addressed(department_ids=frozenset({"dep_b"})), 1, ["bob"]),
        (
            Addressed(person_ids=frozenset({"dora"}), department_ids=frozenset({"dep_b"})),
            2,
            ["bob", "dora"],
        ),
    ],
)
async def test_msg_13_only_the_addressed_count(
    store: Store, room: str, person: Any, addressed: Addressed, audience: int, off: list[str]
) -> None:
    found = await look(store, person("ann"), room, MONDAY_NOON_UTC, addressed)
    assert (found.audience, [each.person_id for each in found.people]) == (audience, off)


async def test_gw_02_a_preview_is_for_members_and_their_own_tenants_departments(
    store: Store, room: str, person: Any, log: Any
) -> None:
    with pytest.raises(ConversationNotFound):
        await look(store, person("eve"), room, MONDAY_NOON_UTC, everybody())
    await remove_members(
        log, actor=person("ann"), conversation_id=room, person_ids=["bob"], now=MONDAY_NOON_UTC
    )
    with pytest.raises(ConversationNotFound):
        await look(store, person("bob"), room, MONDAY_NOON_UTC, everybody())
    for department in ("dep_none", "dep_else"):
        addressed = Addressed(department_ids=frozenset({department}))
        with pytest.raises(DepartmentNotFound):
            await look(store, person("ann"), room, MONDAY_NOON_UTC, addressed)


async def test_gw_05_a_guest_does_not_learn_which_departments_there_are(
    store: Store, room: str, person: Any
) -> None:
    guest = replace(person("ann"), roles=frozenset({"guest"}))

    async def refusal(department: str) -> str:
        addressed = Addressed(department_ids=frozenset({department}))
        with pytest.raises(DepartmentNotFound) as error:
            await look(store, guest, room, MONDAY_NOON_UTC, addressed)
        return str(error.value).replace(department, "it")

    assert await refusal("dep_none") == await refusal("dep_a")


async def test_scale_01_a_group_of_five_thousand_is_previewed_in_two_reads(
    store: Store, group: Any, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"per_{number:04}" for number in range(5000)]
    room = await group(*people)
    zones = ("Asia/Shanghai", "Europe/Berlin", "America/New_York")
    await store.people.put([someone(name, time_zone=zones[n % 3]) for n, name in enumerate(people)])
    reads: list[str] = []
    aggregate, find_all = Collection.aggregate, Collection.find_all

    async def aggregated(self: Collection, *args: Any, **options: Any) -> Any:
        reads.append(self.name)
        return await aggregate(self, *args, **options)

    async def found_all(self: Collection, *args: Any, **options: Any) -> Any:
        reads.append(self.name)
        return await find_all(self, *args, **options)

    monkeypatch.setattr(Collection, "aggregate", aggregated)
    monkeypatch.setattr(Collection, "find_all", found_all)
    found = await look(store, person("per_0000"), room, MONDAY_MORNING_UTC, everybody())

    assert reads == ["members", "people"]
    assert found.audience == 4999
    assert found.off_hours == 3333


async def test_a_preview_shows_the_first_twenty_with_their_clocks(
    store: Store, group: Any, person: Any
) -> None:
    people = [f"per_{number:02}" for number in range(31)]
    room = await group(*people)
    await store.people.put([someone(name) for name in people])
    found = await look(store, person("per_00"), room, MONDAY_NOON_UTC, everybody())

    answer = to_preview(found, people=found.people)

    assert (answer.audience, answer.off_hours, len(answer.people)) == (30, 30, 20)
    first = answer.people[0]
    assert (first.person_id, first.time_zone, first.local_time) == (
        "per_01",
        "Asia/Shanghai",
        "12:00",
    )
    assert first.works_again_at.ToDatetime(tzinfo=UTC) == datetime(2026, 3, 2, 5, 30, tzinfo=UTC)


@pytest.mark.rule("GW-5")
async def test_gw_05_a_guest_learns_how_many_are_off_hours_and_nobodys_clock(
    store: Store, group: Any, person: Any
) -> None:
    room = await group("ann", "bob")
    await store.people.put([someone("ann"), someone("bob")])
    found = await look(store, person("ann"), room, MONDAY_NOON_UTC, everybody())

    answer = to_preview(found, people=())

    assert (answer.audience, answer.off_hours, len(answer.people)) == (1, 1, 0)
