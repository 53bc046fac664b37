"""The work of an auditor: entries of an actor, their proof, and past readers of an object."""

import json
import secrets

from plexus.audit.v1.access_service_pb2 import WhoCanSeeRequest
from plexus.audit.v1.audit_pb2 import AuditEntry
from plexus.audit.v1.audit_service_pb2 import ListAuditEntriesRequest
from plexus.directory.v1.directory_service_pb2 import DeactivatePersonRequest
from plexus.messaging.v1.messaging_service_pb2 import RemoveMembersRequest
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import MongoSection
from plexuskit.mongo import connect


async def test_gw_07_the_ledger_tells_who_did_what_and_names_what_was_altered(
    platform, cli, people, tmp_path
):
    handle = (await platform.new_people("leaver"))["leaver"]
    leaver, root = f"person:{platform.id_of(handle)}", people["root"]
    await root.call(
        root.directory.DeactivatePerson,
        DeactivatePersonRequest(request_id=secrets.token_hex(8), person_id=platform.id_of(handle)),
    )

    async def told():
        request = ListAuditEntriesRequest(object=leaver, action="PersonDeactivated")
        return (await root.call(root.audit.ListAuditEntries, request)).entries

    await eventually(told, within=30)
    listed = (await cli("--as", "root", "audit", "list", "--object", leaver, "--json")).json
    gone = next(entry for entry in listed if entry["action"] == "PersonDeactivated")
    assert gone["actor_id"] == root.profile.person_id
    assert gone["version_after"] == gone["version_before"] + 1
    assert (gone["details"]["-state"], gone["details"]["+state"]) == ("active", "deactivated")
    refused = await cli("--as", "bob", "audit", "list", code=1)
    assert "PERMISSION" in refused.err

    async def decided(**wanted):
        request = ListAuditEntriesRequest(**wanted)
        return (await root.call(root.audit.ListAuditEntries, request)).entries

    done = await eventually(
        lambda: decided(object=leaver, action="DirectoryService/DeactivatePerson"), within=30
    )
    assert (done[0].decision, done[0].outcome) == (AuditEntry.DECISION_ALLOWED, "OK")
    denied = await eventually(
        lambda: decided(
            actor_id=people["bob"].profile.person_id,
            action="AuditService/ListAuditEntries",
            decision=AuditEntry.DECISION_REFUSED,
        ),
        within=30,
    )
    assert dict(denied[0].details)["permission"] == "audit.read"

    kept, exported = tmp_path / "kept.json", tmp_path / "ledger.jsonl"
    verified = (await cli("--as", "root", "audit", "verify", "--keep", str(kept), "--json")).json
    assert verified["finding"] is None
    assert verified["verified"] == verified["head"]["no"] >= gone["no"]
    await cli("--as", "root", "audit", "export", str(exported), "--to", str(gone["no"]))
    await cli("--as", "root", "audit", "export", str(exported))
    assert "verified through" in (await cli("audit", "verify", str(exported))).out
    numbers = [json.loads(line)["no"] for line in exported.read_bytes().splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))

    section = MongoSection(url=platform.mongo_url, database="plexus_audit")
    async with connect(section) as db:
        ledger = db.collection("ledger", schema_version=1)
        entry = {"no": gone["no"], "object": leaver}
        try:
            assert await ledger.update(entry, {"$set": {"actor_id": "per_somebody_else"}}) == 1
            ran = await cli("--as", "root", "audit", "verify", "--keep", str(kept), code=1)
        finally:
            await ledger.update(entry, {"$set": {"actor_id": gone["actor_id"]}})
    assert f"Entry {gone['no']}:" in ran.err
    assert "ENTRY_ALTERED" in ran.err
    await cli("--as", "root", "audit", "verify", "--keep", str(kept))


async def test_gw_03_who_could_see_a_conversation_is_known_for_before_and_after_a_removal(
    cli, people, group, handles
):
    room, root = f"conversation:{await group('ann', 'bob')}", people["root"]
    ids = {name: people[name].profile.person_id for name in ("ann", "bob")}

    async def seen_by(*names):
        found = await root.call(root.access_history.WhoCanSee, WhoCanSeeRequest(object=room))
        return {each.person_id for each in found.viewers} == {ids[name] for name in names}

    await eventually(lambda: seen_by("ann", "bob"), within=30)
    then = SystemClock().now().isoformat()
    ann = people["ann"]
    await ann.call(
        ann.messaging.RemoveMembers,
        RemoveMembersRequest(
            request_id=secrets.token_hex(8),
            conversation_id=room.partition(":")[2],
            person_ids=[ids["bob"]],
        ),
    )
    await eventually(lambda: seen_by("ann"), within=30)

    before = (await cli("--as", "root", "access", "who", room, "--at", then, "--json")).json
    assert {each["person_id"] for each in before["viewers"]} == set(ids.values())
    explain = ("access", "explain", handles["bob"], "messages.read", room, "--json")
    now = (await cli("--as", "root", *explain)).json
    past = (await cli("--as", "root", *explain, "--at", then)).json
    assert (past["allowed"], now["allowed"]) == (True, False)
    assert f"{room}#member@person:{ids['bob']}" in [p for s in past["steps"] for p in s["path"]]
    assert now["steps"][-1]["kind"] == "KIND_RELATION"

    own = (await cli("--as", "bob", *explain)).json
    assert own["allowed"] is False
    other = await cli("--as", "bob", "access", "explain", handles["ann"], "messages.read", code=1)
    assert "SUBJECT_NOT_FOUND" in other.err
