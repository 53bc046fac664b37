"""Reading and writing: history, send, unread, read, receipts."""

import enum
import sys
from typing import Annotated

import typer
from plexus.messaging.v1 import messages_pb2, messaging_service_pb2
from plexus.messaging.v1.messages_pb2 import Message
from plexus_sdk import Plexus, Refused
from plexuskit.clock import SystemClock
from plexuskit.ids import new_id
from rich.text import Text

from plexus_cli.commands.availability import show_off_hours, warn_of_off_hours
from plexus_cli.commands.conversations import all_views, resolve, title_of
from plexus_cli.context import find_people, name_people, run
from plexus_cli.output import as_dict, instant, local, print_json, print_table, say
from plexus_cli.rendering import body_of, counted_reactions, safe_line

pb = messaging_service_pb2

ALL, DEPARTMENT = "all", "dep_"

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Where = Annotated[str, typer.Argument(help="Id, name of a group, or @person.")]


class Importance(enum.StrEnum):
    """Priorities by name."""

    NORMAL = "normal"
    IMPORTANT = "important"
    URGENT = "urgent"


_PRIORITIES = {
    Importance.NORMAL: messages_pb2.PRIORITY_NORMAL,
    Importance.IMPORTANT: messages_pb2.PRIORITY_IMPORTANT,
    Importance.URGENT: messages_pb2.PRIORITY_URGENT,
}


def history(
    conversation: Where,
    limit: Annotated[int, typer.Option(help="How many messages, 1 to 500.", min=1, max=500)] = 30,
    before: Annotated[int, typer.Option(help="Only before this seq.")] = 0,
    after: Annotated[int | None, typer.Option(help="Only after this seq.")] = None,
    thread: Annotated[int, typer.Option(help="Only the thread of this seq.")] = 0,
    json: Json = False,
) -> None:
    """Read a conversation, the newest messages unless told otherwise."""

    async def work(plexus: Plexus) -> tuple[list[Message], dict[str, str]]:
        request = pb.ListMessagesRequest(
            conversation_id=await resolve(plexus, conversation),
            page_size=limit,
            before_seq=before,
            root_seq=thread,
        )
        if after is not None:
            request.after_seq = after
        response = await plexus.call(plexus.messaging.ListMessages, request)
        names = await name_people(plexus, {message.sender_id for message in response.messages})
        return list(response.messages), names

    messages, names = run(work)
    if json:
        print_json([as_dict(message) for message in messages])
        return
    for message in messages:
        say(line_of(message, names))


def line_of(message: Message, names: dict[str, str]) -> Text:
    """Give a message as one paragraph for a person, its spans as styles."""
    reply = f" ↳{message.root_seq}" if message.root_seq else ""
    who = safe_line(names.get(message.sender_id, message.sender_id))
    line = Text(f"{message.seq:>6}{reply}  {local(message.sent_at)}  {who}: ")
    if message.HasField("quote"):
        line.append(f"「{safe_line(message.quote.text) or '…'}」 ")
    line.append_text(Text("(recalled)") if message.recalled else body_of(message))
    if message.HasField("edited_at") and not message.recalled:
        line.append(" (edited)")
    if message.forwarded:
        carried = " / ".join(safe_line(each.text) for each in message.forwarded if each.text)
        line.append(f" (forwarded{': ' if carried else ''}{carried})")
    for attachment in message.attachments:
        line.append(f" [{safe_line(attachment.name or attachment.url)}]")
    for emoji, count in counted_reactions(message):
        line.append(f" {safe_line(emoji)} {count}")
    if message.HasField("pin"):
        line.append(" 📌")
    for word in message.labels:
        line.append(f" #{safe_line(word)}")
    return line


