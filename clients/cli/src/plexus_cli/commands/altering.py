"""Changes of messages: edit, recall, react, pin, label, forward."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from plexus.messaging.v1 import messaging_service_pb2
from plexus.messaging.v1.messages_pb2 import Message
from plexus_sdk import Plexus

from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.lines import line_of
from plexus_cli.lookups.conversations import names_in, resolve
from plexus_cli.lookups.mentions import Mentioned, Plain, mentions_of, warn_of_absent
from plexus_cli.lookups.requests import new_request_id
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, Json, Option, Where
from plexus_cli.output import as_dict, print_json, print_table, say
from plexus_cli.rendering import counted_reactions
from plexus_cli.texts import given

pb = messaging_service_pb2

Which = Annotated[int, Argument(help="`seq` of the message.", min=1)]


def edit(
    conversation: Where,
    seq: Which,
    text: Annotated[str, Argument(help="New text; `-` reads standard input.")],
    mention: Mentioned = None,
    no_mentions: Plain = False,
    expect: Annotated[
        int | None, Option(help="Expected current version; refused if it differs.")
    ] = None,
    json: Json = False,
) -> None:
    """Edit your own message; every version is kept."""
    said = given(text)

    async def work(plexus: Plexus) -> Message:
        conversation_id = await resolve(plexus, conversation)
        addressed = await mentions_of(
            plexus, said, mention, conversation_id=conversation_id, plain=no_mentions
        )
        request = pb.EditMessageRequest(
            request_id=new_request_id(),
            conversation_id=conversation_id,
            seq=seq,
            text=said,
            mentions=addressed.mentions,
            spans=addressed.spans,
        )
        if expect is not None:
            request.expected_version = expect
        edited = await plexus.call(plexus.messaging.EditMessage, request)
        await warn_of_absent(plexus, edited.not_in_conversation)
        return edited.message

    _show(run(work), tr("Message {seq} edited.", seq=seq), json=json)


def recall(conversation: Where, seq: Which, json: Json = False) -> None:
    """Recall a message; its content is deleted for all members."""
    message = _changed(
        conversation, seq, pb.RecallMessageRequest, lambda p: p.messaging.RecallMessage
    )
    _show(message, tr("Message {seq} recalled.", seq=seq), json=json)


def react(
    conversation: Where,
    seq: Which,
    emoji: Annotated[str, Argument(help="Shortcode, or the emoji itself.")],
    remove: Annotated[bool, Option("--remove", help="Remove it.")] = False,
    json: Json = False,
) -> None:
    """React to a message with an emoji, or remove your reaction."""
    message = _changed(
        conversation,
        seq,
        pb.ReactToMessageRequest,
        lambda p: p.messaging.ReactToMessage,
        emoji=emoji,
        remove=remove,
    )
    shown = "  ".join(f"{emoji} {count}" for emoji, count in counted_reactions(message))
    _show(message, shown or tr("No reactions."), json=json)


def pin(
    conversation: Where,
    seq: Which,
    remove: Annotated[bool, Option("--remove", help="Unpin it.")] = False,
    json: Json = False,
) -> None:
    """Pin a message, or unpin it."""
    message = _changed(
        conversation, seq, pb.PinMessageRequest, lambda p: p.messaging.PinMessage, unpin=remove
    )
    _show(
        message,
        tr("Message {seq} unpinned.", seq=seq) if remove else tr("Message {seq} pinned.", seq=seq),
        json=json,
    )


def pins(conversation: Where, json: Json = False) -> None:
    """List pinned messages, newest pin first."""

    async def work(plexus: Plexus) -> tuple[list[Message], dict[str, str]]:
        request = pb.ListPinsRequest(conversation_id=await resolve(plexus, conversation))
        messages: list[Message] = []
        while True:
            response = await plexus.call(plexus.messaging.ListPins, request)
            messages += response.messages
            request.page_token = response.next_page_token
            if not request.page_token:
                break
        return messages, await names_in(plexus, messages)

    messages, names = run(work, in_zone=not json)
    if json:
        print_json([as_dict(message) for message in messages])
        return
    for message in messages:
        say(line_of(message, names))


def label(
    conversation: Where,
    seq: Which,
    labels: Annotated[list[str] | None, Argument(help="Labels to add.")] = None,
    remove: Annotated[list[str] | None, Option(help="A label to remove.")] = None,
    json: Json = False,
) -> None:
    """Add labels to a message and remove labels."""
    message = _changed(
        conversation,
        seq,
        pb.LabelMessageRequest,
        lambda p: p.messaging.LabelMessage,
        add=labels or [],
        remove=remove or [],
    )
    _show(message, " ".join(message.labels) or tr("No labels."), json=json)


def forward(
    conversation: Where,
    target: Annotated[str, Argument(help="Target: id, name of a group, or @person.")],
    seqs: Annotated[list[int], Argument(help="`seq` of each message, in order.")],
    merged: Annotated[bool, Option("--merged", help="Merge them into one message.")] = False,
    comment: Annotated[str, Option(help="Your comment.")] = "",
    request_id: Annotated[str | None, Option("--id", help="Id for retries.")] = None,
    json: Json = False,
) -> None:
    """Forward messages to another conversation, with their origin."""

    async def work(plexus: Plexus) -> list[pb.SendMessageResponse]:
        request = pb.ForwardMessagesRequest(
            request_id=request_id or new_request_id(),
            conversation_id=await resolve(plexus, conversation),
            seqs=seqs,
            to_conversation_id=await resolve(plexus, target),
            merged=merged,
            comment=comment,
        )
        return list((await plexus.call(plexus.messaging.ForwardMessages, request)).stored)

    stored = run(work)
    if json:
        print_json([as_dict(each) for each in stored])
        return
    for each in stored:
        say(f"{each.message_id} {each.seq}")


def versions(conversation: Where, seq: Which, json: Json = False) -> None:
    """Show every version of a message, oldest first."""

    async def work(plexus: Plexus) -> list[pb.MessageVersion]:
        request = pb.ListMessageVersionsRequest(
            conversation_id=await resolve(plexus, conversation), seq=seq
        )
        versions: list[pb.MessageVersion] = []
        while True:
            response = await plexus.call(plexus.messaging.ListMessageVersions, request)
            versions += response.versions
            request.page_token = response.next_page_token
            if not request.page_token:
                return versions

    found = run(work, in_zone=not json)
    if json:
        print_json([as_dict(each) for each in found])
        return
    rows = [(each.version + 1, local(each.at), each.text) for each in found]
    print_table(
        counted(len(found), "{n} version", "{n} versions"), ["version", heading("at"), "text"], rows
    )


def _changed(
    conversation: str,
    seq: int,
    request_type: Callable[..., Any],
    method: Callable[[Plexus], Callable[..., Awaitable[Any]]],
    **fields: Any,
) -> Message:
    """Apply one change and return the message after it."""

    async def work(plexus: Plexus) -> Message:
        request = request_type(
            request_id=new_request_id(),
            conversation_id=await resolve(plexus, conversation),
            seq=seq,
            **fields,
        )
        changed: Message = (await plexus.call(method(plexus), request)).message
        return changed

    return run(work)


def _show(message: Message, line: str, *, json: bool) -> None:
    if json:
        print_json(as_dict(message))
    else:
        say(line)
