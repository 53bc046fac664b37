"""A person's live XMPP connection, with the interface that the shapes of load use."""

import asyncio
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from plexus_bench.peers.xmpp import ANSWER_SECONDS, Stanza, StreamBroken, XmppStream
from plexus_bench.system import NotStored, OnMessage, ref_of

IN_ROOM: Final = "groupchat"
NO_HISTORY: Final = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"


def deaf(conversation: str, ref: str, number: int) -> None:
    """Ignore a delivery that arrives before the shape has set its callback."""


class XmppSession:
    """One stream in the rooms of its person.

    A message to one person is acknowledged by stream management: the server's process of this
    connection has handled it, including its archive row. A message to a room is only forwarded to
    the room's process at that point, so its acknowledgement is the room's own copy of it, which the
    room sends after archiving it.

    Attributes:
        person: Local part of the JID.
        on_message: Set by the shape.
    """

    def __init__(self, *, person: str, peers: Mapping[str, str], domain: str) -> None:
        self.person = person
        self.on_message: OnMessage = deaf
        self._peers = peers
        self._domain = domain
        self._conversations = {peer: conversation for conversation, peer in peers.items()}
        self._stream: XmppStream
        self._joining: dict[str, asyncio.Future[None]] = {}
        self._reflected: dict[str, asyncio.Future[None]] = {}

    async def open(self, *, port: int, password: str, rooms: Sequence[str]) -> None:
        """Sign in and enter the rooms; return when every room has admitted this person.

        Raises:
            StreamBroken: The server or a room refuses.
        """
        self._stream = await XmppStream.open(
            port=port,
            address=f"{self.person}@{self._domain}",
            password=password,
            on_stanza=self._arrived,
        )
        self._stream.send("<presence/>")
        for room in rooms:
            entered = self._joining[room] = asyncio.get_running_loop().create_future()
            self._stream.send(f"<presence to='{room}/{self.person}'>{NO_HISTORY}</presence>")
            async with asyncio.timeout(ANSWER_SECONDS):
                await entered

    async def send(self, conversation: str, *, ref: str, body: str) -> None:
        """Send a message and wait for its acknowledgement, as defined in the class.

        Raises:
            NotStored: It bounced, the connection broke, or there was no answer within 30 s.
        """
        peer = self._peers.get(conversation)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if peer is None:
                    await self._send_to_room(conversation, ref=ref, body=body)
                else:
                    address = f"{peer}@{self._domain}"
                    await self._stream.send_acknowledged(message(address, "chat", ref, body))
        except (StreamBroken, TimeoutError) as problem:
            raise NotStored(f"{self.person}: {ref}: {problem!r}") from problem

    async def close(self) -> None:
        """Disconnect from the server."""
        await self._stream.close()

    async def _send_to_room(self, room: str, *, ref: str, body: str) -> None:
        reflected = self._reflected[ref] = asyncio.get_running_loop().create_future()
        try:
            self._stream.send(message(room, IN_ROOM, ref, body))
            await reflected
        finally:
            del self._reflected[ref]

    def _arrived(self, stanza: Stanza) -> None:
        attributes = stanza.attributes
        if attributes.get("type") == "error":
            self._refused(stanza)
        elif stanza.name == "message" and stanza.body:
            self._deliver(attributes, ref=ref_of(stanza.body))
        elif stanza.name == "presence" and attributes["from"].endswith(f"/{self.person}"):
            entered = self._joining.pop(attributes["from"].partition("/")[0], None)
            if entered is not None:
                entered.set_result(None)

    def _deliver(self, attributes: Mapping[str, str], *, ref: str) -> None:
        address = attributes["from"]
        if attributes.get("type") == IN_ROOM:
            room, _, nick = address.partition("/")
            reflected = self._reflected.get(ref) if nick == self.person else None
            if reflected is not None and not reflected.done():
                reflected.set_result(None)
            self.on_message(room, ref, 0)
        else:
            self.on_message(self._conversations[address.partition("@")[0]], ref, 0)

    def _refused(self, stanza: Stanza) -> None:
        """Fail the wait for a message that bounced."""
        attributes = stanza.attributes
        waiting = self._reflected.get(attributes.get("id", ""))
        if stanza.name == "presence":
            waiting = self._joining.get(attributes["from"].partition("/")[0])
        if waiting is not None and not waiting.done():
            waiting.set_exception(StreamBroken(f"bounced: {dict(attributes)}"))


def message(to: str, kind: str, ref: str, body: str) -> str:
    """Return a message stanza."""
    return (
        f"<message to='{escape(to)}' type='{kind}' id='{escape(ref)}'>"
        f"<body>{escape(body)}</body></message>"
    )
