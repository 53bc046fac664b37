"""Following conversations live; goes on by itself after any interruption."""

from typing import Annotated

import grpc
import typer
from plexus.messaging.v1.messages_pb2 import Message
from plexus_sdk import (
    THOROUGH,
    ConversationClosed,
    Event,
    MessageEdited,
    MessagePosted,
    MessageRecalled,
    MessageUpdated,
    Plexus,
    Refused,
    Session,
    Unreachable,
)
from rich.text import Text

from plexus_cli.commands.conversations import resolve
from plexus_cli.commands.messages import line_of
from plexus_cli.context import name_people, run
from plexus_cli.output import as_dict, mention_aside, print_json, say


def tail(
    conversations: Annotated[
        list[str] | None, typer.Argument(help="Ids or names; every one of yours by default.")
    ] = None,
    since: Annotated[bool, typer.Option(help="Begin with what is unread.")] = False,
    count: Annotated[int, typer.Option(help="Stop after so many messages; 0: never.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="One JSON line a message.")] = False,
) -> None:
    """Print messages as they come; reconnects by itself and misses nothing."""

    async def work(plexus: Plexus) -> None:
        chosen = [await resolve(plexus, name) for name in conversations or []]
        session = Session(
            plexus,
            conversations=chosen or None,
            start="unread" if since else "now",
            online=True,
            device="plexus tail",
            on_trouble=_mention_trouble,
        )
        printer = Printer(plexus, json=json)
        async with session:
            while not count or printer.printed < count:
                await printer.print(await anext(session))

    try:
        run(work, retries=THOROUGH)
    except KeyboardInterrupt:
        return


def _mention_trouble(refused: Refused) -> None:
    lost = isinstance(refused, Unreachable) or refused.code is grpc.StatusCode.UNAVAILABLE
    code = refused.code.name if refused.code else "UNKNOWN"
    mention_aside(f"connection lost ({code}), trying again" if lost else str(refused))


class Printer:
    """Prints new messages, and old ones whose words have changed or are gone.

    Reactions, pins and labels change no words, so they are left out.
    """

    def __init__(self, plexus: Plexus, *, json: bool) -> None:
        self.printed = 0
        self._plexus = plexus
        self._json = json
        self._names: dict[str, str] = {}

    async def print(self, event: Event) -> None:
        """Print an event, unless it changes no words."""
        match event:
            case MessagePosted(message=message):
                self.printed += 1
                await self._print(message)
            case MessageEdited(message=message) | MessageRecalled(message=message):
                await self._print(message)
            case MessageUpdated(message=message) if message.version:
                await self._print(message)
            case ConversationClosed(conversation_id=conversation_id):
                mention_aside(f"you left {conversation_id}")

    async def _print(self, message: Message) -> None:
        if self._json:
            print_json(as_dict(message))
            return
        if message.sender_id not in self._names:
            self._names |= await name_people(self._plexus, {message.sender_id})
        say(Text(f"{message.conversation_id} ").append_text(line_of(message, self._names)))
