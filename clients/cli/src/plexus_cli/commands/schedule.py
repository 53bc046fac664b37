"""Scheduled messages, each sent once (MSG-17)."""

from typing import Annotated

from plexus.messaging.v1 import personal_service_pb2
from plexus.messaging.v1.messages_pb2 import Mention
from plexus.messaging.v1.personal_service_pb2 import ScheduledContent, ScheduledMessage
from plexus_sdk import Plexus, Refused
from plexus_sdk.mentions import joined
from plexuskit.timestamps import instant_of, timestamp

from plexus_cli import moments
from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.lookups.conversations import resolve, titles
from plexus_cli.lookups.mentions import Mentioned, Plain, mentions_of
from plexus_cli.lookups.requests import new_request_id
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, Group, Json, Option, Where
from plexus_cli.output import as_dict, print_json, print_table, say
from plexus_cli.texts import given

pb = personal_service_pb2
app = Group(help="Messages to be sent later.")

Which = Annotated[str, Argument(help="Id of the scheduled message, sch_…")]
When = Annotated[str, Option("--at", help=moments.HELP)]


@app.command()
def create(
    conversation: Where,
    text: Annotated[str, Argument(help="The text; `-` reads standard input.")],
    at: When,
    reply_to: Annotated[int, Option(help="Reply to this seq.")] = 0,
    mention: Mentioned = None,
    no_mentions: Plain = False,
    request_id: Annotated[str | None, Option("--id", help="Id for retries.")] = None,
    json: Json = False,
) -> None:
    """Schedule a message; prints its id and the time in your zone."""
    said = given(text)

    async def work(plexus: Plexus) -> tuple[ScheduledMessage, str]:
        send_at = moments.future(at)
        conversation_id = await resolve(plexus, conversation)
        addressed = await mentions_of(
            plexus, said, mention, conversation_id=conversation_id, plain=no_mentions
        )
        request = pb.ScheduleMessageRequest(
            request_id=request_id or new_request_id(),
            message=ScheduledContent(
                conversation_id=conversation_id,
                text=said,
                mentions=addressed.mentions,
                spans=addressed.spans,
                reply_to_seq=reply_to,
            ),
            send_at=timestamp(send_at),
        )
        response = await plexus.call(plexus.personal.ScheduleMessage, request)
        return response.scheduled, moments.shown(send_at)

    scheduled, shown = run(work, in_zone=True)
    if json:
        print_json(as_dict(scheduled))
    else:
        say(tr("{id} will be sent at {shown}.", id=scheduled.id, shown=shown))


@app.command("list")
def list_(
    every: Annotated[bool, Option("--all", help="Include sent and cancelled messages.")] = False,
    json: Json = False,
) -> None:
    """List your scheduled messages: failed ones first, then the next one."""

    async def work(
        plexus: Plexus,
    ) -> tuple[list[ScheduledMessage], dict[str, str]]:
        found = await _all(plexus, include_ended=every)
        if json:
            return found, {}
        return found, await titles(plexus)

    found, names = run(work, in_zone=not json)
    if json:
        print_json([as_dict(each) for each in found])
        return
    rows = [
        (
            each.id,
            _word(each),
            local(each.send_at),
            names.get(each.conversation_id, each.conversation_id),
            each.text,
        )
        for each in found
    ]
    print_table(
        counted(len(found), "{n} scheduled", "{n} scheduled"),
        ["id", "state", heading("at"), "conversation", "text"],
        rows,
    )


@app.command()
def update(
    scheduled: Which,
    text: Annotated[str | None, Option(help="New text.")] = None,
    at: Annotated[str | None, Option("--at", help=moments.HELP)] = None,
    expected_version: int = 0,
    json: Json = False,
) -> None:
    """Change text or time until it is sent; a new time also retries one that failed."""

    async def work(plexus: Plexus) -> tuple[ScheduledMessage, str]:
        request = pb.UpdateScheduledMessageRequest(id=scheduled, expected_version=expected_version)
        if text is not None:
            current = await _find(plexus, scheduled)
            request.message.CopyFrom(await _reworded(plexus, current, text))
            # Defaults to the version just read, so that no concurrent change is overwritten.
            request.expected_version = expected_version or current.version
        if at is not None:
            send_at = moments.future(at)
            request.send_at.CopyFrom(timestamp(send_at))
        changed = (await plexus.call(plexus.personal.UpdateScheduledMessage, request)).scheduled
        return changed, moments.shown(instant_of(changed.send_at))

    changed, shown = run(work, in_zone=True)
    if json:
        print_json(as_dict(changed))
    elif changed.state == ScheduledMessage.STATE_WAITING:
        say(tr("{id} will be sent at {shown}.", id=changed.id, shown=shown))
    else:
        say(
            tr(
                "{id} is {changed}; give it another time with --at.",
                id=changed.id,
                changed=_word(changed),
            )
        )


@app.command()
def delete(scheduled: Which, json: Json = False) -> None:
    """Cancel a scheduled message."""

    async def work(plexus: Plexus) -> ScheduledMessage:
        request = pb.CancelScheduledMessageRequest(id=scheduled)
        return (await plexus.call(plexus.personal.CancelScheduledMessage, request)).scheduled

    gone = run(work)
    if json:
        print_json(as_dict(gone))
    else:
        say(tr("{id} will not be sent.", id=gone.id))


async def _reworded(plexus: Plexus, current: ScheduledMessage, text: str) -> ScheduledContent:
    """Return the message with a new text and the mentions typed in it."""
    typed = await mentions_of(plexus, text, (), conversation_id=current.conversation_id)
    return ScheduledContent(
        conversation_id=current.conversation_id,
        text=text,
        format=current.format,
        mentions=joined(_beside_the_text(current), typed.mentions),
        spans=typed.spans,
        priority=current.priority,
        reply_to_seq=current.reply_to_seq,
        attachments=current.attachments,
        quote_seq=current.quote_seq,
        notify=current.notify,
    )


def _beside_the_text(current: ScheduledMessage) -> list[Mention]:
    """Return the mentions of a message that do not stand in its words."""
    typed = {
        (meaning, getattr(span, meaning))
        for span in current.spans
        if (meaning := span.WhichOneof("meaning"))
    }
    return [
        each
        for each in current.mentions
        if (target := each.WhichOneof("target"))
        and (f"mention_{target}", getattr(each, target)) not in typed
    ]


async def _find(plexus: Plexus, scheduled_id: str) -> ScheduledMessage:
    for each in await _all(plexus, include_ended=True):
        if each.id == scheduled_id:
            return each
    raise Refused(
        tr(
            "You have no scheduled message {scheduled_id}: look at `plexus schedule list`.",
            scheduled_id=scheduled_id,
        ),
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


def _word(scheduled: ScheduledMessage) -> str:
    state = tr(ScheduledMessage.State.Name(scheduled.state).removeprefix("STATE_").lower())
    if not scheduled.failure_reason:
        return state
    return tr("{state} ({reason})", state=state, reason=scheduled.failure_reason)
