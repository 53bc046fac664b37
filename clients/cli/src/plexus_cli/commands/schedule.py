"""Messages that are to be sent later, once (MSG-17)."""

import sys
from collections.abc import Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from plexus.messaging.v1 import messages_pb2, personal_service_pb2
from plexus.messaging.v1.personal_service_pb2 import ScheduledContent, ScheduledMessage
from plexus_sdk import Plexus, Refused
from plexuskit.clock import SystemClock
from plexuskit.ids import new_id
from plexuskit.timestamps import instant_of, timestamp

from plexus_cli import moments
from plexus_cli.commands.conversations import resolve
from plexus_cli.commands.drafts import titles
from plexus_cli.context import find_people, me, run
from plexus_cli.output import as_dict, print_json, print_table, say

pb = personal_service_pb2
app = typer.Typer(no_args_is_help=True, help="Messages that are to be sent later.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Where = Annotated[str, typer.Argument(help="Id, name of a group, or @person.")]
Which = Annotated[str, typer.Argument(help="Id of the scheduled message, sch_…")]
When = Annotated[str, typer.Option("--at", help=moments.HELP)]


@app.command()
def add(
    conversation: Where,
    text: Annotated[str, typer.Argument(help="What to say; `-` reads standard input.")],
    at: When,
    reply_to: Annotated[int, typer.Option(help="Answer to this seq.")] = 0,
    mention: Annotated[list[str] | None, typer.Option(help="Handle, or `all`.")] = None,
    request_id: Annotated[str | None, typer.Option("--id", help="Id for retries.")] = None,
    json: Json = False,
) -> None:
    """Have something said later; prints its id and the time as your clock will show it."""
    said = sys.stdin.read().rstrip("\n") if text == "-" else text

    async def work(plexus: Plexus) -> tuple[ScheduledMessage, str]:
        now = SystemClock().now()
        zone = moments.zone_of((await me(plexus)).time_zone)
        send_at = moments.parse(at, zone=zone, now=now)
        request = pb.ScheduleMessageRequest(
            request_id=request_id or new_id("req", now=now),
            message=ScheduledContent(
                conversation_id=await resolve(plexus, conversation),
                text=said,
                mentions=await _mentions(plexus, mention or []),
                reply_to_seq=reply_to,
            ),
            send_at=timestamp(send_at),
        )
        response = await plexus.call(plexus.personal.ScheduleMessage, request)
        return response.scheduled, moments.shown(send_at, zone=zone)

    scheduled, shown = run(work)
    if json:
        print_json(as_dict(scheduled))
    else:
        say(f"{scheduled.id} will be sent at {shown}.")


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Sent and cancelled ones too.")] = False,
    json: Json = False,
) -> None:
    """List what you have scheduled: what needs you first, then the next one first."""

    async def work(
        plexus: Plexus,
    ) -> tuple[list[ScheduledMessage], dict[str, str], ZoneInfo]:
        found = await _all(plexus, include_ended=every)
        if json:
            return found, {}, moments.zone_of("")
        zone = moments.zone_of((await me(plexus)).time_zone)
        return found, await titles(plexus), zone

    found, names, zone = run(work)
    if json:
        print_json([as_dict(each) for each in found])
        return
    rows = [
        (
            each.id,
            _word(each),
            moments.shown(instant_of(each.send_at), zone=zone),
            names.get(each.conversation_id, each.conversation_id),
            each.text,
        )
        for each in found
    ]
    print_table(f"{len(found)} scheduled", ["id", "state", "at", "conversation", "text"], rows)


@app.command()
def edit(
    scheduled: Which,
    text: Annotated[str | None, typer.Option(help="Other words.")] = None,
    at: Annotated[str | None, typer.Option("--at", help=moments.HELP)] = None,
    expected_version: int = 0,
    json: Json = False,
) -> None:
    """Change words or time, until it is being sent; a new time also revives what had failed."""

    async def work(plexus: Plexus) -> tuple[ScheduledMessage, str]:
        zone = moments.zone_of((await me(plexus)).time_zone)
        request = pb.UpdateScheduledMessageRequest(id=scheduled, expected_version=expected_version)
        if text is not None:
            current = await _find(plexus, scheduled)
            request.message.CopyFrom(_reworded(current, text))
            # Of what was just read, unless told otherwise: nobody's change is overwritten unseen.
            request.expected_version = expected_version or current.version
        if at is not None:
            send_at = moments.parse(at, zone=zone, now=SystemClock().now())
            request.send_at.CopyFrom(timestamp(send_at))
        changed = (await plexus.call(plexus.personal.UpdateScheduledMessage, request)).scheduled
        return changed, moments.shown(instant_of(changed.send_at), zone=zone)

    changed, shown = run(work)
    if json:
        print_json(as_dict(changed))
    elif changed.state == ScheduledMessage.STATE_WAITING:
        say(f"{changed.id} will be sent at {shown}.")
    else:
        say(f"{changed.id} is {_word(changed)}; give it another time with --at.")


@app.command()
def cancel(scheduled: Which, json: Json = False) -> None:
    """Give a message up."""

    async def work(plexus: Plexus) -> ScheduledMessage:
        request = pb.CancelScheduledMessageRequest(id=scheduled)
        return (await plexus.call(plexus.personal.CancelScheduledMessage, request)).scheduled

    gone = run(work)
    if json:
        print_json(as_dict(gone))
    else:
        say(f"{gone.id} will not be sent.")


def _reworded(current: ScheduledMessage, text: str) -> ScheduledContent:
    """Give the message with other words; spans were of the old ones."""
    return ScheduledContent(
        conversation_id=current.conversation_id,
        text=text,
        format=current.format,
        mentions=current.mentions,
        priority=current.priority,
        reply_to_seq=current.reply_to_seq,
        attachments=current.attachments,
        quote_seq=current.quote_seq,
        notify=current.notify,
    )


async def _find(plexus: Plexus, scheduled_id: str) -> ScheduledMessage:
    for each in await _all(plexus, include_ended=True):
        if each.id == scheduled_id:
            return each
    raise Refused(
        f"You have no scheduled message {scheduled_id}: look at `plexus schedule list`.",
        reason="SCHEDULED_MESSAGE_NOT_FOUND",
    )


async def _all(plexus: Plexus, *, include_ended: bool) -> list[ScheduledMessage]:
    found: list[ScheduledMessage] = []
    token = ""
    while True:
        request = pb.ListScheduledMessagesRequest(
            include_ended=include_ended, page_size=500, page_token=token
        )
        response = await plexus.call(plexus.personal.ListScheduledMessages, request)
        found += response.scheduled
        token = response.next_page_token
        if not token:
            return found


async def _mentions(plexus: Plexus, names: Sequence[str]) -> list[messages_pb2.Mention]:
    people = await find_people(plexus, [name for name in names if name != "all"])
    mentions = [messages_pb2.Mention(person_id=person.id) for person in people.values()]
    return [*mentions, messages_pb2.Mention(all=True)] if "all" in names else mentions


def _word(scheduled: ScheduledMessage) -> str:
    state = ScheduledMessage.State.Name(scheduled.state).removeprefix("STATE_").lower()
    return f"{state} ({scheduled.failure_reason})" if scheduled.failure_reason else state
