"""XMPP client connection: RFC 6120 without TLS, stream management of XEP-0198."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from html import escape
from typing import Final, NamedTuple, Self, cast
from xml.parsers import expat

STREAM_MANAGEMENT: Final = "urn:xmpp:sm:3"
COUNTED: Final = frozenset({"message", "presence", "iq"})
RESOURCE: Final = "bench"
DEPTH_OF_STANZA: Final = 2
DEPTH_OF_CHILD: Final = 3
ANSWER_SECONDS: Final = 30.0


class StreamBroken(Exception):  # noqa: N818 - names the fact, like a refusal
    """The server refused a step of the login, or the connection is lost."""


class Stanza(NamedTuple):
    """One first-level element of the stream.

    Attributes:
        name: Name with its prefix, as sent.
        attributes: Attributes of the element itself.
        body: Text of its child `body`; empty if there is none.
    """

    name: str
    attributes: Mapping[str, str]
    body: str


class StanzaParser:
    """Parser that splits the bytes of one stream into stanzas."""

    def __init__(self, on_stanza: Callable[[Stanza], None]) -> None:
        self._on_stanza = on_stanza
        self._depth = 0
        self._name = ""
        self._attributes: Mapping[str, str] = {}
        self._body: list[str] = []
        parser = expat.ParserCreate("UTF-8")
        parser.buffer_text = True
        if hasattr(parser, "SetReparseDeferralEnabled"):
            # Otherwise a stanza that arrives in two reads would wait for the next one.
            parser.SetReparseDeferralEnabled(False)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        self._parser = parser

    def feed(self, data: bytes) -> None:
        """Parse received bytes; `on_stanza` is called for each completed stanza."""
        self._parser.Parse(data, False)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth == DEPTH_OF_STANZA:
            self._name, self._attributes, self._body = name, attributes, []
        elif self._depth == DEPTH_OF_CHILD and name == "body":
            self._parser.CharacterDataHandler = self._body.append

    def _end(self, name: str) -> None:
        if self._depth == DEPTH_OF_STANZA:
            self._on_stanza(Stanza(name, self._attributes, "".join(self._body)))
        elif self._depth == DEPTH_OF_CHILD:
            self._parser.CharacterDataHandler = None
        self._depth -= 1


class XmppStream(asyncio.Protocol):
    """An authenticated stream with stream management on.

    Attributes:
        address: Full JID of this connection.
        on_stanza: Called for every message, presence and iq from the login on.
    """

    def __init__(self, *, address: str, on_stanza: Callable[[Stanza], None]) -> None:
        self.address = address
        self.on_stanza = on_stanza
        self._transport: asyncio.Transport
        self._parser = StanzaParser(self._arrived)
        self._login: asyncio.Queue[Stanza] | None = asyncio.Queue()
        self._acknowledged: dict[int, asyncio.Future[None]] = {}
        self._covered = 0
        self._sent = 0
        self._received = 0
        self._lost = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(
        cls, *, port: int, address: str, password: str, on_stanza: Callable[[Stanza], None]
    ) -> Self:
        """Connect to a server on loopback and log in with SASL PLAIN.

        Args:
            port: Port of the server.
            address: Bare JID.
            password: Password of the account.
            on_stanza: See the class.

        Raises:
            StreamBroken: The server refuses this account.
        """
        stream = cls(address=f"{address}/{RESOURCE}", on_stanza=on_stanza)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: stream, "127.0.0.1", port)
        async with asyncio.timeout(ANSWER_SECONDS):
            await stream._log_in(address=address, password=password)
        return stream

    def send(self, stanza: str) -> int:
        """Write a message, presence or iq, and return its number in this stream."""
        self._transport.write(stanza.encode())
        self._sent += 1
        return self._sent

    async def send_acknowledged(self, stanza: str) -> None:
        """Write a stanza, request an acknowledgement, and return when one covers it.

        Raises:
            StreamBroken: The connection is lost earlier.
        """
        number = self.send(f"{stanza}<r xmlns='{STREAM_MANAGEMENT}'/>")
        answer = self._acknowledged[number] = asyncio.get_running_loop().create_future()
        try:
            await answer
        finally:
            self._acknowledged.pop(number, None)

    async def close(self) -> None:
        """End the stream and wait until the server has closed it."""
        if not self._transport.is_closing():
            self._transport.write(b"</stream:stream>")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._lost
        finally:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport; called by asyncio."""
        # uvloop's is not a subclass of it.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes; called by asyncio."""
        self._parser.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail all pending waits; called by asyncio."""
        for answer in self._acknowledged.values():
            if not answer.done():
                answer.set_exception(StreamBroken(f"{self.address} lost its connection: {exc}"))
        if self._login is not None:
            self._login.put_nowait(Stanza("", {}, ""))
        if not self._lost.done():
            self._lost.set_result(None)

    def _arrived(self, stanza: Stanza) -> None:
        if self._login is not None:
            self._login.put_nowait(stanza)
        elif stanza.name in COUNTED:
            self._received += 1
            self.on_stanza(stanza)
        elif stanza.name == "r":
            answer = f"<a xmlns='{STREAM_MANAGEMENT}' h='{self._received}'/>"
            self._transport.write(answer.encode())
        elif stanza.name == "a":
            self._cover(int(stanza.attributes["h"]))

    def _cover(self, through: int) -> None:
        for number in range(self._covered + 1, through + 1):
            answer = self._acknowledged.get(number)
            if answer is not None and not answer.done():
                answer.set_result(None)
        self._covered = max(self._covered, through)

    async def _log_in(self, *, address: str, password: str) -> None:
        name, _, domain = address.partition("@")
        await self._begin(domain)
        secret = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        self._transport.write(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
            f"{secret}</auth>".encode()
        )
        await self._expect("success")

        self._parser = StanzaParser(self._arrived)
        await self._begin(domain)
        self._transport.write(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<resource>{escape(RESOURCE)}</resource></bind></iq>".encode()
        )
        await self._expect("iq", type="result")
        self._transport.write(f"<enable xmlns='{STREAM_MANAGEMENT}'/>".encode())
        await self._expect("enabled")
        self._login = None

    async def _begin(self, domain: str) -> None:
        self._transport.write(
            f"<stream:stream to='{escape(domain)}' version='1.0' xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams'>".encode()
        )
        await self._expect("stream:features")

    async def _expect(self, name: str, **attributes: str) -> None:
        """Receive the next element of the login.

        Raises:
            StreamBroken: It has another name or other attributes.
        """
        assert self._login is not None  # noqa: S101 - called during the login only
        stanza = await self._login.get()
        if stanza.name != name or not attributes.items() <= stanza.attributes.items():
            raise StreamBroken(
                f"{self.address}: expected <{name}>, got <{stanza.name}> {dict(stanza.attributes)}"
            )
