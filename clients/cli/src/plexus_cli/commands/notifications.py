"""Notifications and preferences of the caller."""

from typing import Annotated

from plexus.notify.v1 import notifications_pb2, notify_service_pb2
from plexus.notify.v1.notifications_pb2 import Delivery, Notification, QuietHours
from plexus_sdk import Plexus

from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, BadParameter, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say

pb = notify_service_pb2
app = Group(help="Your notifications and preferences.")


KINDS = {
    name.removeprefix("NOTIFICATION_KIND_").lower(): number
    for name, number in notifications_pb2.NotificationKind.items()
    if number
}
CHANNELS = {
    name.removeprefix("CHANNEL_").lower(): number
    for name, number in notifications_pb2.Channel.items()
    if number
}


@app.command("list")
def list_(
    unread: Annotated[bool, Option(help="Only unread ones.")] = False,
    limit: Annotated[int, Option(min=1, max=200)] = 50,
    json: Json = False,
) -> None:
    """List notifications, newest first, with the outcome of every delivery."""

    async def work(plexus: Plexus) -> list[Notification]:
        request = pb.ListNotificationsRequest(page_size=limit, unread_only=unread)
        response = await plexus.call(plexus.notify.ListNotifications, request)
        return list(response.notifications)

    found = run(work, in_zone=not json)
    if json:
        print_json([as_dict(notification) for notification in found])
        return
    rows = [
        ("" if n.read else "●", local(n.created_at), n.title, n.body[:80], outcomes(n))
        for n in found
    ]
    print_table(
        counted(len(found), "{n} notification", "{n} notifications"),
        ["", heading("at"), "what", "", "deliveries"],
        rows,
    )


def outcomes(notification: Notification) -> str:
    """Return the deliveries of a notification: channel, state and reason."""
    return ", ".join(
        tr(
            "{channel} {state} ({reason})",
            channel=tr(_channel(d.channel)),
            state=tr(Delivery.State.Name(d.state).removeprefix("STATE_").lower()),
            reason=d.reason,
        )
        for d in notification.deliveries
    )


@app.command("read")
def read(
    ids: Annotated[list[str] | None, Argument(help="Ids of notifications.")] = None,
    every: Annotated[bool, Option("--all", help="All of them.")] = False,
) -> None:
    """Mark notifications as read."""
    if bool(ids) == every:
        raise BadParameter(tr("give ids, or --all"))

    async def work(plexus: Plexus) -> int:
        request = pb.MarkNotificationsReadRequest(notification_ids=ids or [])
        return (await plexus.call(plexus.notify.MarkNotificationsRead, request)).marked

    say(counted(run(work), "{n} marked as read.", "{n} marked as read."))


@app.command("preferences")
def preferences(json: Json = False) -> None:
    """Show the channels of your notifications, and your quiet hours."""

    async def work(plexus: Plexus) -> notifications_pb2.Preferences:
        response = await plexus.call(plexus.notify.GetPreferences, pb.GetPreferencesRequest())
        return response.preferences

    found = run(work)
    if json:
        print_json(as_dict(found))
        return
    rows = [
        (tr(_kind(each.kind)), ", ".join(tr(_channel(one)) for one in each.channels))
        for each in found.kinds
    ]
    print_table(tr("Preferences"), ["kind", "channels"], rows)
    quiet = found.quiet_hours
    say(
        tr(
            "Quiet hours: {start} to {end} {zone}",
            start=quiet.start,
            end=quiet.end,
            zone=quiet.time_zone,
        )
        if quiet.enabled
        else tr("No quiet hours.")
    )


@app.command()
def update(
    kind: Annotated[str, Argument(help="Kind of notification.", choices=tuple(KINDS))],
    channel: Annotated[
        list[str], Option(help="Channel; replaces all.", choices=(*CHANNELS, "none"))
    ],
) -> None:
    """Choose the channels of a kind of notification."""
    chosen = [CHANNELS[each] for each in channel if each != "none"]

    async def work(plexus: Plexus) -> None:
        response = await plexus.call(plexus.notify.GetPreferences, pb.GetPreferencesRequest())
        wanted = response.preferences
        kept = [each for each in wanted.kinds if each.kind != KINDS[kind]]
        wanted.ClearField("kinds")
        wanted.kinds.extend(kept)
        wanted.kinds.add(kind=KINDS[kind], channels=chosen)
        request = pb.SetPreferencesRequest(preferences=wanted, expected_version=wanted.version)
        await plexus.call(plexus.notify.SetPreferences, request)

    run(work)
    say(tr("Saved."))


@app.command("quiet-hours")
def quiet_hours(
    start: Annotated[str, Argument(help="HH:MM, or `off`.")],
    end: Annotated[str, Argument(help="HH:MM; may be after midnight.")] = "",
    zone: Annotated[str, Option(help="IANA zone; yours by default.")] = "",
) -> None:
    """Set the daily window without e-mail; the inbox still receives notifications."""

    async def work(plexus: Plexus) -> None:
        response = await plexus.call(plexus.notify.GetPreferences, pb.GetPreferencesRequest())
        wanted = response.preferences
        enabled = start != "off"
        hours = QuietHours(enabled=enabled)
        if enabled:
            hours = QuietHours(enabled=True, start=start, end=end, time_zone=zone)
        wanted.quiet_hours.CopyFrom(hours)
        request = pb.SetPreferencesRequest(preferences=wanted, expected_version=wanted.version)
        await plexus.call(plexus.notify.SetPreferences, request)

    run(work)
    say(tr("Saved."))


def _kind(number: int) -> str:
    name = notifications_pb2.NotificationKind.Name(number)  # type: ignore[arg-type] # of the enum
    return name.removeprefix("NOTIFICATION_KIND_").lower()


def _channel(number: int) -> str:
    name = notifications_pb2.Channel.Name(number)  # type: ignore[arg-type] # of the enum
    return name.removeprefix("CHANNEL_").lower()
