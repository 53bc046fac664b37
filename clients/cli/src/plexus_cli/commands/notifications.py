"""What one was told, and how one wants to be."""

from typing import Annotated

import typer
from plexus.notify.v1 import notifications_pb2, notify_service_pb2
from plexus.notify.v1.notifications_pb2 import Delivery, Notification, QuietHours
from plexus_sdk import Plexus

from plexus_cli.context import run
from plexus_cli.output import as_dict, local, print_json, print_table, say

pb = notify_service_pb2
app = typer.Typer(help="Your notifications and preferences.", invoke_without_command=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def list_(
    context: typer.Context,
    unread: Annotated[bool, typer.Option(help="Only those not read.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    json: Json = False,
) -> None:
    """List notifications, newest first, with the outcome of every delivery."""
    if context.invoked_subcommand is not None:
        return

    async def work(plexus: Plexus) -> list[Notification]:
        request = pb.ListNotificationsRequest(page_size=limit, unread_only=unread)
        response = await plexus.call(plexus.notify.ListNotifications, request)
        return list(response.notifications)

    found = run(work)
    if json:
        print_json([as_dict(notification) for notification in found])
        return
    rows = [
        ("" if n.read else "●", local(n.created_at), n.title, n.body[:80], outcomes(n))
        for n in found
    ]
    print_table(f"{len(found)} notifications", ["", "at", "what", "", "deliveries"], rows)


def outcomes(notification: Notification) -> str:
    """Give the deliveries of a notification: channel, state and reason."""
    return ", ".join(
        f"{notifications_pb2.Channel.Name(d.channel).removeprefix('CHANNEL_').lower()} "
        f"{Delivery.State.Name(d.state).removeprefix('STATE_').lower()} ({d.reason})"
        for d in notification.deliveries
    )


@app.command("read")
def read(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids; all by default.")] = None,
) -> None:
    """Mark notifications as read."""

    async def work(plexus: Plexus) -> int:
        request = pb.MarkNotificationsReadRequest(notification_ids=ids or [])
        return (await plexus.call(plexus.notify.MarkNotificationsRead, request)).marked

    say(f"{run(work)} marked as read.")


@app.command("preferences")
def preferences(json: Json = False) -> None:
    """Show what you are told of, by which channel, and your quiet hours."""

    async def work(plexus: Plexus) -> notifications_pb2.Preferences:
        response = await plexus.call(plexus.notify.GetPreferences, pb.GetPreferencesRequest())
        return response.preferences

    found = run(work)
    if json:
        print_json(as_dict(found))
        return
    rows = [
        (
            notifications_pb2.NotificationKind.Name(k.kind)
            .removeprefix("NOTIFICATION_KIND_")
            .lower(),
            ", ".join(
                notifications_pb2.Channel.Name(c).removeprefix("CHANNEL_").lower()
                for c in k.channels
            ),
        )
        for k in found.kinds
    ]
    print_table("Preferences", ["kind", "channels"], rows)
    quiet = found.quiet_hours
    say(
        f"Quiet hours: {quiet.start} to {quiet.end} {quiet.time_zone}"
        if quiet.enabled
        else "No quiet hours."
    )


@app.command("quiet-hours")
def quiet_hours(
    start: Annotated[str, typer.Argument(help="HH:MM, or `off`.")],
    end: Annotated[str, typer.Argument(help="HH:MM; may lie after midnight.")] = "",
    zone: Annotated[str, typer.Option(help="IANA zone; yours by default.")] = "",
) -> None:
    """Set the daily window in which no e-mail is sent to you; the inbox fills as ever."""

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
    say("Saved.")
