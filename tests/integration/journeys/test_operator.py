"""The work of an operator: health, figures, refusals, migrations, traces."""

import json
import secrets

import pytest
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messaging_service_pb2 import (
    CreateConversationRequest,
    SendMessageRequest,
)
from plexus_local.table import ENTRIES
from plexus_testkit.wait import eventually
from plexuskit.kafka import tail

PROCESSES = [entry.name for entry in ENTRIES]
CONSUMING = ("search", "notify")
RELAYING = ("directory", "messaging-relay", "tasks", "notify")


async def test_doctor_finds_nothing_wrong_with_a_healthy_platform(new_cli):
    async def healthy():
        # A consumer group may still be reading facts of other tests.
        findings = (await new_cli("admin", "doctor", "--json")).json
        return findings if all(finding["ok"] for finding in findings) else None

    findings = await eventually(healthy, within=40)
    subjects = {finding["subject"] for finding in findings}
    assert subjects >= {
        "mongo version",
        "mongo replica set",
        "mongo parameters",
        "mongo clock",
        "mongo database plexus_messaging",
        "topics",
        "group search.messages",
        "group notify.messages",
        "opensearch health",
        "opensearch analysis-smartcn",
        "gateway",
    }
    assert all(set(finding) == {"subject", "ok", "seen", "remedy"} for finding in findings)


async def test_doctor_names_what_cannot_be_reached_and_what_to_do(new_cli):
    nowhere = "http://127.0.0.1:9"
    ran = await new_cli("admin", "doctor", "--json", code=1, env={"PLEXUS_OPENSEARCH_URL": nowhere})
    (bad,) = [finding for finding in ran.json if not finding["ok"]]
    assert bad["subject"] == "opensearch"
    assert nowhere in bad["remedy"]
    assert "1 of " in ran.err


async def test_init_is_refused_once_there_is_a_tenant(new_cli):
    again = await new_cli(
        "admin", "init", "另一家", "--password-stdin", says="long enough\n", code=1
    )
    assert "TENANT_EXISTS" in again.err
    secret = await new_cli(
        "admin",
        "init",
        "另一家",
        "--password-stdin",
        says="long enough\n",
        code=1,
        env={"PLEXUS_BOOTSTRAP_SECRET": "guessed"},
    )
    assert "TENANT_EXISTS" not in secret.err, "who guesses the secret learns nothing"


async def test_migrate_says_what_would_change_and_changes_nothing(new_cli):
    first = (await new_cli("admin", "migrate", "--dry-run", "--json")).json
    second = (await new_cli("admin", "migrate", "--dry-run", "--json")).json
    owners = {"audit", "directory", "messaging", "tasks", "notify"}
    assert {row["service"] for row in first} == owners
    assert [row["collection"] for row in first] == [row["collection"] for row in second]
    assert sum(row["failed"] for row in first) == 0
    assert ("messaging", "entries") in {(row["service"], row["collection"]) for row in first}


async def test_status_counts_what_there_is(cli, group, say):
    before = (await cli("--as", "root", "status", "--json")).json["counts"]
    room = await group("ann", "bob")
    for number in range(3):
        await say("ann", room, f"number {number}")
    after = (await cli("--as", "root", "status", "--json")).json
    assert set(after["counts"]) == {
        "people",
        "conversations",
        "messages",
        "indexed_messages",
        "tasks",
        "deliveries",
        "dead_letters",
    }
    assert after["counts"]["conversations"] - before["conversations"] == 1
    assert after["counts"]["messages"] - before["messages"] == 3
    assert after["counts"]["dead_letters"] == 0
    assert after["unavailable"] == {}


async def test_dead_letters_of_a_healthy_group_are_none_and_an_unknown_group_is_refused(new_cli):
    assert (await new_cli("admin", "dlq", "list", "search.messages", "--json")).json == []
    assert (await new_cli("admin", "dlq", "list", "search.nothing", code=1)).err


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_tells_that_it_lives_and_serves_and_what_it_does(platform, name):
    process = platform[name]
    assert process.get("/livez")[0] == 200
    status, body = process.get("/readyz")
    assert (status, json.loads(body)["ready"]) == (200, True)
    status, metrics = process.get("/metrics")
    assert status == 200
    for metric in (
        "plexus_outbox_age_seconds",
        "plexus_consumer_lag",
        "plexus_consumer_batch_size",
        "plexus_dlq_depth",
        "rpc_server_call_duration_seconds",
    ):
        assert f"# TYPE {metric} " in metrics


async def test_metrics_carry_figures_where_the_work_is_done(platform, group, say):
    room = await group("ann", "bob")
    await say("ann", room, "to be counted")

    def figures(name, metric):
        lines = platform[name].get("/metrics")[1].splitlines()
        return [line for line in lines if line.startswith(f"{metric}{{")]

    for name in CONSUMING:
        assert await eventually(
            lambda name=name: figures(name, "plexus_consumer_batch_size_count"), within=30
        )
        assert await eventually(lambda name=name: figures(name, "plexus_consumer_lag"), within=30)
    for name in RELAYING:
        lines = platform[name].get("/metrics")[1].splitlines()
        (age,) = [line for line in lines if line.startswith("plexus_outbox_age_seconds ")]
        assert float(age.split()[1]) < 30
    sends = [
        line
        for line in figures("gateway", "rpc_server_call_duration_seconds_count")
        if 'MessagingService/SendMessage"' in line and 'rpc_response_status_code="OK"' in line
    ]
    assert sends


async def test_a_trace_goes_from_the_client_through_kafka(platform, people):
    trace = secrets.token_hex(16)
    traceparent = f"00-{trace}-{secrets.token_hex(8)}-01"
    ann = people["ann"]
    metadata = (*await ann.metadata(), ("traceparent", traceparent))
    section = platform.kafka
    async with tail(section, ["messaging.conversation.v1"]) as records:
        request = CreateConversationRequest(
            request_id=secrets.token_hex(8),
            kind=Conversation.KIND_GROUP,
            name="traced",
            member_ids=[people["bob"].profile.person_id],
        )
        created = await ann.messaging.CreateConversation(request, metadata=metadata, timeout=20)
        room = created.conversation.id
        sent = SendMessageRequest(conversation_id=room, request_id="traced", text="follow me")
        await ann.messaging.SendMessage(sent, metadata=metadata, timeout=20)

        wanted = {"ConversationCreated", "MessagePosted"}
        seen = {}
        async for batch in records:
            seen |= {
                record.envelope.type.rpartition(".")[2]: record.traceparent
                for record in batch
                if record.key == room
            }
            if wanted <= seen.keys():
                break
    assert {kind: seen[kind].split("-")[1] for kind in wanted} == dict.fromkeys(wanted, trace)
