"""Search finds a message within seconds, and only for people who may read it."""

import json
import secrets
import time

import pytest
from plexus.messaging.v1.messaging_service_pb2 import RemoveMembersRequest
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus_testkit.wait import eventually

FRESH_SECONDS = 5.0
HIT_FIELDS = {"type", "id", "conversation_id", "seq", "text", "score"}


@pytest.fixture
def find(people):
    """Search as a person: `await find("ann", "words")`."""

    async def found(who, query, *types):
        plexus = people[who]
        return await plexus.call(plexus.search.Search, SearchRequest(query=query, types=types))

    return found


@pytest.fixture
def found_within(find):
    """Search until there is a hit; return the answer and the seconds it took."""

    async def waited(who, query, *types, within=FRESH_SECONDS):
        began = time.monotonic()

        async def hits():
            response = await find(who, query, *types)
            return response if response.hits else None

        response = await eventually(hits, within=within)
        return response, time.monotonic() - began

    return waited


@pytest.mark.alone
@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我家在上海东边。{word}", "上海 {word}"),
        ("具体情况就需要分析了 {word}", "具体情况 {word}"),
        ("The quarterly budget of {word} was approved", "budget {word}"),
        ("CRM系统 {word} 已经升级到 ABC-123", "CRM {word}"),
    ],
    ids=["place", "phrase", "english", "mixed"],
)
async def test_src_04_what_was_said_is_found_within_five_seconds_by_members_alone(
    group, say, find, found_within, text, query
):
    word = f"w{secrets.token_hex(4)}"
    room = await group("ann", "bob")
    sent = await say("ann", room, text.format(word=word))

    response, seconds = await found_within("bob", query.format(word=word), "message")
    assert seconds <= FRESH_SECONDS
    assert response.hits[0].id == sent.message_id
    assert response.hits[0].text == text.format(word=word)
    # The rare word occurs in nothing else; a non-member must not even learn a count.
    outside = await find("otto", word)
    assert (outside.total, list(outside.hits)) == (0, [])


async def test_src_02_who_is_removed_finds_nothing_at_the_very_next_query(
    people, group, say, find, found_within
):
    word = f"w{secrets.token_hex(4)}"
    room = await group("ann", "bob", "chen")
    await say("ann", room, f"the plan is called {word}")
    await found_within("chen", word)

    ann = people["ann"]
    request = RemoveMembersRequest(
        request_id=secrets.token_hex(8),
        conversation_id=room,
        person_ids=[people["chen"].profile.person_id],
    )
    await ann.call(ann.messaging.RemoveMembers, request)
    removed = await find("chen", word)
    assert (removed.total, list(removed.hits), removed.next_page_token) == (0, [], "")
    assert (await find("bob", word)).total == 1


async def test_src_01_what_was_said_while_one_was_away_stays_hidden_after_coming_back(
    cli, group, say, find, found_within, handles
):
    before, away, after = (f"w{secrets.token_hex(4)}" for _ in range(3))
    room = await group("ann", "bob")
    await say("ann", room, before)
    await cli("--as", "ann", "conversations", "remove", room, handles["bob"])
    await say("ann", room, away)
    await cli("--as", "ann", "conversations", "add", room, handles["bob"])
    await say("ann", room, after)
    await found_within("bob", after)
    assert (await found_within("ann", away))[0].total == 1
    assert [(await find("bob", word)).total for word in (before, away, after)] == [1, 0, 1]


async def test_search_json_says_exactly_what_scripts_rely_on(cli, group, say, found_within):
    word = f"w{secrets.token_hex(4)}"
    room = await group("ann", "bob", name=f"room of {secrets.token_hex(4)}")
    sent = await say("ann", room, f"会议纪要 {word}")
    await found_within("bob", word)

    answer = (await cli("--as", "bob", "search", word, "--json")).json
    assert set(answer) == {"total", "partial", "hits"}
    assert (answer["total"], answer["partial"]) == (1, False)
    (hit,) = answer["hits"]
    assert set(hit) == HIT_FIELDS
    assert hit["score"] > 0
    assert {name: hit[name] for name in HIT_FIELDS - {"score"}} == {
        "type": "message",
        "id": sent.message_id,
        "conversation_id": room,
        "seq": sent.seq,
        "text": f"会议纪要 {word}",
    }
    people_read = await cli("--as", "bob", "search", word)
    assert people_read.lines[0] == "1 found"
    assert f"会议纪要 {word}" in people_read.out


async def test_search_of_many_lines_answers_each_in_its_place(cli, group, say, found_within):
    word = f"w{secrets.token_hex(4)}"
    room = await group("ann", "bob")
    await say("ann", room, f"line {word}")
    await found_within("bob", word)

    absent = f"w{secrets.token_hex(4)}"
    ran = await cli("--as", "bob", "search", "-", "--json", says=f"{word}\n{absent}\n{word}\n")
    answers = [json.loads(line) for line in ran.lines]
    assert [answer["total"] for answer in answers] == [1, 0, 1]

    too_long = "长" * 1_001
    refused = await cli("--as", "bob", "search", "-", says=f"{too_long}\n{word}\n", code=1)
    first, second = (json.loads(line) for line in refused.lines)
    assert first["error"] == "QUERY_INVALID"
    assert second["total"] == 1


async def test_src_07_tasks_and_people_are_found_beside_messages(
    cli, handles, find, found_within, people
):
    word = f"w{secrets.token_hex(4)}"
    created = await cli(
        "--as", "ann", "tasks", "create", f"准备 {word}", "--assign", handles["bob"], "--json"
    )
    response, _ = await found_within("bob", word)
    assert [(hit.type, hit.id) for hit in response.hits] == [("task", created.json["id"])]
    assert (await find("otto", word)).total == 0

    response, _ = await found_within("otto", handles["ann"], "person")
    assert people["ann"].profile.person_id in {hit.id for hit in response.hits}
