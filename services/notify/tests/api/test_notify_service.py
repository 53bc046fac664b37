from collections.abc import Callable
from typing import Any

import grpc
import pytest
from notify.consumers import Handlers
from notify.queries.status import DeadLetters, get_notify_status
from notify.store import Store
from plexus.notify.v1 import notifications_pb2 as shapes
from plexus.notify.v1 import notify_service_pb2 as pb
from plexus_testkit.clock import FrozenClock
from plexuskit.errors import DependencyDown
from plexuskit.grpc import refused

SignedIn = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("known")

QUIET = shapes.QuietHours(
    enabled=True, start="22:00", end="08:00", weekdays=[1, 2, 3, 4, 5], time_zone="Asia/Shanghai"
)


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    outcome = refused(failed.value)
    assert outcome.message(), "every refusal says something to a person"
    return outcome.code, outcome.reason


async def tell(
    handlers: Handlers, facts: Any, *seqs: int, names: tuple[str, ...] = ("bo",)
) -> None:
    for seq in seqs:
        await handlers.messages([facts.posted(facts.message(f"m{seq}", seq=seq, mentions=names))])


async def test_ntf_01_the_inbox_is_ones_own_newest_first_with_every_outcome(
    signed_in: SignedIn, handlers: Handlers, facts: Any
) -> None:
    await tell(handlers, facts, 1, 2, 3, names=("bo", "ann"))

    first = await signed_in("bo").ListNotifications(pb.ListNotificationsRequest(page_size=2))
    rest = await signed_in("bo").ListNotifications(
        pb.ListNotificationsRequest(page_size=2, page_token=first.next_page_token)
    )
    assert [each.body for each in (*first.notifications, *rest.notifications)] == ["m3", "m2", "m1"]
    assert (first.unread, rest.unread, rest.next_page_token) == (3, 3, "")
    shown = first.notifications[0]
    assert (shown.person_id, shown.kind) == ("per_bo", shapes.NOTIFICATION_KIND_MENTION)
    assert (shown.source.kind, shown.source.seq, shown.source.actor_id) == ("message", 3, "per_ann")
    in_app, email = shown.deliveries
    assert (in_app.channel, in_app.state, in_app.reason) == (
        shapes.CHANNEL_IN_APP,
        shapes.Delivery.STATE_DELIVERED,
        "STORED",
    )
    assert (email.channel, email.reason) == (shapes.CHANNEL_EMAIL, "QUEUED")
    assert email.HasField("next_attempt_at")
    nothing = await signed_in("ann").ListNotifications(pb.ListNotificationsRequest())
    assert (len(nothing.notifications), nothing.unread) == (0, 0), "one's own mentions are no news"


async def test_ntf_07_marking_as_read_is_ones_own_and_drops_the_mail(
    signed_in: SignedIn, handlers: Handlers, facts: Any
) -> None:
    await tell(handlers, facts, 1, 2, 3, names=("bo", "cy"))
    bo, cy = signed_in("bo"), signed_in("cy")
    mine = (await bo.ListNotifications(pb.ListNotificationsRequest())).notifications

    request = pb.MarkNotificationsReadRequest(notification_ids=[mine[0].id])
    assert (await cy.MarkNotificationsRead(request)).marked == 0
    assert (await bo.MarkNotificationsRead(request)).marked == 1
    assert (await bo.MarkNotificationsRead(request)).marked == 0
    unread = await bo.ListNotifications(pb.ListNotificationsRequest(unread_only=True))
    assert [each.id for each in unread.notifications] == [each.id for each in mine[1:]]
    assert (await bo.MarkNotificationsRead(pb.MarkNotificationsReadRequest())).marked == 2
    after = await bo.ListNotifications(pb.ListNotificationsRequest())
    assert after.unread == 0
    assert {each.deliveries[1].reason for each in after.notifications} == {"ALREADY_READ"}
    assert (await cy.ListNotifications(pb.ListNotificationsRequest())).unread == 3


async def test_msg_14_after_leaving_the_text_is_not_shown_any_more(
    signed_in: SignedIn, handlers: Handlers, facts: Any
) -> None:
    await tell(handlers, facts, 1)
    await handlers.messages([facts.left(facts.member("bo", version=2, last=1))])
    (shown,) = (
        await signed_in("bo").ListNotifications(pb.ListNotificationsRequest())
    ).notifications
    assert shown.body == ""


async def test_preferences_are_defaults_until_they_are_chosen(signed_in: SignedIn) -> None:
    bo = signed_in("bo")
    found = (await bo.GetPreferences(pb.GetPreferencesRequest())).preferences
    assert (found.person_id, found.version, found.quiet_hours.enabled) == ("per_bo", 0, False)
    channels = {each.kind: list(each.channels) for each in found.kinds}
    assert channels[shapes.NOTIFICATION_KIND_DIRECT_MESSAGE] == [shapes.CHANNEL_IN_APP]
    assert all(shapes.CHANNEL_EMAIL in channels[kind] for kind in (1, 3, 4, 5))

    found.kinds[0].ClearField("channels")
    found.quiet_hours.CopyFrom(QUIET)
    stored = (await bo.SetPreferences(pb.SetPreferencesRequest(preferences=found))).preferences

    again = (await bo.GetPreferences(pb.GetPreferencesRequest())).preferences
    assert again == stored
    assert (again.version, list(again.kinds[0].channels)) == (1, [])
    assert again.quiet_hours == QUIET
    other = (await signed_in("cy").GetPreferences(pb.GetPreferencesRequest())).preferences
    assert other.version == 0


