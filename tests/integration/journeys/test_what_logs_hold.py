"""Contents of logs: events, but no message texts and no credentials."""

import json
import secrets

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from bson import BSON
from plexus_testkit import leaks
from plexus_testkit.harness import PASSWORD
from plexus_testkit.wait import eventually
from plexuskit.kafka.clients import admin
from plexuskit.kafka.security import security
from pymongo import AsyncMongoClient


async def test_no_log_holds_a_password_a_token_a_secret_or_what_was_said(
    platform, cli, new_cli, people, handles, group, say, tmp_path
):
    canary = f"canary {secrets.token_hex(8)} 金丝雀"
    room = await group("ann", "bob", name=f"room {secrets.token_hex(8)}")
    sent = await say("ann", room, canary)
    task = await cli("--as", "ann", "tasks", "create", canary, "--assign", handles["gina"])
    wrong = secrets.token_hex(12)
    address = platform.grpc_address
    await new_cli(
        "login", handles["ann"], "--password-stdin", "--url", address, says=f"{wrong}\n", code=1
    )
    await cli("--as", "ann", "search", canary, "--json")
    assert sent.seq
    assert task.out

    def mailed():
        return [mail for mail in platform.mails() if handles["gina"] in mail.name]

    await eventually(mailed, within=30)

    hidden = {
        "a message": canary,
        "part of a message": canary.split()[1],
        "a wrong password": wrong,
    }
    for name, plexus in people.items():
        hidden[f"the access token of {name}"] = plexus.profile.access_token
        hidden[f"the refresh token of {name}"] = plexus.profile.refresh_token
    for what, value in leaks.door_openers(platform, tmp_path).items():
        hidden[what] = value.decode()
    for name, process in platform.processes.items():
        text = process.log_text()
        assert text, f"{name} logs nothing"
        found = [what for what, value in hidden.items() if value in text]
        assert found == [], f"the log of {name} holds {found}"


async def test_no_store_holds_what_opens_a_door_nor_what_was_said_outside_its_place(
    platform, people, group, say, tmp_path
):
    canary = f"canary {secrets.token_hex(8)} 金丝雀"
    room = await group("ann", "bob", name=f"room {secrets.token_hex(8)}")
    await say("ann", room, canary)
    opens = leaks.door_openers(platform, tmp_path)
    for name, plexus in people.items():
        opens[f"the access token of {name}"] = plexus.profile.access_token.encode()
        opens[f"the refresh token of {name}"] = plexus.profile.refresh_token.encode()

    holding, looked_at = set(), 0
    client = AsyncMongoClient(platform.mongo_url)
    async with client:
        for name in await client.list_database_names():
            if name in {"admin", "config", "local"}:
                continue
            for collection in await client[name].list_collection_names():
                async for document in client[name][collection].find({}):
                    looked_at += 1
                    text = BSON.encode(document)
                    found = [what for what, value in opens.items() if value in text]
                    assert found == [], f"{name}.{collection} holds {found}"
                    if canary.encode() in text:
                        holding.add(f"{name.removeprefix('plexus_')}.{collection}")
    assert looked_at > 100
    # The log of the conversation and its cached last message; this one notified no one.
    assert holding <= {"messaging.entries", "messaging.heads"}, holding
    assert "messaging.entries" in holding


async def test_every_line_of_a_log_is_json_with_its_service(platform):
    for name, process in platform.processes.items():
        lines = [line for line in process.log_text().splitlines() if line.strip()]
        broken = [line for line in lines if not line.startswith("{")]
        assert broken == [], f"{name} writes lines that no log store can read"
        assert all("event" in json.loads(line) for line in lines)


async def test_the_search_after_the_last_test_finds_what_was_planted(
    platform, people, group, say, tmp_path
):
    said = f"nobody may repeat {secrets.token_hex(8)}"
    await say("ann", await group("ann", "bob", name=secrets.token_hex(8)), said)
    token = people["ann"].profile.access_token
    section = platform.kafka
    planted = f"planted-{secrets.token_hex(4)}"
    async with AsyncMongoClient(platform.mongo_url) as client, admin(section) as kafka:
        await client[planted]["notes"].insert_one({"deep": [{"text": f"it is {PASSWORD}"}]})
        await client[planted]["words"].insert_one({"text": said})
        await kafka.create_topics([NewTopic(planted, 1, 1)])
        async with AIOKafkaProducer(bootstrap_servers=section.url, **security(section)) as producer:
            await producer.send_and_wait(planted, f"Bearer {token}".encode())
        try:
            spans = f"GET /?q={json.dumps(said)[1:-1]}".encode()
            opens = leaks.door_openers(platform, tmp_path)
            found = {place async for place in leaks.found(platform, opens, spans=spans)}
        finally:
            await client.drop_database(planted)
            await kafka.delete_topics([planted])

    # The token may also be in a file of credentials.
    assert {place for place in found if "credentials" not in place} == {
        f"MongoDB {planted}.notes holds a password",
        f"MongoDB {planted}.words holds what was said: {said}",
        f"Kafka {planted} holds a token: {token[:12]}…",
        f"a span holds what was said: {said}",
    }


async def test_processes_tell_of_their_calls_where_spans_are_searched(platform, handles, received):
    async def is_told():
        # A process exports one trace in ten, every few seconds.
        async with platform.signed_in(handles["ann"]):
            pass
        return b"plexus.directory" in received.content and b"SignIn" in received.content

    await eventually(is_told, within=60, every=0.2)
