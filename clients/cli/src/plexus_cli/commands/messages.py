"""Messages: history, send, unread, read, receipts."""

import sys
from typing import Annotated

from plexus.messaging.v1 import messages_pb2, messaging_service_pb2
from plexus.messaging.v1.conversations_pb2 import ConversationEvent
from plexus.messaging.v1.messages_pb2 import Message
from plexus_sdk import Plexus, Refused

from plexus_cli.commands.availability import show_off_hours, warn_of_off_hours
from plexus_cli.context import name_people, run
from plexus_cli.happenings import line_of_event, people_of
from plexus_cli.language import counted, tr
from plexus_cli.lines import line_of
from plexus_cli.lookups.conversations import (
    all_views,
    events_of,
    names_in,
    resolve,
    titles_of,
)
from plexus_cli.lookups.mentions import Mentioned, Plain, mentions_of, warn_of_absent
from plexus_cli.lookups.requests import new_request_id
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, Json, Option, Where
from plexus_cli.output import as_dict, instant, print_json, print_table, say
from plexus_cli.texts import given

pb = messaging_service_pb2


PRIORITIES = {
    "normal": messages_pb2.PRIORITY_NORMAL,
    "important": messages_pb2.PRIORITY_IMPORTANT,
    "urgent": messages_pb2.PRIORITY_URGENT,
}


def history(
    conversation: Where,
    limit: Annotated[int, Option(help="How many messages, 1 to 500.", min=1, max=500)] = 30,
    before: Annotated[int, Option(help="Only before this seq.")] = 0,
    after: Annotated[int | None, Option(help="Only after this seq.")] = None,
    thread: Annotated[int, Option(help="Only the thread of this seq.")] = 0,
    json: Json = False,
) -> None:
    """Read a conversation; the newest messages by default."""

    async def work(
        plexus: Plexus,
    ) -> tuple[list[Message], list[ConversationEvent], dict[str, str]]:
        request = pb.ListMessagesRequest(
            conversation_id=await resolve(plexus, conversation, archived=True),
            page_size=limit,
            before_seq=before,
            root_seq=thread,
        )
        if after is not None:
            request.after_seq = after
        response = await plexus.call(plexus.messaging.ListMessages, request)
        happened = [] if json or thread else await _happened(plexus, request, response)
        names = await names_in(plexus, response.messages)
        names |= await name_people(plexus, people_of(happened) - names.keys())
        return list(response.messages), happened, names

    messages, happened, names = run(work, in_zone=not json)
    if json:
        print_json([as_dict(message) for message in messages])
        return
    lines = [(message.seq, 0, line_of(message, names)) for message in messages]
    lines += [(each.after_seq, each.change_no, line_of_event(each, names)) for each in happened]
    for _, _, line in sorted(lines, key=lambda each: each[:2]):
        say(line)


async def _happened(
    plexus: Plexus, request: pb.ListMessagesRequest, response: pb.ListMessagesResponse
) -> list[ConversationEvent]:
    """Return what happened to the conversation among the messages of a page."""
    messages = response.messages
    forwards = request.HasField("after_seq")
    begins = not (response.has_more or forwards)
    ends = not (request.before_seq or (forwards and response.has_more))
    if not messages and not (begins and ends):
        return []
    return await events_of(
        plexus,
        request.conversation_id,
        after_seq=0 if begins else messages[0].seq,
        through_seq=0 if ends else messages[-1].seq,
    )


def send(
    conversation: Where,
    text: Annotated[str, Argument(help="The text; `-` reads standard input.")],
    reply_to: Annotated[int, Option(help="Reply to this seq.")] = 0,
    quote: Annotated[int, Option(help="Quote this seq.")] = 0,
    silent: Annotated[bool, Option("--silent", help="Send without notifications.")] = False,
    priority: Annotated[str, Option(help="Priority.", choices=tuple(PRIORITIES))] = "normal",
    mention: Mentioned = None,
    no_mentions: Plain = False,
    markdown: Annotated[
        bool, Option(help="Read **bold**, *italic*, ~~strike~~, `code`, > quotes and links.")
    ] = False,
    request_id: Annotated[
        str | None,
        Option("--id", help="Id of the request; sending again with the same id is safe."),
    ] = None,
    check: Annotated[
        bool, Option("--check", help="Only show recipients outside working hours; do not send.")
    ] = False,
    json: Json = False,
) -> None:
    """Send a message and print its id and seq. A terminal warns of people outside working hours."""
    said = given(text)

    async def work(plexus: Plexus) -> pb.SendMessageResponse | None:
        conversation_id = await resolve(plexus, conversation)
        addressed = await mentions_of(
            plexus,
            said,
            mention,
            conversation_id=conversation_id,
            markdown=markdown,
            plain=no_mentions,
        )
        if check:
            await show_off_hours(plexus, conversation_id, addressed.mentions, json=json)
            return None
        if sys.stderr.isatty():
            await warn_of_off_hours(plexus, conversation_id, addressed.mentions)
        request = pb.SendMessageRequest(
            conversation_id=conversation_id,
            request_id=request_id or new_request_id(),
            text=said,
            mentions=addressed.mentions,
            spans=addressed.spans,
            reply_to_seq=reply_to,
            quote_seq=quote,
            notify=messages_pb2.NOTIFY_NONE if silent else messages_pb2.NOTIFY_UNSPECIFIED,
            priority=PRIORITIES[priority],
            format=messages_pb2.FORMAT_MARKDOWN if markdown else messages_pb2.FORMAT_PLAIN,
        )
        stored = await plexus.call(plexus.messaging.SendMessage, request)
        await warn_of_absent(plexus, stored.not_in_conversation)
        return stored

    response = run(work)
    if response is None:
        return
    if json:
        print_json(as_dict(response))
        return
    say(f"{response.message_id} {response.seq}")


def unread(json: Json = False) -> None:
    """List conversations with unread messages."""

    async def work(plexus: Plexus) -> list[dict[str, object]]:
        views = [
            view
            for view in await all_views(plexus)
            if view.unread or view.mention_unread or view.unread_in_threads
        ]
        names = await name_people(plexus, {view.peer_id for view in views} - {""})
        titles = titles_of(views, names)
        return [
            {
                "conversation_id": view.conversation.id,
                "name": titles[view.conversation.id],
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
        (
            v["name"],
            v["unread"],
            v["mention_unread"],
            tr("threads") if v["unread_in_threads"] else "",
        )
        for v in found
    ]
    print_table(
        counted(len(found), "{n} with unread messages", "{n} with unread messages"),
        ["name", "unread", "@you", ""],
        rows,
    )


def read(
    conversation: Where,
    through: Annotated[int, Argument(help="Read up to this seq; the last by default.")] = 0,
    thread: Annotated[int, Option(help="In the thread of this seq.")] = 0,
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

    say(tr("Read through {n}.", n=run(work)))


def receipts(
    conversation: Where,
    seq: Annotated[int, Argument(help="`seq` of the message.")],
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

    response, rows, names = run(work, in_zone=not json)
    if response.counts_only and not json:
        say(
            tr(
                "{read} of {audience} have read it; names are not shown.",
                read=response.read,
                audience=response.audience,
            )
        )
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
    shown = [
        (names[row.person_id], local(row.read_at) if row.read else tr("not yet")) for row in rows
    ]
    print_table(
        tr("{read} of {audience} have read it", read=response.read, audience=response.audience),
        ["handle", heading("read")],
        shown,
    )