def send(
    conversation: Where,
    text: Annotated[str, typer.Argument(help="What to say; `-` reads standard input.")],
    reply_to: Annotated[int, typer.Option(help="Answer to this seq.")] = 0,
    quote: Annotated[int, typer.Option(help="Repeat this seq above your words.")] = 0,
    silent: Annotated[bool, typer.Option("--silent", help="Disturb nobody with it.")] = False,
    priority: Annotated[
        Importance, typer.Option(help="How much it may disturb.")
    ] = Importance.NORMAL,
    mention: Annotated[
        list[str] | None, typer.Option(help="Handle, `all`, or id of a department.")
    ] = None,
    markdown: Annotated[
        bool, typer.Option(help="Read **bold**, *italic*, ~~strike~~, `code`, > quotes and links.")
    ] = False,
    request_id: Annotated[
        str | None,
        typer.Option("--id", help="Your own id of the message; send again with it safely."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say who would be reached off hours; send nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Say something; prints its id and seq. At a terminal it says before who is off hours."""
    said = sys.stdin.read().rstrip("\n") if text == "-" else text

    async def work(plexus: Plexus) -> pb.SendMessageResponse | None:
        conversation_id = await resolve(plexus, conversation)
        mentions = await mentions_of(plexus, mention or [])
        if check:
            await show_off_hours(plexus, conversation_id, mentions, json=json)
            return None
        if sys.stderr.isatty():
            await warn_of_off_hours(plexus, conversation_id, mentions)
        request = pb.SendMessageRequest(
            conversation_id=conversation_id,
            request_id=request_id or new_id("req", now=SystemClock().now()),
            text=said,
            mentions=mentions,
            reply_to_seq=reply_to,
            quote_seq=quote,
            notify=messages_pb2.NOTIFY_NONE if silent else messages_pb2.NOTIFY_UNSPECIFIED,
            priority=_PRIORITIES[priority],
            format=messages_pb2.FORMAT_MARKDOWN if markdown else messages_pb2.FORMAT_PLAIN,
        )
        return await plexus.call(plexus.messaging.SendMessage, request)

    response = run(work)
    if response is None:
        return
    if json:
        print_json(as_dict(response))
        return
    say(f"{response.message_id} {response.seq}")


async def mentions_of(plexus: Plexus, names: list[str]) -> list[messages_pb2.Mention]:
    """Give whom names stand for: handles, `all`, and ids of departments (`dep_…`)."""
    departments = [name for name in names if name.startswith(DEPARTMENT)]
    handles = [name for name in names if name != ALL and name not in departments]
    people = await find_people(plexus, handles)
    mentions = [messages_pb2.Mention(person_id=person.id) for person in people.values()]
    mentions += [messages_pb2.Mention(department_id=name) for name in departments]
    if ALL in names:
        mentions.append(messages_pb2.Mention(all=True))
    return mentions


def unread(json: Json = False) -> None:
    """List what you have not read."""

    async def work(plexus: Plexus) -> list[dict[str, object]]:
        views = [
            view
            for view in await all_views(plexus)
            if view.unread or view.mention_unread or view.unread_in_threads
        ]
        names = await name_people(plexus, {view.peer_id for view in views} - {""})
        return [
            {
                "conversation_id": view.conversation.id,
                "name": title_of(view, names),
                "unread": view.unread,
                "mention_unread": view.mention_unread,
                "unread_in_threads": view.unread_in_threads,
            }
            for view in views
        ]

    found = run(work)
    if json:
        print_json(found)
        return
    rows = [
        (v["name"], v["unread"], v["mention_unread"], "threads" if v["unread_in_threads"] else "")
        for v in found
    ]
    print_table(f"{len(found)} with unread messages", ["name", "unread", "@you", ""], rows)


def read(
    conversation: Where,
    through: Annotated[int, typer.Argument(help="Read up to this seq; the last by default.")] = 0,
    thread: Annotated[int, typer.Option(help="Of the thread of this seq.")] = 0,
) -> None:
    """Mark a conversation as read."""

    async def work(plexus: Plexus) -> int:
        conversation_id = await resolve(plexus, conversation)
        seq = through
        if not seq:
            asked = pb.GetConversationRequest(conversation_id=conversation_id)
            response = await plexus.call(plexus.messaging.GetConversation, asked)
            seq = response.view.conversation.last_seq
        advance = pb.CursorAdvance(
            conversation_id=conversation_id, through_seq=seq, root_seq=thread
        )
        request = pb.AdvanceCursorsRequest(advances=[advance])
        advanced = await plexus.call(plexus.messaging.AdvanceCursors, request)
        verdict = advanced.verdicts[0]
        if verdict.HasField("refused"):
            raise Refused(verdict.refused.message, reason=verdict.refused.reason)
        return verdict.cursor.through_seq

    say(f"Read through {run(work)}.")


def receipts(
    conversation: Where,
    seq: Annotated[int, typer.Argument(help="Which message.")],
    json: Json = False,
) -> None:
    """Show who has read a message, and when."""

    async def work(
        plexus: Plexus,
    ) -> tuple[pb.ListReceiptsResponse, list[pb.Receipt], dict[str, str]]:
        conversation_id = await resolve(plexus, conversation)
        rows: list[pb.Receipt] = []
        token = ""
        while True:
            request = pb.ListReceiptsRequest(
                conversation_id=conversation_id, seq=seq, page_size=1000, page_token=token
            )
            response = await plexus.call(plexus.messaging.ListReceipts, request)
            rows += response.receipts
            token = response.next_page_token
            if not token:
                return response, rows, await name_people(plexus, {r.person_id for r in rows})

    response, rows, names = run(work)
    if response.counts_only and not json:
        say(f"{response.read} of {response.audience} have read it; names are not shown.")
        return
    people = [
        {
            "person_id": row.person_id,
            "handle": names[row.person_id],
            "read": row.read,
            "read_at": instant(row.read_at) if row.read else None,
        }
        for row in rows
    ]
    if json:
        print_json({"audience": response.audience, "read": response.read, "receipts": people})
        return
    shown = [(p["handle"], p["read_at"] or "not yet") for p in people]
    print_table(f"{response.read} of {response.audience} have read it", ["handle", "read"], shown)
