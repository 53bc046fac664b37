"""What is done to messages that were said: edit, recall, react, pin, label, forward."""

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from plexus.messaging.v1 import messages_pb2, messaging_service_pb2
from plexus.messaging.v1.messages_pb2 import Message
from plexus_sdk import Plexus
from plexuskit.clock import SystemClock
from plexuskit.ids import new_id

from plexus_cli.commands.conversations import resolve
from plexus_cli.commands.messages import line_of
from plexus_cli.context import find_people, name_people, run
from plexus_cli.output import as_dict, instant, print_json, print_table, say
from plexus_cli.rendering import counted_reactions

pb = messaging_service_pb2

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Where = Annotated[str, typer.Argument(help="Id, name of a group, or @person.")]
Which = Annotated[int, typer.Argument(help="`seq` of the message.", min=1)]


def edit(
    conversation: Where,
    seq: Which,
    text: Annotated[str, typer.Argument(help="The new words; `-` reads standard input.")],
    mention: Annotated[list[str] | None, typer.Option(help="Handle, or `all`.")] = None,
    expect: Annotated[
        int | None, typer.Option(help="Refuse unless this is the version that is there.")
    ] = None,
    json: Json = False,
) -> None:
    """Change the words of your own message; every version is kept."""
    said = sys.stdin.read().rstrip("\n") if text == "-" else text

    async def work(plexus: Plexus) -> Message:
        named = [name for name in mention or [] if name != "all"]
        people = await find_people(plexus, named)
        request = pb.EditMessageRequest(
            request_id=_new_request(),
            conversation_id=await resolve(plexus, conversation),
            seq=seq,
            text=said,
            mentions=[messages_pb2.Mention(person_id=person.id) for person in people.values()],
        )
        if "all" in (mention or []):
            request.mentions.add(all=True)
        if expect is not None:
            request.expected_version = expect
        return (await plexus.call(plexus.messaging.EditMessage, request)).message

    _show(run(work), f"Message {seq} edited.", json=json)


def recall(conversation: Where, seq: Which, json: Json = False) -> None:
    """Take a message back: its content is gone for everybody."""
    message = _changed(
        conversation, seq, pb.RecallMessageRequest, lambda p: p.messaging.RecallMessage
    )
    _show(message, f"Message {seq} recalled.", json=json)


def react(
    conversation: Where,
    seq: Which,
    emoji: Annotated[str, typer.Argument(help="Shortcode, or the emoji itself.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take it off.")] = False,
    json: Json = False,
) -> None:
    """Put an emoji on a message, or take yours off."""
    message = _changed(
        conversation,
        seq,
        pb.ReactToMessageRequest,
        lambda p: p.messaging.ReactToMessage,
        emoji=emoji,
        remove=remove,
    )
    shown = "  ".join(f"{emoji} {count}" for emoji, count in counted_reactions(message))
    _show(message, shown or "No reactions.", json=json)


def pin(
    conversation: Where,
    seq: Which,
    remove: Annotated[bool, typer.Option("--remove", help="Take the pin off.")] = False,
    json: Json = False,
) -> None:
    """Keep a message in view, or no longer."""
    message = _changed(
        conversation, seq, pb.PinMessageRequest, lambda p: p.messaging.PinMessage, unpin=remove
    )
    _show(message, f"Message {seq} {'is not pinned' if remove else 'pinned'}.", json=json)


def pins(conversation: Where, json: Json = False) -> None:
    """List what is pinned, newest pin first."""

    async def work(plexus: Plexus) -> tuple[list[Message], dict[str, str]]:
        request = pb.ListPinsRequest(conversation_id=await resolve(plexus, conversation))
        messages: list[Message] = []
        while True:
            response = await plexus.call(plexus.messaging.ListPins, request)
            messages += response.messages
            request.page_token = response.next_page_token
            if not request.page_token:
                break
        senders = {message.sender_id for message in messages}
        return messages, await name_people(plexus, senders)

    messages, names = run(work)
    if json:
        print_json([as_dict(message) for message in messages])
        return
    for message in messages:
        say(line_of(message, names))


def label(
    conversation: Where,
    seq: Which,
    labels: Annotated[list[str] | None, typer.Argument(help="Words to put on it.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A word to take off.")] = None,
    json: Json = False,
) -> None:
    """Put labels on a message and take labels off."""
    message = _changed(
        conversation,
        seq,
        pb.LabelMessageRequest,
        lambda p: p.messaging.LabelMessage,
        add=labels or [],
        remove=remove or [],
    )
    _show(message, " ".join(message.labels) or "No labels.", json=json)


def forward(
    conversation: Where,
    target: Annotated[str, typer.Argument(help="Where to: id, name of a group, or @person.")],
    seqs: Annotated[list[int], typer.Argument(help="`seq` of each message, in order.")],
    merged: Annotated[bool, typer.Option("--merged", help="All in one message.")] = False,
    comment: Annotated[str, typer.Option(help="Your own words with it.")] = "",
    request_id: Annotated[str | None, typer.Option("--id", help="Id for retries.")] = None,
    json: Json = False,
) -> None:
    """Copy messages into another conversation, with where they came from."""

    async def work(plexus: Plexus) -> list[pb.SendMessageResponse]:
        request = pb.ForwardMessagesRequest(
            request_id=request_id or _new_request(),
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

    found = run(work)
    if json:
        print_json([as_dict(each) for each in found])
        return
    rows = [(each.version, instant(each.at), each.text) for each in found]
    print_table(f"{len(found)} versions", ["version", "at", "text"], rows)


def _changed(
    conversation: str,
    seq: int,
    request_type: Callable[..., Any],
    method: Callable[[Plexus], Callable[..., Awaitable[Any]]],
    **fields: Any,
) -> Message:
    """Carry out one change and give the message after it."""

    async def work(plexus: Plexus) -> Message:
        request = request_type(
            request_id=_new_request(),
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


def _new_request() -> str:
    return new_id("req", now=SystemClock().now())
