"""All memberships at once, for projections that begin (architecture: permission checks)."""

from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from messaging.app import Store
from messaging.conversations.operations.members import remove_members
from messaging.conversations.store import conversations
from messaging.log.domain.states import History
from messaging.messages.domain.policies import Policy
from messaging.messages.domain.refusals import PolicyDenied
from messaging.messages.operations.policies import update_messaging_policy
from messaging.messages.queries import authority
from messaging.messages.queries.authority import compact_snapshot, read_members
from plexuskit.clock import SystemClock


async def compact(store: Store) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    async for relation in compact_snapshot(store, tenant_id=""):
        conversation = await store.conversations.find(relation.object.partition(":")[2])
        assert conversation is not None
        assert (relation.relation, relation.subject) == ("member", "")
        assert relation.version == conversation.membership_version
        assert relation.tenant_id == "ten_acme"
        found.setdefault(relation.object, []).append(list(relation.subjects))
    return found


async def test_msg_14_every_conversation_comes_whole_and_without_those_who_left(
    store: Store, log: Any, group: Any, person: Any
):
    one, two = await group("ann", "bob", "cem"), await group("ann", "dora")
    await remove_members(
        log,
        actor=person("ann"),
        conversation_id=one,
        person_ids=["bob"],
        now=SystemClock().now(),
    )
    found = await compact(store)
    assert {key: sorted(chain.from_iterable(parts)) for key, parts in found.items()} == {
        f"conversation:{one}": ["person:ann", "person:cem"],
        f"conversation:{two}": ["person:ann", "person:dora"],
    }


async def test_one_with_very_many_members_comes_in_parts(
    store: Store, group: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(conversations, "MAX_TOGETHER", 2)
    room = await group("ann", "bob", "cem", "dora", "eve")
    parts = (await compact(store))[f"conversation:{room}"]
    assert [len(part) for part in parts] == [2, 2, 1]
    assert sorted(chain.from_iterable(parts)) == [
        f"person:{x}" for x in ("ann", "bob", "cem", "dora", "eve")
    ]


@pytest.mark.rule("MSG-14")
async def test_msg_14_a_roster_names_no_version_that_its_members_do_not_contain(
    store: Store, log: Any, group: Any, person: Any, monkeypatch: pytest.MonkeyPatch
):
    room = await group("ann", "bob")
    read = store.conversations._people_of

    async def while_bob_goes(conversation_ids: Any) -> Any:
        await remove_members(
            log,
            actor=person("ann"),
            conversation_id=room,
            person_ids=["bob"],
            now=SystemClock().now(),
        )
        async for each in read(conversation_ids):
            yield each

    monkeypatch.setattr(store.conversations, "_people_of", while_bob_goes)
    (relation,) = [each async for each in compact_snapshot(store, tenant_id="")]

    conversation = await store.conversations.find(room)
    assert conversation is not None
    assert relation.version < conversation.membership_version
    assert list(relation.subjects) == ["person:ann"]


@pytest.mark.rule("MSG-14")
async def test_msg_14_one_conversation_is_told_with_what_each_of_its_members_may_see(
    store: Store, log: Any, group: Any, person: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(authority, "MEMBERS_TOGETHER", 2)
    room = await group("ann", "bob", "cem", "dora")
    open_room = await group("ann", "bob", history=History.ALL)
    await remove_members(
        log,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["bob"],
        now=SystemClock().now(),
    )
    parts = [each async for each in read_members(store, conversation_id=room)]
    conversation = await store.conversations.find(room)
    assert conversation is not None
    members = {each.person_id: each for part in parts for each in part.members}
    assert set(members) == {"ann", "cem", "dora"}
    assert [len(part.members) for part in parts] == [2, 1]
    assert {part.version for part in parts} == {conversation.membership_version}
    assert {part.tenant_id for part in parts} == {"ten_acme"}
    ((first, last),) = [(each.first_seq, each.last_seq) for each in members["cem"].intervals]
    assert (first, last) == (1, 0)

    (part,) = [each async for each in read_members(store, conversation_id=open_room)]
    assert part.everything
    assert not any(each.intervals for each in part.members)

    (none,) = [each async for each in read_members(store, conversation_id="cnv_none")]
    assert (none.version, list(none.members)) == (0, [])


async def test_gw_03_a_role_of_the_tenants_own_is_enough_where_its_permission_is(
    store: Store, person: Any
):
    member = person("ann")
    with pytest.raises(PolicyDenied):
        await update_messaging_policy(store, actor=member, policy=Policy())
    officer = replace(member, extra=frozenset({"messages.configure"}))
    assert (await update_messaging_policy(store, actor=officer, policy=Policy())).version
    app = replace(officer, scopes=frozenset({"messages.read"}))
    with pytest.raises(PolicyDenied):
        await update_messaging_policy(store, actor=app, policy=Policy())
