"""Logs tell what happened and never what was said, nor anything that opens a door."""

import json
import secrets

from bson import BSON
from plexus_local.harness import ADMIN_PASSWORD, PASSWORD
from plexuskit.testing.wait import eventually
from pymongo import AsyncMongoClient


async def test_no_log_holds_a_password_a_token_a_secret_or_what_was_said(
    platform, cli, new_cli, people, handles, group, say
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
        "a password": PASSWORD,
        "the administrator's password": ADMIN_PASSWORD,
        "a wrong password": wrong,
        "the bootstrap secret": platform.layout.bootstrap_secret.read_text().strip(),
    }
    for name, plexus in people.items():
        hidden[f"the access token of {name}"] = plexus.profile.access_token
        hidden[f"the refresh token of {name}"] = plexus.profile.refresh_token
    for path in platform.layout.keys.glob("*.json"):
        for number, private in enumerate(_private(json.loads(path.read_text()))):
            hidden[f"private key {number} of {path.name}"] = private
    for name, process in platform.processes.items():
        text = process.log_text()
        assert text, f"{name} logs nothing"
        found = [what for what, value in hidden.items() if value in text]
        assert found == [], f"the log of {name} holds {found}"


async def test_no_store_holds_what_opens_a_door_nor_what_was_said_outside_its_place(
    platform, people, group, say
):
    canary = f"canary {secrets.token_hex(8)} 金丝雀"
    room = await group("ann", "bob", name=f"room {secrets.token_hex(8)}")
    await say("ann", room, canary)
    opens = {
        "a password": PASSWORD,
        "the administrator's password": ADMIN_PASSWORD,
        "the bootstrap secret": platform.layout.bootstrap_secret.read_text().strip(),
    }
    for name, plexus in people.items():
        opens[f"the access token of {name}"] = plexus.profile.access_token
        opens[f"the refresh token of {name}"] = plexus.profile.refresh_token
    for path in platform.layout.keys.glob("*.json"):
        for number, private in enumerate(_private(json.loads(path.read_text()))):
            opens[f"private key {number} of {path.name}"] = private

    holding, looked_at = set(), 0
    client = AsyncMongoClient(platform.urls.mongo)
    async with client:
        for name in await client.list_database_names():
            if name in {"admin", "config", "local"}:
                continue
            for collection in await client[name].list_collection_names():
                async for document in client[name][collection].find({}):
                    looked_at += 1
                    text = BSON.encode(document)
                    found = [what for what, value in opens.items() if value.encode() in text]
                    assert found == [], f"{name}.{collection} holds {found}"
                    if canary.encode() in text:
                        holding.add(f"{name.removeprefix('plexus_')}.{collection}")
    assert looked_at > 100
    # The log of the conversation, and its cache of the last message; nobody was told of this one.
    assert holding <= {"messaging.entries", "messaging.heads"}, holding
    assert "messaging.entries" in holding


async def test_every_line_of_a_log_is_json_with_its_service(platform):
    for name, process in platform.processes.items():
        lines = [line for line in process.log_text().splitlines() if line.strip()]
        broken = [line for line in lines if not line.startswith("{")]
        assert broken == [], f"{name} writes lines that no log store can read"
        assert all("event" in json.loads(line) for line in lines)


def _private(content):
    """Give every value of a key file that is named as private."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key in {"private", "d"} and isinstance(value, str):
                yield value
            else:
                yield from _private(value)
    elif isinstance(content, list):
        for value in content:
            yield from _private(value)
