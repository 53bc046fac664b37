"""Live output of conversations; reconnects after any interruption."""

from typing import Annotated

import grpc
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

from plexus_cli.context import name_people, run
from plexus_cli.language import tr
from plexus_cli.lines import line_of, people_in
from plexus_cli.lookups.conversations import resolve, titles
from plexus_cli.options import Argument, Option
from plexus_cli.output import as_dict, mention_aside, print_json, say
from plexus_cli.refusals import shown
from plexus_cli.safety import safe_line
from plexus_cli.styled import Styled


def tail(
    conversations: Annotated[
        list[str] | None, Argument(help="Ids or names; all of yours by default.")
    ] = None,
    since: Annotated[bool, Option(help="Begin with unread messages.")] = False,
    count: Annotated[int, Option(help="Stop after so many messages; 0: never.")] = 0,
    json: Annotated[bool, Option("--json", help="One JSON line a message.")] = False,
) -> None:
    """Print messages as they arrive; reconnects without missing any."""

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
        run(work, in_zone=not json, retries=THOROUGH)
    except KeyboardInterrupt:
        return


def _mention_trouble(refused: Refused) -> None:
    lost = isinstance(refused, Unreachable) or refused.code is grpc.StatusCode.UNAVAILABLE
    code = refused.code.name if refused.code else "UNKNOWN"
    mention_aside(
        tr("connection lost ({code}), trying again", code=code) if lost else shown(refused)
    )


class Printer:
    """Printer of new messages, and of old ones whose text was changed or recalled.

    Reactions, pins and labels do not change the text, so they are not printed.
    """

    def __init__(self, plexus: Plexus, *, json: bool) -> None:
        self.printed = 0
        self._plexus = plexus
        self._json = json
        # Of people and of conversations.
        self._names: dict[str, str] = {}

    async def print(self, event: Event) -> None:
        """Print an event that changes a text."""
        match event:
            case MessagePosted(message=message):
                self.printed += 1
                await self._print(message)
            case MessageEdited(message=message) | MessageRecalled(message=message):
                await self._print(message)
            case MessageUpdated(message=message) if message.version:
                await self._print(message)
            case ConversationClosed(conversation_id=conversation_id):
                mention_aside(tr("you left {conversation_id}", conversation_id=conversation_id))

    async def _print(self, message: Message) -> None:
        if self._json:
            print_json(as_dict(message))
            return
        if unknown := people_in([message]) - self._names.keys():
            self._names |= await name_people(self._plexus, unknown)
        if message.conversation_id not in self._names:
            self._names |= await titles(self._plexus)
        title = self._names.get(message.conversation_id, message.conversation_id)
        say(Styled(f"{safe_line(title)}  ").append(line_of(message, self._names)))
