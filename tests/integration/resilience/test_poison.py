"""Records that cannot be handled: dead-lettered, passed over, and replayed by an operator."""

import asyncio
import json
import os
import secrets
import sys

import pytest
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.topics import MESSAGING_CONVERSATION_V1
from plexus_testkit.wait import eventually
from plexuskit.kafka import DeadLetter, dlq_list, producer

GROUPS = ("search.messages", "notify.messages")


@pytest.fixture
def plexus_command(platform):
    """Run the `plexus` command as an operator does."""
    env = os.environ | {
        "PLEXUS_HOME": str(platform.layout.root),
        **platform.operating,
        "PLEXUS_OPENSEARCH_URL": platform.urls.opensearch,
        "PLEXUS_GATEWAY_GRPC": platform.grpc_address,
    }

    async def run(*arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "plexus_cli", *arguments),
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    return run


async def test_a_poison_record_goes_to_the_dead_letters_and_the_partition_moves_on(
    platform, people, room, client, checker, plexus_command
):
    conversation = await room("ann", "bob")
    ann, bob = await client("ann"), await client("bob")
    await ann.send(conversation, "before", mention=bob.person_id)
    await checker.indexed(conversation, seqs=[1])
    unknown = await _unknown_fact(checker, conversation)

    garbage = b"\xff\xfenot an envelope" + secrets.token_bytes(8)
    await _publish(platform, conversation, garbage, unknown)
    await ann.send(conversation, "after", mention=bob.person_id)

    await checker.delivered(conversation, [ann, bob], seqs=[1, 2])
    await checker.indexed(conversation, seqs=[1, 2])
    await checker.notified(people["bob"], conversation, seqs=[1, 2])
    for group in GROUPS:
        await _dead(platform, group, conversation)
        # A fact that only a newer messaging knows is skipped.
        (letter,) = await _letters(plexus_command, group, conversation)
        assert letter["type"] is None
        assert letter["reason"]
        assert letter["attempts"] == 1


async def test_redriven_garbage_dies_again_in_its_own_group_and_harms_nobody(
    platform, room, client, checker, plexus_command
):
    conversation = await room("ann", "bob")
    ann, bob = await client("ann"), await client("bob")
    await ann.send(conversation, "before")
    await _publish(platform, conversation, b"\xff garbage")
    (first,) = await _dead(platform, GROUPS[0], conversation)
    (others,) = await _dead(platform, GROUPS[1], conversation)

    await plexus_command("admin", "dlq", "redrive", GROUPS[0], "--only", _position(first))

    async def died_again() -> bool:
        (letter,) = await _dead(platform, GROUPS[0], conversation)
        return letter.position != first.position

    await eventually(died_again, within=30, every=0.5)
    await ann.send(conversation, "after")
    await checker.delivered(conversation, [ann, bob], seqs=[1, 2])
    await checker.indexed(conversation, seqs=[1, 2])
    (still,) = await _dead(platform, GROUPS[1], conversation)
    assert still.position == others.position


async def test_src_8_what_a_broken_index_refused_is_found_after_its_repair_and_a_redrive(
    platform, people, room, client, checker, plexus_command
):
    conversation = await room("ann", "bob")
    ann = await client("ann")
    word = f"zebra{secrets.token_hex(4)}"
    await ann.send(conversation, "before")
    await checker.indexed(conversation, seqs=[1])

    async with _broken_index(checker):
        await ann.send(conversation, f"the {word} is here")
        (letter,) = await _dead(platform, GROUPS[0], conversation)
    assert await _hits(people["bob"], word) == 0
    report = await plexus_command("admin", "dlq", "redrive", GROUPS[0], "--only", _position(letter))

    assert report.startswith("1 sent again")
    await eventually(lambda: _hits(people["bob"], word), within=30, every=0.5)
    await checker.indexed(conversation, seqs=[1, 2])
    assert await _letters(plexus_command, GROUPS[0], conversation) == []


class _broken_index:  # noqa: N801 - used as a context manager
    """Redirect the index's writes into an index of another mapping, as a failed rebuild does."""

    ALIAS, BROKEN = "plexus-messages-write", "plexus-messages-broken"

    def __init__(self, checker) -> None:
        self._ask = checker.opensearch

    async def __aenter__(self) -> None:
        (self._index,) = await asyncio.to_thread(self._ask, "GET", f"/_alias/{self.ALIAS}")
        body = {"mappings": {"dynamic": "strict", "properties": {"title": {"type": "text"}}}}
        await asyncio.to_thread(self._ask, "PUT", f"/{self.BROKEN}", body)
        await self._lead(self._index, self.BROKEN)

    async def __aexit__(self, *_: object) -> None:
        await self._lead(self.BROKEN, self._index)
        await asyncio.to_thread(self._ask, "DELETE", f"/{self.BROKEN}")

    async def _lead(self, away_from: str, to: str) -> None:
        actions = [
            {"remove": {"index": away_from, "alias": self.ALIAS}},
            {"add": {"index": to, "alias": self.ALIAS, "is_write_index": True}},
        ]
        await asyncio.to_thread(self._ask, "POST", "/_aliases", {"actions": actions})


async def _unknown_fact(checker, conversation: str) -> bytes:
    """Return a real envelope whose fact has an unknown type."""
    envelope = Envelope.FromString((await checker.events_of(conversation))[-1])
    envelope.type = "plexus.messaging.v1.NeverHeardOf"
    envelope.event_id += "-unknown"
    return envelope.SerializeToString()


async def _publish(platform, conversation: str, *values: bytes) -> None:
    async with producer(platform.kafka) as out:
        await out.send_batch(
            [(MESSAGING_CONVERSATION_V1.name, conversation, value, {}) for value in values]
        )


async def _dead(platform, group: str, conversation: str, *, count: int = 1) -> list[DeadLetter]:
    """Wait until a group has this many dead letters of a conversation."""
    section = platform.kafka

    async def found() -> list[DeadLetter]:
        letters = await dlq_list(section, group, 1000)
        mine = [letter for letter in letters if letter.key == conversation]
        return mine if len(mine) == count else []

    return await eventually(found, within=30, every=0.25)


def _position(letter: DeadLetter) -> str:
    partition, offset = letter.position
    return f"{partition}:{offset}"


async def _letters(plexus_command, group: str, conversation: str) -> list[dict]:
    listed = json.loads(await plexus_command("admin", "dlq", "list", group, "--json"))
    return [letter for letter in listed if letter["key"] == conversation]


async def _hits(plexus, word: str) -> int:
    response = await plexus.call(plexus.search.Search, SearchRequest(query=word))
    return response.total
