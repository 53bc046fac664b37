"""INT-1: a stop of the feed is published once, to the people who may resolve it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta

import pytest
from directory.people import operations
from directory.people.domain.people import Kind
from directory.people.operations import GroupDraft
from directory.scim.domain.guard import APPROVE
from directory.shared.domain.actors import ADMIN
from plexus.directory.v1.events_pb2 import FeedStopped
from plexus.directory.v1.scim_service_pb2 import ResolveFeedRequest
from plexus.event.v1.envelope_pb2 import Envelope

Facts = Callable[[], Awaitable[list[Envelope]]]
HOUR = timedelta(hours=1)


@pytest.fixture
async def staff(feed):
    """Six people, of whom five may be deactivated in a day."""
    return [(await feed.hire(f"p{number}"))["id"] for number in range(6)]


async def remove(feed, *ids):
    return [(await feed.ask("DELETE", f"/Users/{id_}")).status for id_ in ids]


async def stops(facts: Facts) -> list[Envelope]:
    return [fact for fact in await facts() if fact.type == "plexus.directory.v1.FeedStopped"]


async def told(facts: Facts) -> FeedStopped:
    (event,) = await stops(facts)
    return FeedStopped.FromString(event.fact)


async def test_int_1_a_stop_is_told_once_however_many_wait(feed, company, staff, facts, clock):
    late = await feed.hire("late")
    assert await remove(feed, *staff[:5]) == [204] * 5
    assert await stops(facts) == []
    assert await remove(feed, staff[5], late["id"], staff[5]) == [409] * 3

    (event,) = await stops(facts)
    assert (event.scope, event.change_no) == (f"feed:{company.tenant.id}", 1)
    assert (event.tenant_id, event.actor_id) == (company.tenant.id, company.admin.id)
    fact = await told(facts)
    assert (fact.allowed, fact.deactivated) == (5, 5)
    assert fact.stopped_at.ToDatetime(UTC) == clock.now()
    assert list(fact.administrator_ids) == [company.admin.id]


async def test_int_1_a_feed_that_went_on_and_stops_again_is_told_of_again(
    feed, served, staff, facts
):
    others = [(await feed.hire(f"q{number}"))["id"] for number in range(5)]
    await remove(feed, *staff)
    answer = ResolveFeedRequest(approve=False, expected_waiting=1)
    await served.scim.ResolveFeed(answer, **feed.caller)
    assert await remove(feed, *others, staff[5]) == [204] * 5 + [409]

    # Also when the feed itself withdrew a waiting deactivation.
    back = {"op": "replace", "path": "active", "value": True}
    assert (await feed.patch(staff[5], back)).status == 200
    assert await remove(feed, staff[5]) == [409]
    assert [event.change_no for event in await stops(facts)] == [1, 2, 3]


@pytest.fixture
async def answering(company):
    """Return the ids of all people who may resolve the feed, created among others who may not."""
    role = await company.create_role("Feed", [APPROVE])
    above = await company.department("People")
    below = await company.department("Payroll", above)
    named = await company.hire("named")
    grouped = await company.hire("grouped")
    group = await operations.create_group(
        company.store,
        actor=company.actor,
        draft=GroupDraft(name="committee", member_ids=[grouped.id]),
        request=None,
        now=company.now,
    )
    deputy = await company.hire("deputy", roles=[ADMIN])
    belonging = await company.hire("belonging", department_ids=[below])
    await company.bind(role.id, f"person:{named.id}")
    await company.bind(role.id, f"group:{group.id}#member")
    await company.bind(role.id, f"department:{above}#member")

    await company.dismiss(await company.hire("gone", roles=[ADMIN]))
    await company.hire("robot", roles=[ADMIN], kind=Kind.SERVICE_ACCOUNT)
    await company.hire("member")
    partly, over = await company.hire("partly"), await company.hire("over")
    await company.bind(ADMIN, f"person:{partly.id}", scope=f"department:{above}")
    await company.bind(role.id, f"person:{over.id}", expires_at=company.now + HOUR)
    people = (company.admin, deputy, named, grouped, belonging)
    return sorted(person.id for person in people)


async def test_int_1_everybody_who_may_answer_is_told_and_nobody_else(
    feed, company, answering, staff, facts, clock
):
    clock.advance(HOUR)
    feed.renew()
    await remove(feed, *staff)
    assert list((await told(facts)).administrator_ids) == answering

    async def first_two(tx):
        return await company.store.holders.everywhere(
            APPROVE, tenant_id=company.tenant.id, now=clock.now(), limit=2, tx=tx
        )

    assert list(await company.store.transact(first_two)) == answering[:2]


async def test_int_1_a_stop_that_nobody_may_answer_is_told_all_the_same(
    feed, served, company, staff, facts
):
    robot = await company.hire("robot", roles=[ADMIN], kind=Kind.SERVICE_ACCOUNT)
    await company.dismiss(company.admin)
    feed.caller = served.person(robot.id, company.tenant.id, ADMIN)
    await remove(feed, *staff)
    assert list((await told(facts)).administrator_ids) == []
