"""Logs begun by an older release stay proved, and version 2 continues them (MSG-20)."""

import asyncio
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from bson import BSON, json_util
from messaging.app import Store, conversation_log
from messaging.config import LogSection
from messaging.log.domain.refusals import RequestIdReused
from messaging.log.operations.chains import begin_chain
from messaging.messages.domain.hashes import content_hash
from messaging.messages.domain.policies import DEFAULT
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.verifications import verify_conversation
from messaging.messages.store.messages import message_of
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.messaging_service_pb2 import ChainProblem
from plexus_cli import chain as client
from plexuskit.clock import SystemClock
from plexuskit.errors import DependencyDown

ROOT = Path(__file__).parents[4]
GOLDEN = Path(__file__).with_name("golden") / "chain_version_1.json"
OLDER = "873a8ee"
LAST = 14
SECRET = "vault code 929251"
EVER = replace(DEFAULT, edit_window=timedelta(days=36_500))


@pytest.fixture
async def golden(store):
    """Store the frozen entries of an older release; return the conversation."""
    held = json_util.loads(GOLDEN.read_text(), json_options=json_util.JSONOptions(tz_aware=True))
    for name, documents in held.items():
        collection = store.db.collection(name, schema_version=1)
        await collection.insert_many(documents)
    return held["conversations"][0]["_id"]


@pytest.fixture(scope="session")
def older_release(tmp_path_factory):
    """Check the older release's code out of the history; gives its path."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    command = [git, "-C", str(ROOT), "archive", OLDER, "services/messaging/src", "libs"]
    archive = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - fixed words
    if archive.returncode:
        pytest.skip(f"the history of this clone does not reach back to {OLDER}")
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
        packed.extractall(folder, filter="data")
    sources = [folder / "services/messaging/src"]
    sources += [folder / "libs" / name / "src" for name in ("plexuskit", "protos", "access")]
    return os.pathsep.join(map(str, sources))


@pytest.fixture
async def written(older_release, db, mongo_url):
    """Have the older release write a conversation; return its id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("older_child.py")),
        mongo_url,
        db.name,
        env=os.environ | {"PYTHONPATH": older_release},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), timeout=120)
    assert process.returncode == 0
    return out.decode().strip()


@pytest.fixture
def verify(store, person):
    async def carry_out(room, who="ann", *, first=0, last=0):
        return await verify_conversation(
            store, actor=person(who), conversation_id=room, first=first, last=last
        )

    return carry_out


def walked(links):
    """Prove links as a client does, from nothing but them; gives the numbers that are proved."""
    link, older, proved = client.GENESIS, client.Older(), []
    for each in links:
        begins = each.kind == "chain_begun"
        if each.version == 2:
            link = client.link_2(
                client.GENESIS if begins else link,
                change_no=each.change_no,
                header_hash=each.header_hash,
                body_hash=each.body_hash,
            )
            assert link == each.chain_hash
            proved.append(each.change_no)
        elif not each.unverifiable:
            link = client.link_1(
                link,
                change_no=each.change_no,
                kind=each.kind,
                entity_id=each.entity_id,
                content_hash=each.content_hash,
            )
            assert link == each.chain_hash
            proved.append(each.change_no)
        if begins and each.content_salt:
            assert hashlib.sha256(each.content_salt + older.digest).digest() == each.body_hash
        if older is not None and each.event and each.chain_hash:
            older.take(each.change_no, chain_hash=each.chain_hash, event=each.event)
        else:
            older = None
    return proved


def plain_hash(text):
    return content_hash(
        text=text.encode(),
        spans=(),
        mentions=(),
        mention_all=False,
        priority=1,
        reply_to_seq=0,
        attachments=(),
    )


