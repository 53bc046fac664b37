"""Entries about sign-in as an auditor reads them: person, method, address, failures (GW-7)."""

import json
import secrets

import grpc
import pyotp
import pytest
from bson import BSON
from plexus.directory.v1.session_service_pb2 import SetPasswordRequest, SignInRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus_sdk import open_channel
from plexus_testkit.harness import PASSWORD
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import MongoSection
from plexuskit.mongo import connect

HERE = "127.0.0.1/32"
WRONG = "not the password"
SAID = f"{PASSWORD}\n"
# A process with its clock ahead reports the failures of this minute without waiting for its end.
AHEAD = "180"
TOLD_WITHIN = 45


async def fail_to_sign_in(platform, handle, *, times):
    async with open_channel(platform.grpc_address) as channel:
        for _ in range(times):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await SessionServiceStub(channel).SignIn(
                    SignInRequest(handle=handle, password=WRONG, device="journeys"), timeout=20
                )
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture
def listed(cli):
    """List the ledger as an auditor until it contains the expected entries."""

    async def wait_for(action, *, is_wanted, count=1):
        async def found():
            command = ("--as", "root", "audit", "list", "--action", action, "--json")
            entries = [
                entry for entry in (await cli(*command, "--limit", "200")).json if is_wanted(entry)
            ]
            return entries if len(entries) >= count else None

        return await eventually(found, within=TOLD_WITHIN, every=0.5)

    return wait_for


@pytest.mark.rule("GW-7")
async def test_gw_07_an_auditor_reads_how_a_person_signs_in_and_what_they_set_up(
    platform, new_cli, people, listed
):
    handle = (await platform.new_people("vera"))["vera"]
    vera = f"person:{platform.id_of(handle)}"
    root = people["root"]

    def is_hers(entry):
        return entry["details"].get("person") == vera

    login = ("--url", platform.grpc_address, "login", handle, "--password-stdin")
    await new_cli(*login, says=SAID)
    shown = await new_cli("second-factor", "totp", "--password-stdin", says=SAID)
    secret = shown.lines[1].removeprefix("Secret: ")
    code = pyotp.TOTP(secret).at(SystemClock().now())
    recovery = (await new_cli("second-factor", "confirm", code)).lines[-1]
    made = await new_cli("tokens", "create", "报表", "--scope", "people.read")
    await new_cli(*login, "--code", recovery, says=SAID)
    another = secrets.token_hex(12)
    request = SetPasswordRequest(
        person_id=platform.id_of(handle), new_password=another, reason="phone was stolen"
    )
    await root.call(root.sessions.SetPassword, request)

    started = await listed("SessionStarted", is_wanted=is_hers, count=2)
    assert {entry["actor_id"] for entry in started} == {platform.id_of(handle)}
    assert {entry["details"]["network"] for entry in started} == {HERE}
    methods = [set(entry["details"]["methods"].split()) for entry in started]
    assert methods[1] == {"pwd"}
    assert methods[0] > {"pwd", "mfa"}
    (factor,) = await listed("SecondFactorAdded", is_wanted=is_hers)
    assert (factor["actor_id"], factor["details"]["kind"]) == (platform.id_of(handle), "totp")
    (token,) = await listed("ApiTokenCreated", is_wanted=is_hers)
    assert token["object"].startswith("api_token:")
    assert (token["details"]["name"], token["details"]["scopes"]) == ("报表", "people.read")
    (password,) = await listed("PasswordSet", is_wanted=is_hers)
    assert (password["object"], password["actor_id"]) == (vera, root.profile.person_id)
    assert password["details"]["reason"] == "phone was stolen"
    told = json.dumps([*started, factor, token, password])
    for hidden in (PASSWORD, another, secret, recovery, made.lines[-1]):
        assert hidden not in told


@pytest.mark.rule("GW-7")
async def test_gw_07_failed_attempts_are_one_entry_for_a_person_network_and_minute(
    platform, listed, cli
):
    handle = (await platform.new_people("wanda"))["wanda"]
    wanda = f"person:{platform.id_of(handle)}"
    typed_by_mistake = f"my-secret-{secrets.token_hex(6)}"
    await within_one_minute()
    await fail_to_sign_in(platform, handle, times=3)
    await fail_to_sign_in(platform, typed_by_mistake, times=2)

    async with platform.another("directory", roles=("upkeep",), PLEXUS_CLOCK_OFFSET=AHEAD):
        (failed,) = await listed(
            "SignInFailed", is_wanted=lambda entry: entry["details"].get("person") == wanda
        )
        nobody = await listed(
            "SignInFailed",
            is_wanted=lambda entry: (
                "person" not in entry["details"]
                and entry["details"]["minute"] == failed["details"]["minute"]
            ),
        )

    assert (failed["details"]["attempts"], failed["details"]["network"]) == ("3", HERE)
    assert (failed["details"]["failed"], failed["details"]["person"]) == ("password", wanda)
    assert failed["object"] == f"sign_in:{platform.id_of(handle)}"
    assert nobody[0]["object"].startswith("sign_in:ten_")
    assert int(nobody[0]["details"]["attempts"]) >= 2
    everything = await cli("--as", "root", "audit", "list", "--limit", "1000", "--json")
    assert typed_by_mistake not in everything.out
    assert not [place async for place in places_of(platform, typed_by_mistake)]


async def within_one_minute():
    """Wait until enough of a minute remains for all attempts."""
    await eventually(lambda: SystemClock().now().second < 40, within=25)


async def places_of(platform, word):
    """Yield the collections of directory and audit that contain a word."""
    names = {
        "plexus_directory": ("failed_sign_ins", "sign_in_attempts", "outbox", "sessions"),
        "plexus_audit": ("ledger",),
    }
    for database, collections in names.items():
        async with connect(MongoSection(url=platform.mongo_url, database=database)) as db:
            for name in collections:
                found = await db.collection(name, schema_version=1).find_all({})
                if any(word.encode() in BSON.encode(document) for document in found):
                    yield f"{database}.{name}"