async def test_a_version_that_was_overtaken_is_refused(signed_in: SignedIn) -> None:
    bo = signed_in("bo")
    await bo.SetPreferences(pb.SetPreferencesRequest())
    await bo.SetPreferences(pb.SetPreferencesRequest(expected_version=1))
    assert await refusal(bo.SetPreferences(pb.SetPreferencesRequest(expected_version=1))) == (
        grpc.StatusCode.ABORTED,
        "VERSION_CONFLICT",
    )
    current = (await bo.GetPreferences(pb.GetPreferencesRequest())).preferences
    assert current.version == 2


@pytest.mark.parametrize(
    "hours",
    [
        {"start": "22:00", "end": "22:00"},
        {"start": "22:00"},
        {"start": "22h", "end": "08:00"},
        {"start": "22:00", "end": "08:00", "time_zone": "Mars"},
        {"start": "22:00", "end": "08:00", "weekdays": [9]},
    ],
)
async def test_ntf_03_quiet_hours_that_nobody_can_live_by_are_refused(
    signed_in: SignedIn, hours: dict[str, Any]
) -> None:
    preferences = shapes.Preferences(quiet_hours=shapes.QuietHours(enabled=True, **hours))
    request = pb.SetPreferencesRequest(preferences=preferences)
    assert await refusal(signed_in("bo").SetPreferences(request)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "QUIET_HOURS_INVALID",
    )


async def test_what_makes_no_sense_is_refused(signed_in: SignedIn) -> None:
    bo, invalid = signed_in("bo"), grpc.StatusCode.INVALID_ARGUMENT
    twice = [shapes.KindPreference(kind=1), shapes.KindPreference(kind=1)]
    for kinds in (twice, [shapes.KindPreference(kind=0)], [shapes.KindPreference(kind=9)]):
        request = pb.SetPreferencesRequest(preferences=shapes.Preferences(kinds=kinds))
        assert (await refusal(bo.SetPreferences(request)))[0] is invalid
    for listing in ({"page_size": -1}, {"page_token": "x"}, {"page_token": "a" * 900}):
        request = pb.ListNotificationsRequest(**listing)
        assert (await refusal(bo.ListNotifications(request)))[0] is invalid
    many = pb.MarkNotificationsReadRequest(notification_ids=["x"] * 501)
    assert (await refusal(bo.MarkNotificationsRead(many)))[0] is invalid


async def test_gw_01_nobody_is_served_without_a_caller_context(client: Any) -> None:
    call = client.ListNotifications(pb.ListNotificationsRequest(), timeout=10)
    assert (await refusal(call))[0] is grpc.StatusCode.UNAUTHENTICATED


async def test_a_page_token_is_of_one_person_and_one_filter(
    signed_in: SignedIn, handlers: Handlers, facts: Any
) -> None:
    await tell(handlers, facts, 1, 2)
    token = (
        await signed_in("bo").ListNotifications(pb.ListNotificationsRequest(page_size=1))
    ).next_page_token
    for name, filters in (("cy", {}), ("bo", {"unread_only": True})):
        request = pb.ListNotificationsRequest(page_token=token, **filters)
        assert (await refusal(signed_in(name).ListNotifications(request)))[
            1
        ] == "INVALID_PAGE_TOKEN"


async def test_the_status_needs_kafka_once_and_lives_on_what_it_knew(
    store: Store, handlers: Handlers, facts: Any, clock: FrozenClock, signed_in: SignedIn
) -> None:
    from datetime import timedelta  # noqa: PLC0415 - this test alone moves the clock

    await tell(handlers, facts, 1, names=("bo", "cy"))
    depths: list[Any] = [3, DependencyDown(dependency="kafka")]

    async def depth() -> int:
        found = depths.pop(0)
        if isinstance(found, Exception):
            raise found
        return int(found)

    letters = DeadLetters(depth, clock=clock)
    for _ in range(3):
        figures = await get_notify_status(store, tenant_id="ten_a", dead_letters=letters)
        assert (figures.notifications, figures.deliveries, figures.dead_letters) == (2, 2, 3)
        clock.advance(timedelta(seconds=16 if depths else 1))
    assert depths == []
    elsewhere = await get_notify_status(store, tenant_id="ten_b", dead_letters=letters)
    assert (elsewhere.notifications, elsewhere.deliveries) == (0, 0)
    assert (await refusal(signed_in("bo").GetNotifyStatus(pb.GetNotifyStatusRequest())))[0] is (
        grpc.StatusCode.UNAVAILABLE
    )
