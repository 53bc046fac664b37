"""The XMPP client with a scripted server."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from plexus_bench.peers.xmpp import Stanza, StanzaParser, StreamBroken, XmppStream
from plexus_bench.peers.xmpp_session import XmppSession
from plexus_bench.system import NotStored, body_of
from plexus_testkit.wait import eventually

HEADER = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
FEATURES = (
    "<stream:features><mechanisms><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
)
# Answers of a server to each part of the login.
LOGIN = {
    r"<stream:stream": HEADER + FEATURES,
    r"</auth>": "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    r"</iq>": "<iq type='result' id='bind'/>",
    r"<enable ": "<enabled xmlns='urn:xmpp:sm:3'/>",
}
ROOM = "room@conference.localhost"


class Script:
    """One connection: answers the login, records all other input, and sends as the test directs."""

    def __init__(self, login: dict[str, str]) -> None:
        self.port = 0
        self.heard = ""
        self._login = login
        self._writer: asyncio.StreamWriter

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                text = data.decode()
                self.heard += text
                for part, answer in self._login.items():
                    if re.search(part, text):
                        self.say(answer)
                if "</stream:stream>" in text:
                    break
        writer.close()

    def say(self, text: str) -> None:
        self._writer.write(text.encode())

    def hang_up(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def scripted(login: dict[str, str] = LOGIN) -> AsyncIterator[Script]:
    script = Script(login)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    async with server:
        script.port = server.sockets[0].getsockname()[1]
        yield script


async def stream(script: Script, on_stanza: Callable[[Stanza], None]) -> XmppStream:
    return await XmppStream.open(
        port=script.port, address="ann@localhost", password="secret", on_stanza=on_stanza
    )


async def in_room(script: Script) -> XmppSession:
    session = XmppSession(person="ann", peers={"ann+bob": "bob"}, domain="localhost")
    opening = asyncio.create_task(session.open(port=script.port, password="secret", rooms=[ROOM]))
    await eventually(lambda: f"to='{ROOM}/ann'" in script.heard)
    script.say(f"<presence from='{ROOM}/bob'/>")
    assert not opening.done()
    script.say(f"<presence from='{ROOM}/ann'/>")
    await opening
    return session


def reflected(ref: str, *, nick: str, kind: str = "groupchat") -> str:
    body = body_of(ref)
    return f"<message from='{ROOM}/{nick}' type='{kind}' id='{ref}'><body>{body}</body></message>"


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_stanzas_are_whole_however_the_bytes_come(size) -> None:
    found: list[Stanza] = []
    parser = StanzaParser(found.append)
    text = (
        f"{HEADER}<message id='1' from='a'><x><body>not this</body></x><body>一 &lt;b&gt;</body>"
        "<stanza-id/></message><r xmlns='urn:xmpp:sm:3'/><presence from='b'/>"
    ).encode()
    for at in range(0, len(text), size):
        parser.feed(text[at : at + size])

    assert [(each.name, each.body) for each in found] == [
        ("message", "一 <b>"),
        ("r", ""),
        ("presence", ""),
    ]
    assert found[0].attributes == {"id": "1", "from": "a"}


async def test_a_send_ends_with_the_acknowledgement_that_covers_it() -> None:
    async with scripted() as script:
        client = await stream(script, lambda _: None)
        first = asyncio.create_task(client.send_acknowledged("<message id='1'/>"))
        second = asyncio.create_task(client.send_acknowledged("<message id='2'/>"))
        await eventually(lambda: script.heard.count("<r ") == 2)

        script.say("<a xmlns='urn:xmpp:sm:3' h='1'/>")
        await first
        assert not second.done()

        script.say("<a xmlns='urn:xmpp:sm:3' h='2'/>")
        await second
        await client.close()


async def test_the_server_is_told_how_many_stanzas_have_come() -> None:
    found: list[Stanza] = []
    async with scripted() as script:
        client = await stream(script, found.append)
        script.say("<message/><presence/><iq type='get'/><r xmlns='urn:xmpp:sm:3'/>")

        await eventually(lambda: "<a xmlns='urn:xmpp:sm:3' h='3'/>" in script.heard)
        assert [stanza.name for stanza in found] == ["message", "presence", "iq"]
        await client.close()


async def test_an_account_that_is_not_let_in_is_told_so() -> None:
    refused = {**LOGIN, r"</auth>": "<failure><not-authorized/></failure>"}
    async with scripted(refused) as script:
        with pytest.raises(StreamBroken, match="expected <success>, got <failure>"):
            await stream(script, lambda _: None)
        script.hang_up()


async def test_a_lost_connection_fails_who_waits_for_an_acknowledgement() -> None:
    async with scripted() as script:
        session = await in_room(script)
        sending = asyncio.create_task(session.send("ann+bob", ref="0-1", body=body_of("0-1")))
        await eventually(lambda: "to='bob@localhost'" in script.heard)
        script.hang_up()

        with pytest.raises(NotStored, match="lost its connection"):
            await sending


async def test_a_rooms_message_is_acknowledged_by_the_rooms_copy_of_it_only() -> None:
    heard: list[tuple[str, str, int]] = []
    async with scripted() as script:
        session = await in_room(script)
        session.on_message = lambda *told: heard.append(told)
        sending = asyncio.create_task(session.send(ROOM, ref="0-1", body=body_of("0-1")))
        await eventually(lambda: "id='0-1'" in script.heard)

        script.say(reflected("1-1", nick="bob"))
        await eventually(lambda: heard == [(ROOM, "1-1", 0)])
        assert not sending.done()

        script.say(reflected("0-1", nick="ann"))
        await sending
        assert heard == [(ROOM, "1-1", 0), (ROOM, "0-1", 0)]
        await session.close()


async def test_a_message_that_a_room_bounces_is_not_stored() -> None:
    async with scripted() as script:
        session = await in_room(script)
        sending = asyncio.create_task(session.send(ROOM, ref="0-1", body=body_of("0-1")))
        await eventually(lambda: "id='0-1'" in script.heard)
        script.say(reflected("0-1", nick="ann", kind="error"))

        with pytest.raises(NotStored, match="bounced"):
            await sending
        await session.close()


async def test_a_message_of_a_person_is_told_under_the_name_of_the_pair() -> None:
    heard: list[tuple[str, str, int]] = []
    async with scripted() as script:
        session = await in_room(script)
        session.on_message = lambda *told: heard.append(told)
        script.say(
            "<message from='bob@localhost/bench' type='chat' id='0-1'>"
            f"<body>{body_of('0-1')}</body></message>"
        )

        await eventually(lambda: heard == [("ann+bob", "0-1", 0)])
        await session.close()