async def check_life_goes_on(room, *, log, store, say, change, verify):
    """Continue an older log: it keeps its entries, is whole, and is bound by one entry."""
    before = await store.entries.list_changes(room, since=0, limit=100)
    assert len(before) == LAST
    assert (await verify(room)).problems == []

    # An older message's request id is compared by its hash, while that is there.
    again = await send_message(log, new_message=say(room, "ann", "offer is 57752 EUR"))
    assert (again.seq, again.deduplicated) == (1, True)
    with pytest.raises(RequestIdReused):
        await send_message(
            log, new_message=say(room, "ann", "other", request_id="offer is 57752 EUR")
        )
    for text in (SECRET, "other"):
        again = await send_message(log, new_message=say(room, "ann", text, request_id=SECRET))
        assert (again.seq, again.deduplicated) == (2, True)
    # A retry shows only at the write, so the first of them has begun version 2.
    assert len(await store.entries.list_changes(room, since=0, limit=100)) == LAST + 1

    stored = await send_message(log, new_message=say(room, "ann", "new"))
    assert (stored.seq, stored.change_no) == (6, LAST + 2)
    # The frozen log is of a fixed day: its messages are as old as they are when this runs.
    await change("edit", "ann", room, 4, text="re: third", policy=EVER)
    await change("react", "ann", room, 1, emoji="ok")

    after = await store.entries.list_changes(room, since=0, limit=100)
    kinds = [entry["kind"] for entry in after[LAST:]]
    assert kinds == ["chain_begun", "posted", "edited", "reacted"]
    assert [bytes(e["chain_hash"]) for e in after[:LAST]] == [
        bytes(e["chain_hash"]) for e in before
    ]
    found = await verify(room)
    assert found.problems == []
    assert set(walked(found.links)) >= {1, 2, LAST + 1, LAST + 2, LAST + 3, LAST + 4}
    return found


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_frozen_log_of_version_1_is_whole_and_goes_on(
    golden, log, store, say, change, verify
):
    await check_life_goes_on(golden, log=log, store=store, say=say, change=change, verify=verify)


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_log_that_the_older_release_wrote_is_whole_and_goes_on(
    written, log, store, say, change, verify
):
    await check_life_goes_on(written, log=log, store=store, say=say, change=change, verify=verify)


@pytest.mark.rule("MSG-20")
async def test_msg_20_provisioning_erases_the_hashes_of_what_was_recalled_before(
    golden, store, verify
):
    secret = plain_hash(SECRET)
    entries = store.db.collection("entries", schema_version=1)
    assert any(secret in BSON.encode(each) for each in await entries.find_all({}))

    await store.provision()
    await store.provision()

    assert not [each for each in await entries.find_all({}) if secret in BSON.encode(each)]
    found = await verify(golden)
    assert found.problems == []
    unverifiable = [each.change_no for each in found.links if each.unverifiable]
    assert unverifiable == list(range(3, LAST + 1))
    assert [each.change_no for each in found.links if not each.chain_hash] == unverifiable
    assert not [each for each in found.links if secret in each.SerializeToString()]


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_recalled_text_of_version_1_cannot_be_guessed_from_the_links_around_it(
    golden, store, log, say, verify
):
    """Given the previous link and all later ones, texts could be guessed against the next link."""
    await store.provision()
    await send_message(log, new_message=say(golden, "ann", "new"))
    entry = await store.entries.find_change(golden, 3)
    guess = client.link_1(
        bytes((await store.entries.find_change(golden, 2))["chain_hash"]),
        change_no=3,
        kind="posted",
        entity_id=entry["entity_id"],
        content_hash=plain_hash(SECRET),
    )
    assert guess == bytes(entry["chain_hash"])  # it would be right

    found = await verify(golden)

    told = b"".join(each.SerializeToString() for each in found.links)
    for later in await store.entries.list_changes(golden, since=2, limit=LAST - 2):
        assert bytes(later["chain_hash"]) not in told
    begun = found.links[LAST]
    assert (begun.kind, begun.content_salt) == ("chain_begun", b"")
    assert (await verify(golden, first=5)).previous == b""


@pytest.mark.rule("MSG-20")
@pytest.mark.parametrize("number", [1, 2, 5, 12])
async def test_msg_20_what_version_1_left_unbound_is_bound_once_version_2_began(
    golden, store, log, say, verify, number
):
    await send_message(log, new_message=say(golden, "ann", "new"))
    assert (await verify(golden)).problems == []
    entries = store.db.collection("entries", schema_version=1)
    entry = await store.entries.find_change(golden, number)
    envelope = Envelope.FromString(bytes(entry["event"]))
    envelope.actor_id = "bob"
    fact = client.read(bytes(entry["event"]))[1]
    change = {}
    if entry["kind"] == "posted":
        fact.message.sender_id = change["sender_id"] = "bob"
    else:
        fact.members[0].role = 3 if fact.members[0].role != 3 else 1
    envelope.fact = fact.SerializeToString()
    change["event"] = envelope.SerializeToString()
    await entries.update({"_id": entry["_id"]}, {"$set": change})

    kinds = {(each.change_no, each.kind) for each in (await verify(golden)).problems}

    assert (LAST + 1, ChainProblem.KIND_ALTERED_HEADER) in kinds


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_recall_of_an_older_message_leaves_the_binding_whole(
    golden, store, log, say, change, verify
):
    await send_message(log, new_message=say(golden, "ann", "new"))
    at_any_time = replace(DEFAULT, recall_window=timedelta(days=36_500))
    await change("recall", "ann", golden, 1, policy=at_any_time)

    found = await verify(golden)

    assert found.problems == []
    entry = await store.entries.find_change(golden, 2)
    assert "content_hash" not in entry
    assert message_of(entry).content_hash == b""
    assert plain_hash("offer is 57752 EUR") not in BSON.encode(entry)


