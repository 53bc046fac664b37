"""Following conversations live; goes on by itself after any interruption."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from typing import Annotated

import grpc
import typer
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.session_service_pb2 import (
    Frame,
    Hello,
    Reauthenticate,
    SessionRequest,
)
from plexus.messaging.v1 import events_pb2, messaging_service_pb2
from plexus.messaging.v1.messages_pb2 import Message
from plexus.messaging.v1.signal_service_pb2 import Presence, SignalPresenceRequest
from plexus_sdk import Plexus, Refused, refusal_of
from plexuskit.grpc import responses
from rich.text import Text

from plexus_cli.commands.conversations import all_views, resolve
from plexus_cli.commands.messages import line_of
from plexus_cli.context import name_people, run
from plexus_cli.output import as_dict, mention_aside, print_json, say

FIRST_WAIT, MAX_WAIT = 0.2, 10.0
REAUTHENTICATE_SECONDS = 240.0
PRESENT_SECONDS = 60.0
GONE = {"CONVERSATION_NOT_FOUND"}
# Reactions, pins and labels change no words, so a tail leaves them out.
SHOWN = {
    fact.__name__: fact
    for fact in (events_pb2.MessagePosted, events_pb2.MessageEdited, events_pb2.MessageRecalled)
}


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
        follower = Follower(plexus, json=json, count=count)
        await follower.begin(conversations or [], unread=since)
        await follower.run()

    try:
        run(work)
    except KeyboardInterrupt:
        return


class Follower:
    """What has been printed so far, per conversation, and how to go on from there."""

    def __init__(self, plexus: Plexus, *, json: bool, count: int) -> None:
        self._plexus = plexus
        self._json = json
        self._count = count
        self._printed = 0
        self._all = False
        self._through: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._names: dict[str, str] = {}

    async def begin(self, wanted: list[str], *, unread: bool) -> None:
        """Choose the conversations and where to begin in each."""
        self._all = not wanted
        chosen = {await resolve(self._plexus, name) for name in wanted}
        for view in await all_views(self._plexus):
            conversation = view.conversation
            if self._all or conversation.id in chosen:
                self._through[conversation.id] = 0 if unread else conversation.change_no
                self._seen[conversation.id] = (
                    view.read_through_seq if unread else conversation.last_seq
                )
        missing = chosen - self._through.keys()
        if missing:
            raise Refused(f"You are in no conversation {', '.join(sorted(missing))}.")

    async def run(self) -> None:
        """Follow until enough is printed; waits longer after each failure."""
        wait = FIRST_WAIT
        while not self._done:
            try:
                async for frame in self._frames():
                    wait = FIRST_WAIT
                    await self._take(frame)
                    if self._done:
                        return
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.PERMISSION_DENIED:
                    raise refusal_of(error) from error
                mention_aside(f"connection lost ({error.code().name}), trying again")
            except Refused as error:
                if error.reason not in {"", "DEADLINE_EXCEEDED", "OWNER_UNREACHABLE"}:
                    raise
                mention_aside(str(error))
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret
            wait = min(wait * 2, MAX_WAIT)

    @property
    def _done(self) -> bool:
        return bool(self._count) and self._printed >= self._count

    async def _frames(self) -> AsyncIterator[Frame]:
        async def requests() -> AsyncIterator[SessionRequest]:
            yield SessionRequest(hello=Hello(device="plexus tail"))
            while True:
                await asyncio.sleep(REAUTHENTICATE_SECONDS)
                await self._plexus.metadata()
                token = self._plexus.profile.access_token
                yield SessionRequest(reauthenticate=Reauthenticate(access_token=token))

        metadata = await self._plexus.metadata()
        call = self._plexus.live.Session(requests(), metadata=metadata)
        presence = asyncio.create_task(self._keep_online())
        try:
            async for response in responses(call):
                for frame in response.frames:
                    yield frame
        finally:
            presence.cancel()
            call.cancel()

    async def _keep_online(self) -> None:
        """Say again that the person is there; the gateway said so when the stream began."""
        request = SignalPresenceRequest(state=Presence.STATE_ONLINE)
        while True:
            await asyncio.sleep(PRESENT_SECONDS)
            try:
                await self._plexus.call(self._plexus.signals.SignalPresence, request)
            except Refused as error:
                # Others see the person leave, and the next word brings them back.
                mention_aside(str(error))

    async def _take(self, frame: Frame) -> None:
        match frame.WhichOneof("frame"):
            case "welcome":
                for position in frame.welcome.positions:
                    await self._catch_up(position.conversation_id, position.through)
            case "events":
                await self._apply(
                    frame.events.conversation_id,
                    frame.events.after,
                    frame.events.events,
                    frame.events.through,
                )
            case "heartbeat":
                for position in frame.heartbeat.positions:
                    await self._catch_up(position.conversation_id, position.through)
            case "resync":
                for conversation_id in frame.resync.conversation_ids or list(self._through):
                    await self._catch_up(conversation_id, None)
            case "conversation_closed":
                self._through.pop(frame.conversation_closed.conversation_id, None)
                mention_aside(f"you left {frame.conversation_closed.conversation_id}")

    def _follows(self, conversation_id: str) -> bool:
        if conversation_id not in self._through and self._all:
            self._through[conversation_id] = 0
            self._seen[conversation_id] = 0
        return conversation_id in self._through

    async def _apply(
        self, conversation_id: str, after: int, events: Iterable[Envelope], through: int
    ) -> None:
        """Print what is new; a hole before it, or a fact left out, is fetched instead."""
        if not self._follows(conversation_id):
            return
        events = list(events)
        if after > self._through[conversation_id] or any(each.omitted for each in events):
            # A hole, or a fact that was too large for the stream.
            await self._catch_up(conversation_id, through)
            return
        for envelope in events:
            kind = SHOWN.get(envelope.type.rpartition(".")[2])
            if kind is not None:
                await self._print(kind.FromString(envelope.fact).message)
        self._through[conversation_id] = max(self._through[conversation_id], through)

    async def _catch_up(self, conversation_id: str, through: int | None) -> None:
        """Read the changes that the stream did not bring."""
        if not self._follows(conversation_id):
            return
        while through is None or self._through[conversation_id] < through:
            request = messaging_service_pb2.ListChangesRequest(
                conversation_id=conversation_id, since=self._through[conversation_id]
            )
            try:
                response = await self._plexus.call(self._plexus.messaging.ListChanges, request)
            except Refused as error:
                if error.reason in GONE:
                    self._through.pop(conversation_id, None)
                    return
                raise
            for change in response.changes:
                if change.HasField("message"):
                    await self._print(change.message)
            self._through[conversation_id] = max(self._through[conversation_id], response.through)
            if not response.has_more:
                return

    async def _print(self, message: Message) -> None:
        """Print a new message, and an old one whose words have changed or are gone."""
        seen = message.seq <= self._seen.get(message.conversation_id, 0)
        if self._done or (seen and not (message.version or message.recalled)):
            return
        if not seen:
            self._seen[message.conversation_id] = message.seq
            self._printed += 1
        if self._json:
            print_json(as_dict(message))
            return
        if message.sender_id not in self._names:
            self._names |= await name_people(self._plexus, {message.sender_id})
        say(Text(f"{message.conversation_id} ").append_text(line_of(message, self._names)))
