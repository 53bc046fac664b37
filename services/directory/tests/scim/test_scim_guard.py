"""INT-1: a feed that would deactivate too many people stops, waits for an answer, and resumes."""

import asyncio
from datetime import timedelta

import pytest
from directory.scim import queries
from directory.scim.domain.guard import APPROVE, Bounds, passes
from grpc.aio import AioRpcError
from hypothesis import given
from hypothesis import strategies as st
from plexus.directory.v1.scim_service_pb2 import GetFeedStatusRequest, ResolveFeedRequest
from plexuskit.grpc import refused

DAY = timedelta(hours=24)


@given(st.integers(0, 100_000), st.integers(0, 100), st.integers(0, 50))
def test_int_1_never_more_than_the_share_of_those_who_were_active(active, percent, at_least):
    bounds = Bounds(percent=percent, at_least=at_least)
    gone = 0
    while gone < min(active, 2_000) and passes(
        deactivated=gone,
        allowed=bounds.allowed(active=active - gone, deactivated=gone),
        waiting=False,
    ):
        gone += 1
    assert gone == min(active, max(at_least, active * percent // 100), 2_000)


@pytest.fixture
async def staff(feed):
    """Ten people, of whom five may be deactivated in a day."""
    return [(await feed.hire(f"p{number}"))["id"] for number in range(10)]


async def active(company, ids):
    people = await company.store.people.find_many(
        tenant_id=company.tenant.id, person_ids=ids, handles=[]
    )
    return {person.id for person in people if person.active}


async def test_int_1_two_feeds_at_once_cannot_pass_the_limit_together(
    feed, company, staff, served, facts
):
    told = await asyncio.gather(*(feed.ask("DELETE", f"/Users/{id_}") for id_ in staff))
    assert sorted(each.status for each in told) == [204] * 5 + [409] * 5
    assert len(await active(company, staff)) == 5
    refusal = next(each for each in told if each.status == 409)
    assert "administrator" in refusal.body["detail"]

    # People who wait stay active, nothing else is blocked, and a repeated request changes nothing.
    waiting = sorted(await active(company, staff))
    first = await feed.ask("GET", f"/Users/{waiting[0]}")
    assert (first.status, first.body.get("active")) == (200, None)
    renamed = await feed.patch(waiting[0], {"op": "replace", "path": "title", "value": "T"})
    assert renamed.status == 200
    assert (await feed.ask("DELETE", f"/Users/{waiting[0]}")).status == 409
    await feed.hire("newcomer")
    status = (await served.scim.GetFeedStatus(GetFeedStatusRequest(), **feed.caller)).status
    assert (status.stopped, status.deactivated, status.allowed) == (True, 5, 5)
    assert sorted(status.waiting_person_ids) == waiting
    kinds = [fact.type.rpartition(".")[2] for fact in await facts()]
    assert kinds.count("PersonDeactivated") == 5
    assert kinds.count("FeedStopped") == 1


async def stop(feed, staff):
    for id_ in staff[:5]:
        assert (await feed.ask("DELETE", f"/Users/{id_}")).status == 204
    off = {"op": "replace", "path": "active", "value": False}
    assert (await feed.ask("DELETE", f"/Users/{staff[5]}")).status == 409
    assert (await feed.patch(staff[6], off)).status == 409


async def test_int_1_approved_deactivations_happen_once_and_the_count_begins_anew(
    feed, company, staff, served, facts
):
    await stop(feed, staff)

    async def answer(expected=2, caller=feed.caller):
        request = ResolveFeedRequest(approve=True, expected_waiting=expected)
        try:
            await served.scim.ResolveFeed(request, **caller)
        except AioRpcError as error:
            return refused(error).reason
        return ""

    member = served.person(company.admin.id, company.tenant.id, "member")
    assert await answer(caller=member) == "PERMISSION_MISSING"
    assert await answer(expected=1) == "FEED_CHANGED"
    assert "" in await asyncio.gather(answer(), answer())
    assert await active(company, staff) == set(staff[7:])
    # Removed by DELETE, or only deactivated: each as the feed had requested.
    assert (await feed.ask("GET", f"/Users/{staff[5]}")).status == 404
    assert (await feed.ask("GET", f"/Users/{staff[6]}")).body["active"] is False
    kinds = [fact.type.rpartition(".")[2] for fact in await facts()]
    assert kinds.count("PersonDeactivated") == 7
    assert await answer(expected=0) == "FEED_NOT_STOPPED"
    assert (await feed.ask("DELETE", f"/Users/{staff[7]}")).status == 204


async def test_int_1_dropped_deactivations_change_nobody_and_the_feed_goes_on(
    feed, company, staff, served
):
    await stop(feed, staff)
    told = await served.scim.ResolveFeed(
        ResolveFeedRequest(approve=False, expected_waiting=2), **feed.caller
    )
    assert (told.status.stopped, told.status.deactivated) == (False, 0)
    assert await active(company, staff) == set(staff[5:])
    assert (await feed.ask("DELETE", f"/Users/{staff[5]}")).status == 204


async def test_int_1_who_may_answer_and_nothing_else_sees_what_waits_and_answers(
    feed, company, staff, served
):
    await stop(feed, staff)
    keeper = await company.hire("keeper")
    role = await company.create_role("Keeper of the feed", [APPROVE])
    await company.bind(role.id, f"person:{keeper.id}")
    caller = served.person(keeper.id, company.tenant.id, "member")

    status = (await served.scim.GetFeedStatus(GetFeedStatusRequest(), **caller)).status
    told = await served.scim.ResolveFeed(
        ResolveFeedRequest(approve=True, expected_waiting=len(status.waiting_person_ids)), **caller
    )

    assert list(status.waiting_person_ids) == staff[5:7]
    assert (told.status.stopped, list(told.status.waiting_person_ids)) == (False, [])
    assert await active(company, staff) == set(staff[7:])


async def test_int_1_the_window_slides_and_the_feed_may_take_back_what_waits(
    feed, company, staff, clock
):
    await stop(feed, staff)
    on = {"op": "replace", "path": "active", "value": True}
    assert (await feed.patch(staff[6], on)).status == 200
    # A feed that has stopped does not start again by itself.
    clock.advance(DAY)
    feed.renew()
    assert (await feed.ask("DELETE", f"/Users/{staff[7]}")).status == 409
    status = await queries.get_feed_status(
        company.store, actor=company.actor, rules=feed.rules, now=clock.now()
    )
    assert [each.person_id for each in status.waiting] == [staff[5], staff[7]]
    for id_ in (staff[5], staff[7]):
        assert (await feed.patch(id_, on)).status == 200
    for id_ in staff[5:]:
        assert (await feed.ask("DELETE", f"/Users/{id_}")).status == 204


@pytest.mark.rule("MSG-21")
async def test_msg_21_a_status_names_the_1000_who_wait_longest_and_counts_all(
    company, served, feed, staff, clock
):
    await stop(feed, staff)
    more = [f"per_{number:04}" for number in range(1_200)]
    since = clock.now() + DAY
    await company.store.feeds._waiting.insert_many(
        [
            {"_id": each, "tenant_id": company.tenant.id, "since": since, "remove": True}
            for each in more
        ]
    )

    status = (await served.scim.GetFeedStatus(GetFeedStatusRequest(), **feed.caller)).status

    assert status.waiting == 1_202
    assert list(status.waiting_person_ids) == [*staff[5:7], *more[:998]]
    told = await served.scim.ResolveFeed(
        ResolveFeedRequest(approve=False, expected_waiting=status.waiting), **feed.caller
    )
    assert (told.status.stopped, told.status.waiting) == (False, 0)


async def test_the_last_administrator_is_not_deactivated_by_a_feed(feed, company):
    told = await feed.ask("POST", "/Users", {"schemas": [], "userName": "root", "active": False})
    assert told.status == 201
    assert told.body["id"] != company.admin.id