@pytest.mark.rule("MSG-20")
async def test_msg_20_processes_that_begin_version_2_at_once_leave_one_binding_entry(
    golden, store, runtime, say, verify
):
    logs = [
        conversation_log(Store(store.db), section=LogSection(), clock=SystemClock())
        for _ in range(4)
    ]

    async def send(log, number):
        async with log.running(runtime):
            return await send_message(
                log, new_message=say(golden, "ann", f"new {number}", request_id=f"n{number}")
            )

    stored = await asyncio.gather(*(send(log, number) for number, log in enumerate(logs)))

    assert sorted(each.seq for each in stored) == [6, 7, 8, 9]
    after = await store.entries.list_changes(golden, since=LAST, limit=100)
    assert [entry["kind"] for entry in after] == ["chain_begun", *["posted"] * 4]
    assert (await verify(golden)).problems == []


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_process_that_dies_after_beginning_leaves_a_log_that_goes_on(
    golden, store, log, say, verify
):
    dying = conversation_log(Store(store.db), section=LogSection(), clock=SystemClock())
    log_state = await dying.log_states.load(golden)
    await begin_chain(dying, log_state, now=SystemClock().now())  # and nothing more comes from it
    late = await log.log_states.load(golden)
    assert late.head.chain_version == 2
    await begin_chain(
        dying, log_state, now=SystemClock().now()
    )  # the number is taken: nothing happens

    stored = await send_message(log, new_message=say(golden, "ann", "new"))

    assert stored.change_no == LAST + 2
    assert (await verify(golden)).problems == []


@pytest.mark.rule("MSG-20")
async def test_msg_20_an_older_process_that_still_writes_is_bound_by_another_entry(
    golden, store, log, say, verify, older_release, mongo_url
):
    """While a deployment rolls on, both releases write: each entry is linked by its writer's."""
    await send_message(log, new_message=say(golden, "ann", "new"))
    code = f"""
import asyncio
from older_child import *
async def go():
    async with connect(MongoSection(url={mongo_url!r}, database={store.db.name!r})) as db:
        runtime = Runtime(service="messaging", clock=SystemClock())
        log = Log(Store(db), section=LogSection(), clock=runtime.clock)
        async with log.running(runtime):
            await Writer(log, {golden!r}).say("ann", "old")
asyncio.run(go())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        cwd=Path(__file__).parent,
        env=os.environ | {"PYTHONPATH": older_release},
    )
    assert await asyncio.wait_for(process.wait(), timeout=120) == 0
    log.log_states.forget(golden)

    await send_message(log, new_message=say(golden, "ann", "newer"))

    after = await store.entries.list_changes(golden, since=LAST, limit=100)
    assert [entry["kind"] for entry in after] == [
        "chain_begun",
        "posted",
        "posted",
        "chain_begun",
        "posted",
    ]
    found = await verify(golden)
    assert found.problems == []


@pytest.mark.rule("MSG-20")
async def test_msg_20_nothing_is_sent_while_the_store_is_down(golden, log, say, monkeypatch):
    async def down(*_args, **_kwargs):
        raise DependencyDown

    monkeypatch.setattr(log.store.proofs, "list_entries", down)

    with pytest.raises(DependencyDown):
        await send_message(log, new_message=say(golden, "ann", "new"))


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_tail_read_with_others_knows_the_version_that_its_log_ends_in(
    golden, log, group
):
    newer = await group("ann", "bob")
    log.log_states.forget(newer)
    alone = {id_: (await log.log_states.load(id_)).head for id_ in (golden, newer)}
    for id_ in alone:
        log.log_states.forget(id_)

    together = await log.log_states.get_many(alone)

    assert {id_: log_state.head for id_, log_state in together.items()} == alone
    assert {id_: head.chain_version for id_, head in alone.items()} == {golden: 1, newer: 2}
